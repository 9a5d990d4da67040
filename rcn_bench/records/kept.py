"""What stands at the root of results that are kept: the checksum of every file, and on what machines all was made."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from rcn_bench.errors import InputError
from rcn_bench.provenance import Machine, Origin
from rcn_bench.records.base import Document, with_checksum
from rcn_bench.records.plain import to_plain

MANIFEST = "MANIFEST.json"


@dataclass(frozen=True)
class System:
    """A machine with its packages. stages: of the workflow, those of which it made something."""

    stages: list[str]
    machine: Machine
    packages: dict[str, str | None]


@dataclass(frozen=True, kw_only=True)
class Manifest(Document):
    """files: the sha256 of every file beside this one, by its path from here.

    left_out: likewise of what records tell of and is not kept, such as weights. systems: all that records were made on.
    """

    made_by: ClassVar[str] = "rcn-bench keep"

    files: dict[str, str]
    left_out: dict[str, str]
    systems: list[System]


def read_manifest(path: Path) -> Manifest:
    """To the last blank as it was written, since nothing else has the checksum of this file.

    Errors: InputError if it is not.
    """
    manifest = Manifest.read(path)
    if path.read_text() != json.dumps(with_checksum(to_plain(manifest)), indent=2) + "\n":
        raise InputError(f"{path}: changed since it was written")
    return manifest


def systems_of(origins: Iterable[Origin]) -> list[System]:
    """Those on which all of it was made, each once; the first is that of the first origin."""
    found: list[System] = []
    for origin in origins:
        for start in origin.starts:
            known = [each for each in found if (each.machine, each.packages) == (start.machine, start.packages)]
            if not known:
                found.append(System([origin.stage], start.machine, start.packages))
            elif origin.stage not in known[0].stages:
                known[0].stages.append(origin.stage)
    return found

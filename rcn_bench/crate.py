"""Results as an RO-Crate, by the profile Process Run Crate: a record is an action with what it read, made and ran on.

https://w3id.org/ro/crate/1.1 and https://w3id.org/ro/wfrun/process/0.5; rocrate-validator takes it.
"""

import io
import json
import zipfile
from collections.abc import Iterable, Iterator
from mimetypes import MimeTypes
from pathlib import Path
from typing import Any
from urllib.parse import quote

from rcn_bench.errors import InputError
from rcn_bench.files import file_hash, write_bytes
from rcn_bench.page.shelf import Shelf
from rcn_bench.provenance import Origin, Start
from rcn_bench.records.kept import MANIFEST
from rcn_bench.trust.tree import Link

METADATA = "ro-crate-metadata.json"
CRATE = "https://w3id.org/ro/crate/1.1"
PROFILE = "https://w3id.org/ro/wfrun/process/0.5"
TERMS = {name: f"https://w3id.org/ro/terms/workflow-run#{name}" for name in ("environment", "sha256")}
LICENCES = "https://spdx.org/licenses/"
FIRST_DAY = (1980, 1, 1, 0, 0, 0)  # of a zip file; so that the same results are the same bytes

KINDS = MimeTypes()  # those that Python knows, not those of the machine

Entity = dict[str, Any]


def write_crate(root: Path, output: Path, licence: str) -> str:
    """A zip file of results without weights and frames, with their ro-crate-metadata.json; returns a line.

    licence: of the results, as SPDX names it; a crate must have one.
    Errors: InputError for a folder that is no experiment's results, or that lacks a record or has one that is wrong.
    """
    shelf = Shelf(root)
    for why in shelf.wrong.values():
        raise InputError(f"{root}/{why}")
    for link in shelf.absent:
        raise InputError(f"{root}/{link.path}: not there; {link.kind.command(root / link.path)} makes it")
    names = list(_files(shelf))
    metadata = {"@context": [f"{CRATE}/context", TERMS], "@graph": list(_entities(shelf, names, licence))}
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as crate:
        _add(crate, METADATA, json.dumps(metadata, indent=1).encode())
        for name in names:
            _add(crate, name, (root / name).read_bytes())
    write_bytes(output, content.getvalue())
    return f"{len(names):,} files, {len(shelf.records):,} records as actions"


def _files(shelf: Shelf) -> Iterator[str]:
    """Those that are there, but for weights, which are large and known by their sha256."""
    weights = {name for link in shelf.tree.links for name in link.beside.values() if link.is_weights(name)}
    for name in dict.fromkeys([*shelf.tree.files(), MANIFEST]):
        if name not in weights and (shelf.tree.root / name).is_file():
            yield name


def _add(crate: zipfile.ZipFile, name: str, content: bytes) -> None:
    crate.writestr(zipfile.ZipInfo(name, FIRST_DAY), content, zipfile.ZIP_DEFLATED)


def _entities(shelf: Shelf, names: list[str], licence: str) -> Iterator[Entity]:
    experiment, records = shelf.tree.experiment, shelf.records
    starts = [start for record in records.values() for start in record.origin.starts]
    yield {"@id": METADATA, "@type": "CreativeWork", "conformsTo": {"@id": CRATE}, "about": {"@id": "./"}}
    yield {
        "@id": "./",
        "@type": "Dataset",
        "name": f"rcn_bench results: {experiment.name}",
        "description": "Recurrent Convolutions for Causal 3D CNNs, run again: records, scores, tables and figures.",
        "datePublished": max(start.time for start in starts),
        "license": {"@id": f"{LICENCES}{licence}"},
        "conformsTo": {"@id": PROFILE},
        **_refer(hasPart=names, mentions=(f"#{path}" for path in records)),
    }
    yield {"@id": PROFILE, "@type": "CreativeWork", "name": "Process Run Crate", "version": "0.5"}
    yield {"@id": f"{LICENCES}{licence}", "@type": "CreativeWork", "name": licence, "description": f"{licence} licence"}
    yield from (_file(shelf, name) for name in names)
    yield from (_action(shelf, shelf.links[path], record.origin, names) for path, record in records.items())
    yield from _once(_software(start) for start in starts)
    yield from _once(
        _value(f"#{name}={value}", name, value) for start in starts for name, value in _told(start).items()
    )
    yield from _once(value for path in records for value in _absent(shelf, path, names))


def _file(shelf: Shelf, name: str) -> Entity:
    path = shelf.tree.root / name
    return {
        "@id": _id(name),
        "@type": "File",
        "name": name,
        "contentSize": str(path.stat().st_size),
        "sha256": file_hash(path),
        "encodingFormat": KINDS.guess_type(name)[0] or "application/octet-stream",
    }


def _action(shelf: Shelf, link: Link, origin: Origin, names: list[str]) -> Entity:
    """How a record came to be, by its last start."""
    start = origin.starts[-1]
    made = [link.path, *(_made_name(name, names) for name in link.beside.values())]
    read = [_input_name(shelf, named, names) for named in origin.inputs]
    return {
        "@id": _id(f"#{link.path}"),
        "@type": "CreateAction",
        "name": f"{link.stage} {link.target}".strip(),
        "description": start.command,
        "startTime": origin.starts[0].time,
        "actionStatus": {"@id": "http://schema.org/CompletedActionStatus"},
        "instrument": {"@id": _software(start)["@id"]},
        **_refer(object=read, result=made, environment=(f"#{name}={value}" for name, value in _told(start).items())),
    }


def _software(start: Start) -> Entity:
    version = start.commit or start.packages["rcn_bench"] or "not known"
    version += " with changes" if start.dirty else ""
    return {
        "@id": _id(f"#rcn_bench-{version}"),
        "@type": "SoftwareApplication",
        "name": "rcn_bench",
        "softwareVersion": version,
    }


def _told(start: Start) -> dict[str, object]:
    """Of the machine and its packages, what is known."""
    machine = start.machine
    told = {"device": machine.device, "cpu": machine.cpu, "threads": machine.threads, "python": machine.python}
    return {name: value for name, value in {**told, **start.packages}.items() if value is not None}


def _input_name(shelf: Shelf, named: str, names: list[str]) -> str:
    """Of a file that an origin names: where it lies here, or as one that does not."""
    return _made_name(shelf.tree.of_input(named) or named, names)


def _absent(shelf: Shelf, path: str, names: list[str]) -> Iterator[Entity]:
    """What a record was made from, and what it tells of, that is not here: frames, weights, files of the user's."""
    link, record = shelf.links[path], shelf.records[path]
    told = {_input_name(shelf, named, names): sha256 for named, sha256 in record.origin.inputs.items()}
    told |= {_made_name(name, names): record.checksum(field) for field, name in link.beside.items()}
    yield from (_value(name, "sha256", sha256) for name, sha256 in told.items() if name not in names)


def _made_name(name: str, names: list[str]) -> str:
    return name if name in names else f"#not-kept/{name}"


def _value(identity: str, name: str, value: object) -> Entity:
    return {"@id": _id(identity), "@type": "PropertyValue", "name": name, "value": str(value)}


def _refer(**names: Iterable[str]) -> dict[str, Any]:
    """Keys that refer to others by name: to several as a list, to one as it is, to none not at all."""
    found = {key: [{"@id": _id(name)} for name in of_key] for key, of_key in names.items()}
    return {key: ids if len(ids) > 1 else ids[0] for key, ids in found.items() if ids}


def _id(name: str) -> str:
    """A name, which can be any bytes, as a part of a URI."""
    return quote(name, safe="/#+=@:,", errors="surrogateescape")


def _once(entities: Iterable[Entity]) -> Iterator[Entity]:
    yield from {entity["@id"]: entity for entity in entities}.values()

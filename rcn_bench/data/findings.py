"""What is found of videos, and the report that holds it, a CSV."""

import csv
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Any
from zlib import crc32

from rcn_bench.data.media.medium import Stamp, reason_of
from rcn_bench.errors import InputError, refusing
from rcn_bench.files import replacing

TEXT: dict[str, Any] = {"newline": "", "encoding": "utf-8", "errors": "surrogateescape"}  # file names are any bytes


@dataclass(frozen=True, slots=True)
class Finding:
    """What the check says of a video; a row of its report.

    decoding: ok; warnings (decoded whole, but the decoder complained); or missing, empty, not a video, no video stream,
    unreadable, truncated, too short (no frame in its span), crash (of the decoder). verdict: the same, or duplicate
    (the content of an earlier one), truncated (by what its list says), too short, unknown label. frames: decoded;
    claimed: as an MP4's index says, else 0. seconds: for which they are shown; 0 if they have no times. bytes,
    modified: of the file, by which a later check knows it again. sha256: of the file. span: the part of it that is
    meant, in words; empty for all of it.
    """

    id: str
    label: str
    verdict: str
    path: str
    decoding: str
    detail: str = ""
    frames: int = 0
    claimed: int = 0
    height: int = 0
    width: int = 0
    seconds: float = 0.0
    bytes: int = 0
    modified: int = 0
    sha256: str = ""
    checker: str = ""
    span: str = ""

    @property
    def stamp(self) -> Stamp:
        return self.bytes, self.modified

    @property
    def content(self) -> str:
        """The same for two findings of the same pictures alone."""
        return content_of(self.sha256, self.span)

    @property
    def reason(self) -> str:
        return reason_of(self.verdict, self.detail)


def content_of(sha256: str, span: str) -> str:
    return f"{sha256} {span}".rstrip()


KINDS: list[Any] = [field.type for field in fields(Finding)]
CHECKSUM = "crc32"  # of a row's other values: a later check believes none that has changed
COLUMNS = [*(field.name for field in fields(Finding)), CHECKSUM]


@contextmanager
def writing_report(path: Path) -> Iterator[Callable[[Finding], None]]:
    """A function that adds a finding to the report, which takes its place when all are in."""
    with replacing(path) as temporary, temporary.open("w", **TEXT) as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        yield lambda finding: write_finding(writer, finding)


def write_finding(writer: Any, finding: Finding) -> None:
    row = list(map(str, astuple(finding)))
    writer.writerow([*row, _checksum(row)])


def _checksum(row: list[str]) -> str:
    content = "\0".join(row).encode(errors="surrogateescape")
    return f"{crc32(content):08x}"


def read_report(path: Path) -> dict[str, Finding]:
    """The findings of a report by video; none if it is not there.

    A row that was torn by a kill or has changed is left out. Errors: InputError for a file that is no report.
    """
    if not path.is_file():
        return {}
    findings = {}
    other = InputError(f"{path}: not a report of this version of the check; delete it or name another")
    with refusing(lambda why: other), path.open(**TEXT) as file:
        rows = csv.reader(file)
        if next(rows, COLUMNS) != COLUMNS:
            raise other
        for *row, checksum in filter(None, rows):
            if checksum == _checksum(row):
                values: list[Any] = [kind(value) for kind, value in zip(KINDS, row, strict=True)]
                findings[row[0]] = Finding(*values)
    return findings

"""What stands beside a table or a figure: where it comes from."""

from dataclasses import dataclass
from typing import ClassVar

from rcn_bench.records.base import Record


@dataclass(frozen=True, kw_only=True)
class TableRecord(Record):
    """csv_sha256: of the table's plain numbers. runs: by name, all that it is made of."""

    made_by: ClassVar[str] = "rcn-bench table {path.stem}"
    subject: ClassVar[str] = "name"

    name: str
    title: str
    notes: list[str]
    csv_sha256: str
    runs: list[str]


@dataclass(frozen=True, kw_only=True)
class FigureRecord(Record):
    """csv_sha256: of the numbers behind the figure. runs: by name, all that it is made of."""

    made_by: ClassVar[str] = "rcn-bench figure {path.stem}"
    subject: ClassVar[str] = "name"

    name: str
    csv_sha256: str
    runs: list[str]

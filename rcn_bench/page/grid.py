"""A table of the page: columns, and for each row what it rests on."""

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field

from rcn_bench.page.cells import Column


@dataclass(frozen=True)
class Source:
    """What a row or a figure rests on: names of runs, and numbers of records as their shelf counts them."""

    runs: list[str] = field(default_factory=list)
    records: list[int] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.runs or self.records)

    @property
    def says(self) -> str:
        if self.runs:
            return f"{len(self.runs)} run{'s' if len(self.runs) > 1 else ''}"
        return f"{len(self.records)} record{'s' if len(self.records) > 1 else ''}"


@dataclass(frozen=True)
class Grid:
    """name: by which links lead to it. labels: what the rows are called. sources: of the rows.

    ids: by which links lead to the rows. file, download: the name of its CSV, and the CSV as a data URI.
    stacks: whether a narrow screen shows the cells of a row below each other.
    """

    name: str
    title: str
    columns: list[Column]
    notes: list[str] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    sources: list[Source] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    file: str = ""
    download: str = ""
    stacks: bool = False

    @property
    def height(self) -> int:
        return len(self.columns[0].cells) if self.columns else 0


def without_constants(columns: Sequence[Column]) -> tuple[list[Column], list[str]]:
    """The first column, which names the rows, those in which rows differ, and a note on the others."""
    constant = [column for column in columns[1:] if column.is_constant]
    shown = [f"{column.name}: {column.cells[0].text}" for column in constant if column.cells[0].order]
    empty = [column.name for column in constant if not column.cells[0].order]
    notes = [f"Of each row: {'; '.join(shown)}."] if shown else []
    notes += [f"Not available for any row: {'; '.join(empty)}."] if empty else []
    return [column for column in columns if column not in constant], notes


def data_uri(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{b64encode(content).decode()}"

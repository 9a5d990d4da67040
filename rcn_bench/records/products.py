"""What stands beside a table or a figure: where it comes from, and checksums of its files."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from rcn_bench.errors import InputError
from rcn_bench.records.base import Record, read_hashed


def _files(*suffixes: str) -> dict[str, str]:
    return {f"files.{suffix}": f"{{path.stem}}.{suffix}" for suffix in suffixes}


@dataclass(frozen=True, kw_only=True)
class ProductRecord(Record):
    """files: the sha256 of each, by its suffix. runs: by name, all that it is made of."""

    subject: ClassVar[str] = "name"

    name: str
    files: dict[str, str]
    runs: list[str]

    def check(self) -> None:
        if lacking := [field for field in self.beside if field.removeprefix("files.") not in self.files]:
            raise ValueError(f"{lacking[0]}: missing")

    def content(self, path: Path) -> bytes:
        """Of one of the files. Errors: InputError if it is not there, or not as it was written."""
        command, suffix = self.command(path), path.suffix.removeprefix(".")
        if suffix not in self.files:
            raise InputError(f"{path}: its record tells of no .{suffix}; run `{command}` again")
        return read_hashed(path, self.files[suffix], command)


@dataclass(frozen=True, kw_only=True)
class TableRecord(ProductRecord):
    made_by: ClassVar[str] = "rcn-bench table {path.stem}"
    beside: ClassVar[Mapping[str, str]] = _files("csv", "md", "tex")

    title: str
    notes: list[str]


@dataclass(frozen=True, kw_only=True)
class FigureRecord(ProductRecord):
    made_by: ClassVar[str] = "rcn-bench figure {path.stem}"
    beside: ClassVar[Mapping[str, str]] = _files("csv", "pdf", "png", "svg")

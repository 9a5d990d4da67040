"""What the formats that are CSV files share."""

from abc import abstractmethod
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import ClassVar

from rcn_bench.errors import InputError
from rcn_bench.lists.csv_file import header_of, rows_of
from rcn_bench.lists.formats import ListFormat
from rcn_bench.lists.video import Video

Row = dict[str, str]


class TableFormat(ListFormat):
    """A CSV file with a header and a row a video.

    columns: those that it must have, each with a value in every row. mark: the one by which it is recognised. Both in
    small letters, with underscores: the file may write them with capitals and blanks.
    """

    columns: ClassVar[tuple[str, ...]]
    mark: ClassVar[str]

    @abstractmethod
    def video(self, row: Row) -> Video:
        """The video of a row, by its columns' names as in ``columns``.

        Errors: ValueError that says what is wrong with a value.
        """

    def recognises(self, source: Path) -> bool:
        return self.mark in columns_of(source)

    def read(self, source: Path, root: Path) -> Iterator[Video]:
        with rows_of(source) as rows:
            names = {name: _plain(name) for name in rows.fieldnames}
            _require_columns([_plain(name) for name in rows.fieldnames], self, source)
            for values in rows:
                self.place = f"line {rows.line_num}"
                try:
                    row = {names[name]: value for name, value in values.items()}
                    _require_values(row, self.columns)
                    video = self.video(row)
                except ValueError as error:
                    raise InputError(f"{self.where(source)}: {error}") from error
                yield video


def columns_of(source: Path) -> list[str]:
    """The names of a CSV's columns in small letters, with underscores; none of what is no CSV."""
    with suppress(InputError):
        return [_plain(name) for name in header_of(source)] if source.is_file() else []
    return []


def _plain(name: str) -> str:
    return name.casefold().replace(" ", "_")


def _require_columns(names: list[str], table: TableFormat, source: Path) -> None:
    for column in table.columns:
        if column not in names:
            raise InputError(f"{source}: no column {column!r}; {table.name}: {table.summary()}")
    twice = [name for name in names if name and names.count(name) > 1]
    if twice:
        raise InputError(f"{source}: two columns {twice[0]!r}; remove or rename one")


def _require_values(row: Row, columns: Iterable[str]) -> None:
    for column in columns:
        if not row[column]:
            raise ValueError(f"no value for {column}")

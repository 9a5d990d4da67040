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

    columns: those that it must have, each with a value in every row. mark: the one by which it is recognised.
    """

    columns: ClassVar[tuple[str, ...]]
    mark: ClassVar[str]

    @abstractmethod
    def video(self, row: Row) -> Video:
        """The video of a row. Errors: ValueError that says what is wrong with a value."""

    def recognises(self, source: Path) -> bool:
        with suppress(InputError):
            return source.is_file() and self.mark in header_of(source)
        return False

    def read(self, source: Path, root: Path) -> Iterator[Video]:
        with rows_of(source) as rows:
            missing = [column for column in self.columns if column not in (rows.fieldnames or [])]
            if missing:
                raise InputError(f"{source}: no column {missing[0]!r}; {self.name}: {self.summary()}")
            for row in rows:
                self.place = f"line {rows.line_num}"
                try:
                    _require_values(row, self.columns)
                    video = self.video(row)
                except ValueError as error:
                    raise InputError(f"{self.where(source)}: {error}") from error
                yield video


def _require_values(row: dict, columns: Iterable[str]) -> None:
    if any(row.get(None, [])):  # where DictReader keeps what is beyond the header
        raise ValueError("more fields than the header has")
    for column in columns:
        if not row[column]:
            raise ValueError(f"no value for {column}")

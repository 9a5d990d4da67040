"""Reading CSV files with a header, as spreadsheets, scripts and people write them."""

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from itertools import zip_longest
from pathlib import Path
from typing import TextIO

from rcn_bench.errors import InputError
from rcn_bench.lists.text import opened

DELIMITERS = ",;\t"
LONGEST_HEADER = 2**16  # characters


class Rows:
    """The rows of a CSV that are not blank: dicts of values by the names of columns, "" where a value is missing.

    Neither names nor values keep the blanks around them, or the mark of a file that was joined to another one. The
    delimiter is what makes most columns of the header.

    fieldnames: of the columns. line_num: the line of the file in which the last row begins, from 1 on.
    """

    def __init__(self, source: Path, file: TextIO) -> None:
        self.source, self.line_num = source, 0
        header = next((line for line in file if line.strip()), "")
        file.seek(0)
        delimiter = max(DELIMITERS, key=lambda each: len(next(csv.reader([header], delimiter=each))))
        self._reader = csv.reader(file, delimiter=delimiter, strict=True, skipinitialspace=True)
        self._rows = self._split()
        self.fieldnames = next(self._rows, [])

    def __iter__(self) -> Iterator[dict[str, str]]:
        """Errors: InputError for a row that does not go with the header."""
        columns = len(self.fieldnames)
        for values in self._rows:
            if any(values[columns:]):
                raise InputError(f"{self.source}, line {self.line_num}: more fields than the header has")
            if values == self.fieldnames:
                raise InputError(f"{self.source}, line {self.line_num}: the header again; remove this line")
            yield dict(zip_longest(self.fieldnames, values[:columns], fillvalue=""))

    def _split(self) -> Iterator[list[str]]:
        while True:
            self.line_num = self._reader.line_num + 1
            try:
                values = [value.lstrip("\ufeff").strip() for value in next(self._reader)]
            except StopIteration:
                return
            except csv.Error as error:
                where = f"{self.source}, line {self.line_num}"
                raise InputError(f"{where}: not a row of a CSV file ({error}); look for a lone quote") from error
            if any(values):
                yield values


@contextmanager
def rows_of(source: Path) -> Iterator[Rows]:
    """The rows of a CSV, one by one. Errors: InputError if, as far as it is read, it is not one."""
    with opened(source, "a CSV file", newline="") as file:
        yield Rows(source, file)


def header_of(source: Path) -> list[str]:
    """The names of a CSV's columns. Errors: InputError if it is not one."""
    with opened(source, "a CSV file", newline="") as file:  # a file of another kind may be one line of many megabytes
        return Rows(source, StringIO(file.read(LONGEST_HEADER), newline="")).fieldnames

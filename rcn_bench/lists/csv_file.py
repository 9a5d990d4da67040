"""Reading CSV files with a header."""

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rcn_bench.errors import InputError


@contextmanager
def rows_of(source: Path) -> Iterator[csv.DictReader]:
    """The rows of a CSV, one by one. Errors: InputError if, as far as it is read, it is not one."""
    try:
        with source.open(newline="", encoding="utf-8-sig") as file:
            yield csv.DictReader(file, strict=True)
    except (csv.Error, UnicodeDecodeError) as error:
        raise InputError(f"{source}: not a CSV file ({error})") from error


def header_of(source: Path) -> list[str]:
    """The names of a CSV's columns. Errors: InputError if it is not one."""
    with rows_of(source) as rows:
        return list(rows.fieldnames or [])

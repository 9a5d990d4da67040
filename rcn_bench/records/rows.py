"""CSV files with typed columns that stand beside a record, which knows their checksum."""

import csv
import io
import math
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from rcn_bench.errors import InputError
from rcn_bench.records.base import read_hashed, write_hashed
from rcn_bench.records.plain import LARGEST

if TYPE_CHECKING:
    import pandas as pd


class Column(NamedTuple):
    """How the cells of a column are read and written."""

    parse: Callable[[str], Any]  # ValueError for a cell that is none
    text: Callable[[Any], str]
    dtype: str


def _finite(cell: str) -> float:
    if not math.isfinite(number := float(cell)):
        raise ValueError
    return number


def _count(cell: str) -> int:
    if not 0 <= (number := int(cell)) <= LARGEST:
        raise ValueError
    return number


TEXT = Column(str, str, "object")  # never a number or missing: a class may be called "01" or "null"
COUNT = Column(_count, lambda value: str(int(value)), "int64")
SCORE = Column(_finite, lambda value: str(round(float(value), 4)), "float64")
RIGHT = Column(  # 1, 0, or NaN where it is not known
    lambda cell: {"1": 1.0, "0": 0.0, "": math.nan}[cell],
    lambda value: "" if math.isnan(value) else {1: "1", 0: "0"}[value],
    "float64",
)


def answers(questions: Iterable[str]) -> dict[str, Column]:
    """The columns of a table with a row a video and way: which those are, and whether each answer is right."""
    return dict.fromkeys(("video", "group", "label", "way"), TEXT) | dict.fromkeys(questions, RIGHT)


def write_rows(path: Path, columns: Mapping[str, Column], table: Mapping[str, Iterable[Any]]) -> str:
    """Write a table, given by its columns (a dict or a frame); returns the file's sha256."""
    if list(table) != list(columns):
        raise ValueError(f"{path}: columns {list(table)}, not {list(columns)}")
    cells = [map(column.text, table[name]) for name, column in columns.items()]
    rows = [list(row) for row in zip(*cells, strict=True)]
    for row in rows:
        _parsed(row, columns)  # what could not be read back is not written
    content = "".join(map(_line, [list(columns), *rows])).encode(errors="surrogateescape")  # names can be any bytes
    return write_hashed(path, content)


def _line(row: list[str]) -> str:
    """Cells with a line's end in them are quoted; csv quotes those of its own line end alone, so that it is both."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerow(row)
    return text.getvalue().removesuffix("\r\n") + "\n"


def read_rows(path: Path, columns: Mapping[str, Column], sha256: str, command: str) -> "pd.DataFrame":
    """The table that ``command`` wrote as a frame.

    Errors: InputError if it is not there, has changed since, or has other columns or values.
    """
    import pandas as pd

    content = read_hashed(path, sha256, command)
    lines = csv.reader(io.StringIO(content.decode(errors="surrogateescape"), newline=""), strict=True)
    try:
        if (header := next(lines, [])) != list(columns):
            raise ValueError(f"its columns are {header}, not {list(columns)}")
        rows = [_parsed(line, columns) for line in lines]
    except (ValueError, csv.Error) as error:
        raise InputError(f"{path}: line {lines.line_num}: {error}; run `{command}` again") from error
    cells = zip(*rows, strict=True) if rows else ([] for _ in columns)
    series = (pd.Series(cell, dtype=column.dtype) for cell, column in zip(cells, columns.values(), strict=True))
    return pd.DataFrame(dict(zip(columns, series, strict=True)))


def _parsed(row: list[str], columns: Mapping[str, Column]) -> list[Any]:
    if len(row) != len(columns):
        raise ValueError(f"{len(row)} values, not {len(columns)}")
    values = []
    for (name, column), cell in zip(columns.items(), row, strict=True):
        try:
            values.append(column.parse(cell))
        except (ValueError, KeyError):
            raise ValueError(f"{name}: {cell!r} is no value of this column") from None
    return values

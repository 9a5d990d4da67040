"""The rows of a CSV as columns to be looked at and sorted: numbers with one count of decimals, intervals as one."""

import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rcn_bench.reporting.numbers import decimals_of, number_text

Row = Mapping[str, str]

MISSING = "n/a"
LOW, HIGH = " low", " high"  # how the columns with the ends of an interval end
NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?")
WORDS = {"True": "yes", "False": "no"}
LONG = 36  # characters, from which on a text is to get room to wrap in


@dataclass(frozen=True)
class Cell:
    """order: what it is sorted by, empty for one without a value. exact: the value, where the text is shorter.

    mark: the CSS class of a text that is to stand out.
    """

    text: str
    order: str
    exact: str = ""
    mark: str = ""


NOTHING = Cell(MISSING, "")


@dataclass(frozen=True)
class Column:
    name: str
    cells: list[Cell]
    numeric: bool = False

    @property
    def style(self) -> str:
        """Its CSS class."""
        if self.numeric:
            return "number"
        return "long" if max((len(cell.text) for cell in self.cells), default=0) > LONG else "text"

    @property
    def is_constant(self) -> bool:
        """Whether no rows differ in it."""
        return len(self.cells) > 1 and len({cell.order for cell in self.cells}) == 1


def read_rows(text: str) -> list[Row]:
    return list(csv.DictReader(io.StringIO(text)))


def columns_of(rows: Sequence[Row]) -> list[Column]:
    """All but that of runs."""
    names = [name for name in (rows[0] if rows else {}) if name != "runs"]
    found = []
    for name in names:
        values = [row[name] or "" for row in rows]
        if name.endswith(LOW) and (high := name.removesuffix(LOW) + HIGH) in names:
            found.append(_interval(name.removesuffix(LOW), values, [row[high] or "" for row in rows]))
        elif not (name.endswith(HIGH) and name.removesuffix(HIGH) + LOW in names):
            found.append(column(name, values))
    return found


def column(name: str, values: Sequence[str]) -> Column:
    """Of values as a CSV has them."""
    there = [value for value in values if value]
    if there and all(NUMBER.fullmatch(value) for value in there):
        return _of_numbers(name, values, there)
    words = WORDS if set(there) <= set(WORDS) else {}
    return Column(name, [Cell(words.get(value, value) or MISSING, value) for value in values])


def _of_numbers(name: str, values: Sequence[str], there: Sequence[str]) -> Column:
    if all(value.lstrip("-").isdigit() for value in there):
        return Column(name, [Cell(f"{int(value):,}" if value else MISSING, value) for value in values], numeric=True)
    decimals = 1 if "%" in name else decimals_of(map(float, there))
    cells = []
    for value in values:
        text = number_text(float(value), decimals) if value else MISSING
        cells.append(Cell(text, value, value if value != text else ""))
    return Column(name, cells, numeric=True)


def _interval(name: str, lows: Sequence[str], highs: Sequence[str]) -> Column:
    return Column(name, [interval_cell(low, high) for low, high in zip(lows, highs, strict=True)], numeric=True)


def interval_cell(low: str, high: str) -> Cell:
    """Its ends as a CSV has them, empty where there is none."""
    return Cell(f"{float(low):.1f} to {float(high):.1f}", low, f"{low} to {high}") if low and high else NOTHING

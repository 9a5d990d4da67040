"""The columns of a table as a reader sees them: texts, set to the left, or to the right where they are numbers."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from rcn_bench.reporting.numbers import decimals_of, number_text

NOT_AVAILABLE = "n/a"
COUNTS = ("videos", "clips", "videos skipped", "seeds")  # told in a line where no rows differ in them
CONDITIONS = (  # likewise: what says how something was taken, not what came out
    *("stem pool", "frames", "GMACs counted at", "clips/s timed at", "frames in the clip"),
    *("activations recomputed", "clips in the batch", "memory measured or estimated"),
    *("deterministic", "machine"),
)
LOW, HIGH, SPREAD = " low", " high", " spread %"  # how the columns end that stand beside another, or are one together
NUMBER = re.compile(r"[-+<]?\d[\d.,]*(e[-+]?\d+)?")


@dataclass(frozen=True)
class Column:
    name: str
    cells: list[str]
    is_numeric: bool


def readable_columns(rows: pd.DataFrame) -> list[Column]:
    """Of texts as they are to be shown."""
    return [Column(str(name), list(rows[name]), _are_numbers(list(rows[name]))) for name in rows]


def _are_numbers(cells: Sequence[str]) -> bool:
    there = [cell for cell in cells if cell]
    return bool(there) and all(NUMBER.fullmatch(cell) for cell in there)


def columns_of(rows: pd.DataFrame) -> list[Column]:
    """Of numbers: an interval's two columns become one, and so does a number with its spread.

    Left out: what no row has, and what ``told`` has a line on.
    """
    left_out = {*_constants(rows), *empty_columns(rows)}
    return [_column(rows, name) for name in map(str, rows) if name not in left_out and not _stands_beside(rows, name)]


def empty_columns(rows: pd.DataFrame) -> list[str]:
    """Those without a value in any row."""
    return [str(name) for name in rows if len(rows) and rows[name].isna().all()]


def told(rows: pd.DataFrame) -> list[str]:
    """What holds for all rows and stands in no column, such as "240 videos" and "frames 8"."""
    parts = []
    for name in _constants(rows):
        value = rows[name].iloc[0]
        shown = _cell(name, value, None)
        one = "seed" if name == "seeds" and shown == "1" else name
        parts.append(f"{shown} {one}" if name in COUNTS else f"{name} {shown}")
    return parts


def _constants(rows: pd.DataFrame) -> list[str]:
    names = [*COUNTS, *(CONDITIONS if len(rows) > 1 else ())]
    return [name for name in names if name in rows and rows[name].notna().all() and rows[name].nunique() == 1]


def _stands_beside(rows: pd.DataFrame, name: str) -> bool:
    """Whether it is shown in another's column."""
    other_end = name.endswith(HIGH) and f"{name.removesuffix(HIGH)}{LOW}" in rows
    return other_end or (name.endswith(SPREAD) and name.removesuffix(SPREAD) in rows)


def _column(rows: pd.DataFrame, name: str) -> Column:
    if name.endswith(LOW) and f"{name.removesuffix(LOW)}{HIGH}" in rows:
        of_both = name.removesuffix(LOW)
        ends = zip(rows[name], rows[f"{of_both}{HIGH}"], strict=True)
        return Column(of_both, [_interval(low, high) for low, high in ends], is_numeric=True)
    values = list(rows[name])
    there = [value for value in values if not _is_missing(value)]
    are_floats = any(isinstance(value, float) for value in there)
    decimals = (1 if "%" in name else decimals_of(there)) if are_floats else None
    cells = [_cell(name, value, decimals) for value in values]
    if f"{name}{SPREAD}" in rows:
        cells = [_with_spread(*each) for each in zip(cells, rows[f"{name}{SPREAD}"], strict=True)]
    return Column(name, cells, name == "seeds" or all(_is_number(value) for value in there))


def _with_spread(cell: str, spread: Any) -> str:
    return cell if _is_missing(spread) or cell == NOT_AVAILABLE else f"{cell} \N{PLUS-MINUS SIGN}{spread:.0f}%"


def _cell(name: str, value: Any, decimals: int | None) -> str:
    """decimals: of the floats of its column."""
    if _is_missing(value):
        return NOT_AVAILABLE
    if name == "seeds":
        return str(len(str(value).split()))
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return number_text(value, decimals)
    return f"{value:,}" if isinstance(value, int) else str(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and pd.isna(value))


def _interval(low: float | None, high: float | None) -> str:
    if low is None or high is None or pd.isna(low):
        return NOT_AVAILABLE
    return f"{low:.1f}-{high:.1f}" if low >= 0 else f"{low:.1f} to {high:.1f}"

"""A table in Markdown as lines for a terminal: as wide as that is, without links to runs."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from shutil import get_terminal_size
from textwrap import wrap

WIDTH = 100  # of what is no terminal, where COLUMNS does not say
GAP = 2  # spaces between columns
NARROWEST = 12  # of a column whose texts wrap
MOST_KEYS = 3  # columns that stand again in each part of a table that is too wide


@dataclass(frozen=True)
class _Column:
    name: str
    cells: list[str]
    to_the_right: bool

    @property
    def least(self) -> int:
        """The width that it needs: of its longest word; a number is one."""
        texts = [self.name, *self.cells]
        return max(map(len, self.cells), default=0) if self.to_the_right else _longest_word(texts)

    @property
    def natural(self) -> int:
        return max(_longest_word([self.name]), *map(len, self.cells), 1)


def terminal_width() -> int:
    return get_terminal_size((WIDTH, 0)).columns


def fitted(markdown: str, width: int) -> Iterator[str]:
    """Its lines. Long texts wrap; what is still wider than ``width`` comes in parts, one below the other."""
    rows: list[list[str]] = []
    for line in [*markdown.splitlines(), ""]:
        if line.startswith("|"):
            cells = re.split(r"(?<!\\)\|", line)[1:-1]
            rows.append([cell.strip().replace(r"\|", "|") for cell in cells])
            continue
        if rows:
            yield from _table(rows, width)
            rows = []
        yield from wrap(line.removeprefix("# "), width, subsequent_indent="  ", break_long_words=False) or [line]


def _table(rows: Sequence[Sequence[str]], width: int) -> Iterator[str]:
    header, sides, *body = rows
    columns = [
        _Column(name, [row[place] for row in body], side.endswith(":"))
        for place, (name, side) in enumerate(zip(header, sides, strict=True))
        if name != "runs"
    ]
    for number, part in enumerate(_parts(columns, width)):
        yield from [""] if number else []
        yield from _lines(part, _widths(part, width))


def _parts(columns: Sequence[_Column], width: int) -> Iterator[list[_Column]]:
    keys = columns[: _keys(columns)]
    part = list(keys)
    for column in columns[len(keys) :]:
        if len(part) > len(keys) and _least([*part, column]) > width:
            yield part
            part = list(keys)
        part.append(column)
    yield part


def _keys(columns: Sequence[_Column]) -> int:
    """How many of the first columns tell rows apart."""
    for count in range(1, MOST_KEYS):
        found = list(zip(*(column.cells for column in columns[:count]), strict=True))
        if len(set(found)) == len(found):
            return count
    return MOST_KEYS


def _least(columns: Sequence[_Column]) -> int:
    """The width at which they can stand side by side."""
    return sum(min(column.natural, max(column.least, NARROWEST)) for column in columns) + GAP * (len(columns) - 1)


def _widths(columns: Sequence[_Column], width: int) -> list[int]:
    """The widest column whose texts can wrap gives way until all fit."""
    widths = [column.natural for column in columns]
    while sum(widths) + GAP * (len(widths) - 1) > width:
        can = [
            place
            for place, column in enumerate(columns)
            if not column.to_the_right and widths[place] > max(column.least, NARROWEST)
        ]
        if not can:
            break
        widths[max(can, key=widths.__getitem__)] -= 1
    return widths


def _lines(columns: Sequence[_Column], widths: Sequence[int]) -> Iterator[str]:
    yield from _row(columns, widths, [column.name for column in columns], from_below=True)
    yield (" " * GAP).join("-" * width for width in widths)
    for cells in zip(*(column.cells for column in columns), strict=True):
        yield from _row(columns, widths, cells)


def _row(
    columns: Sequence[_Column], widths: Sequence[int], cells: Sequence[str], *, from_below: bool = False
) -> Iterator[str]:
    """from_below: of cells of several lines the last ones stand side by side, as in a heading."""
    wrapped = [wrap(cell, width, break_on_hyphens=False) or [""] for cell, width in zip(cells, widths, strict=True)]
    height = max(map(len, wrapped))
    for lines in wrapped:
        missing = [""] * (height - len(lines))
        lines[:] = [*missing, *lines] if from_below else [*lines, *missing]
    for line in zip(*wrapped, strict=True):
        aligned = [
            text.rjust(width) if column.to_the_right else text.ljust(width)
            for column, width, text in zip(columns, widths, line, strict=True)
        ]
        yield (" " * GAP).join(aligned).rstrip()


def _longest_word(texts: Sequence[str]) -> int:
    return max((len(word) for text in texts for word in text.split()), default=1)

r"""A table in LaTeX that fits the text of an article: 345 pt wide, as article.cls has it at 10 pt.

It takes the largest size of type at which its columns fit, and wraps long texts; where no size does, it lies on its
side, and where it is longer than a page it goes on on the next. Packages: booktabs, longtable and pdflscape.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from rcn_bench.reporting.columns import Column

TEXT_WIDTH, TEXT_HEIGHT = 345.0, 550.0  # points, of article.cls at 10 pt
GAP = 3.0  # points to either side of a column
ROOM = 0.97  # of the width: letters are measured by their kind alone
LONG, NARROWEST = 16, 50.0  # characters from which on a text may wrap; points of such a column, at least
# Sizes of type: points of a digit's width, and from line to line.
SIZES = {"small": (4.63, 11.0), "footnotesize": (4.25, 9.5), "scriptsize": (3.99, 8.0)}
SIGNS = str.maketrans(
    {sign: f"\\{sign}" for sign in "%_&#${}"}
    | {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
    | {"<": "$<$", ">": "$>$", "\N{PLUS-MINUS SIGN}": r"$\pm$\,"}
)
# Widths of letters, in those of a digit; all others are about as wide as one.
OTHER_WIDTHS = dict.fromkeys("iljI|.,:;'!()[]", 0.65) | dict.fromkeys("mwMW%@", 1.65) | dict.fromkeys("ftrs-/ ", 0.8)
CAPITALS = 1.45
NEW_LINE = r"\\"
CLEAR_OF_THE_RULE = r"\rule{0pt}{2ex}"  # \shortstack begins at the top of its letters
PACKAGES = {"booktabs": r"\toprule", "longtable": r"\begin{longtable}", "pdflscape": r"\begin{landscape}"}


@dataclass(frozen=True)
class Layout:
    """How a table fits. widths: of columns in points; wraps: which of them are paragraphs of that width."""

    size: str
    on_its_side: bool
    widths: list[float]
    wraps: list[bool]


def latex(title: str, columns: Sequence[Column], notes: Sequence[str], label: str) -> str:
    """title: "Table 1." before it is left out, since LaTeX counts tables itself."""
    layout = layout_of(columns)
    begin, end = ([r"\begin{landscape}"], [r"\end{landscape}"]) if layout.on_its_side else ([], [])
    uncounted = re.sub(r"^Table \d+[.] ", "", title)
    head = [rf"\caption{{{escaped(uncounted)}.}}\label{{{label}}}"]
    heights = rf"\{layout.size}\setlength{{\tabcolsep}}{{{GAP:g}pt}}"
    places, first, rows = _places(columns, layout), _header(columns, layout), _rows(columns, layout)
    below = escaped(" ".join(notes))
    if _height(columns, layout, below) > (TEXT_WIDTH if layout.on_its_side else TEXT_HEIGHT):
        heading = [r"\toprule", first, r"\midrule"]
        body = [rf"{{{heights}", rf"\begin{{longtable}}{{{places}}}", rf"{head[0]}\\", *heading, r"\endfirsthead"]
        body += [rf"\multicolumn{{{len(columns)}}}{{l}}{{Table \thetable{{}}, continued}} {NEW_LINE}", *heading]
        body += [r"\endhead", *rows, r"\bottomrule", r"\end{longtable}"]
        body += [rf"\noindent {below}\par}}"]
    else:
        body = [r"\begin{table}", r"\centering", *head, r"\medskip", heights, rf"\begin{{tabular}}{{{places}}}"]
        body += [r"\toprule", first, r"\midrule", *rows, r"\bottomrule", r"\end{tabular}"]
        body += [rf"\par\smallskip\begin{{minipage}}{{\linewidth}}{below}\end{{minipage}}", r"\end{table}"]
    lines = [*begin, *body, *end]
    packages = [name for name, sign in PACKAGES.items() if any(sign in line for line in lines)]
    return "\n".join([rf"% \usepackage{{{','.join(packages)}}}", *lines]) + "\n"


def layout_of(columns: Sequence[Column]) -> Layout:
    """The largest type at which all columns fit, upright if they do, with or without wrapping long texts."""
    for on_its_side, page in ((False, TEXT_WIDTH), (True, TEXT_HEIGHT)):
        for size in SIZES:
            room = ROOM * page - 2 * GAP * len(columns)
            if widths := _fitting(columns, size, room):
                return Layout(size, on_its_side, *widths)
    narrowest = [_widest_word(column, size) for column in columns]  # wider than any page: as narrow as words allow
    return Layout(size, True, narrowest, [_may_wrap(column) for column in columns])


def _fitting(columns: Sequence[Column], size: str, room: float) -> tuple[list[float], list[bool]] | None:
    widths, wraps = [_natural(column, size) for column in columns], [False for _ in columns]
    if sum(widths) <= room:
        return widths, wraps
    long = [place for place, column in enumerate(columns) if _may_wrap(column)]
    left = room - sum(width for place, width in enumerate(widths) if place not in long)
    least = {place: max(NARROWEST, _widest_word(columns[place], size)) for place in long}
    if not long or left < sum(least.values()):
        return None
    lengths = {place: sum(text_width(cell, size) for cell in columns[place].cells) for place in long}
    share = (left - sum(least.values())) / sum(lengths.values())
    for place in long:
        widths[place], wraps[place] = least[place] + share * lengths[place], True
    return widths, wraps


def _may_wrap(column: Column) -> bool:
    return not column.is_numeric and max(map(len, column.cells), default=0) > LONG


def text_width(text: str, size: str) -> float:
    """Points, about; a little more rather than less."""
    digits = sum(OTHER_WIDTHS.get(sign, CAPITALS if sign.isupper() else 1.03) for sign in text)
    return digits * SIZES[size][0]


def _natural(column: Column, size: str) -> float:
    return max(text_width(text, size) for text in (*_stacked(column.name), *column.cells))


def _widest_word(column: Column, size: str) -> float:
    words = re.split(r"\s+|(?<=\w-)(?=\w)", " ".join([column.name, *column.cells]))  # LaTeX may end a line at a hyphen
    return max(text_width(word, size) for word in words)


def _stacked(name: str) -> list[str]:
    """A heading in lines: a word each, but for short ones, which share."""
    lines: list[str] = []
    for word in re.split(r" (?!%)", re.sub(r"(?<=\w)/(?=\w{3})", "/ ", name)):
        joined = f"{lines[-1]}{'' if lines[-1].endswith('/') else ' '}{word}" if lines else word
        if lines and len(joined) <= 8:
            lines[-1] = joined
        else:
            lines.append(word)
    return lines


def _places(columns: Sequence[Column], layout: Layout) -> str:
    kinds = []
    for column, width, wraps in zip(columns, layout.widths, layout.wraps, strict=True):
        kinds.append(rf"p{{{width:.0f}pt}}" if wraps else "r" if column.is_numeric else "l")
    return "".join(kinds)


def _header(columns: Sequence[Column], layout: Layout) -> str:
    cells = []
    for column, width, wraps in zip(columns, layout.widths, layout.wraps, strict=True):
        lines = [escaped(line) for line in _stacked(column.name)]
        side = "r" if column.is_numeric else "l"
        stacked = rf"\shortstack[{side}]{{{CLEAR_OF_THE_RULE}{NEW_LINE.join(lines)}}}"
        wrapped = rf"\parbox[b]{{{width:.0f}pt}}{{\raggedright\strut {escaped(column.name)}\strut}}"
        cells.append(wrapped if wraps else lines[0] if len(lines) == 1 else stacked)
    return f"{' & '.join(cells)} {NEW_LINE}"


def _rows(columns: Sequence[Column], layout: Layout) -> list[str]:
    shown = [
        [(r"\raggedright " if wraps else "") + _cell(column, cell) for cell in column.cells]
        for column, wraps in zip(columns, layout.wraps, strict=True)
    ]
    end = r"\tabularnewline\addlinespace[2pt]" if any(layout.wraps) else NEW_LINE
    return [f"{' & '.join(cells)} {end}" for cells in zip(*shown, strict=True)]


def _cell(column: Column, cell: str) -> str:
    with_minus = re.sub(r"(?<![\w.])-(?=\d)", "$-$", escaped(cell))
    return re.sub(r"(?<=\d)-(?=\d)", "--", with_minus) if column.is_numeric else with_minus


def _height(columns: Sequence[Column], layout: Layout, notes: str) -> float:
    """Points, about: of the rows, of the heading with the caption, and of the notes."""
    lines = 8.0 + len(notes) * SIZES[layout.size][0] / (TEXT_HEIGHT if layout.on_its_side else TEXT_WIDTH)
    for cells in zip(*(column.cells for column in columns), strict=True):
        texts = zip(cells, layout.widths, layout.wraps, strict=True)
        lines += max(ceil(1.15 * text_width(cell, layout.size) / width) if wraps else 1 for cell, width, wraps in texts)
    return lines * SIZES[layout.size][1]


def escaped(text: str) -> str:
    return text.translate(SIGNS)

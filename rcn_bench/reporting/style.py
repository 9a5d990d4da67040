"""How all figures look: sizes, colours that colour-blind people tell apart, labels beside lines, a note below."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import ceil
from typing import Any

import matplotlib as mpl
import seaborn as sns
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path

PAGE = 7.1  # inches; the width of a page's text in print, for figures of many panels
PAGE_HEIGHT = 9.5  # inches that a figure may be high
PANEL = 5.0  # of a single panel with labels beside it; in a column of 3.4 inches its letters are still 5 points high
SMALL = 7  # points
LABEL = 1.35 * SMALL / 72  # inches from one label beside a panel to the next
MOST_COLUMNS = 4  # of panels beside each other on a page

_PALETTE = sns.color_palette("colorblind").as_hex()
# Darker than the palette's own brown and grey, which a white page swallows as it does its pink and yellow.
COLOURS = (*_PALETTE[:5], _PALETTE[9], "#8c564b", "#5f5f5f")
MARKERS = "os^DvPX*"  # so that lines are told apart without colour, too
QUIET = "0.45"  # grey of what only compares: starts, ceilings
DIVERGING = "RdBu_r"  # about zero

_STYLE: dict[Any, Any] = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],  # which matplotlib carries, so that every machine draws the same
    "font.size": 8,
    "axes.titlesize": 8,
    "axes.labelsize": 8,
    "figure.titlesize": 9,
    "figure.labelsize": SMALL,
    "xtick.labelsize": SMALL,
    "ytick.labelsize": SMALL,
    "legend.fontsize": SMALL,
    "legend.title_fontsize": SMALL,
    "legend.frameon": False,
    "axes.prop_cycle": cycler(color=COLOURS),
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "0.3",
    "axes.linewidth": 0.8,
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": "0.9",
    "grid.linewidth": 0.6,
    "lines.linewidth": 1.3,
    "lines.markersize": 3.5,
    "figure.dpi": 200,  # places are found at the resolution of the PNG, whose letters are else wider than was left
    "savefig.dpi": 200,
    "pdf.fonttype": 42,  # letters that can be searched, and that publishers take
    "svg.hashsalt": "rcn_bench",  # names of parts, else drawn by lot
}


@contextmanager
def house_style() -> Iterator[None]:
    """While it holds, figures are drawn and written in the style of ours, whatever style a user has set."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_STYLE)
        yield


@dataclass(frozen=True)
class Mark:
    """What tells a line from others."""

    colour: str
    marker: str


def marks(count: int) -> list[Mark]:
    """So many, all different up to 64; the first eight differ in both colour and marker."""
    turns = [divmod(place, len(COLOURS)) for place in range(count)]
    return [Mark(COLOURS[place], MARKERS[(place + turn) % len(MARKERS)]) for turn, place in turns]


def blocks_of(panels: int) -> tuple[int, int]:
    """How many blocks of panels stand below each other, and of how many columns each is: as even as can be."""
    blocks = ceil(panels / MOST_COLUMNS)
    return blocks, ceil(panels / blocks)


@dataclass(frozen=True)
class LineEnd:
    """The last point of a line, in the units of its axes, and what to write beside it."""

    x: float
    y: float
    text: str
    colour: str


def label_line_ends(axis: Axes, ends: Sequence[LineEnd]) -> None:
    """Write beside the right edge what each line is, in the order in which lines end there, none above another.

    To be called last: it takes the axes as high as they will be drawn.
    """
    figure = axis.get_figure(root=True)
    assert figure is not None
    figure.draw_without_rendering()
    height = axis.get_window_extent().height * 72 / figure.dpi  # points
    ordered = sorted(ends, key=lambda end: end.y)
    wanted = [
        float(axis.transAxes.inverted().transform(axis.transData.transform((end.x, end.y)))[1]) for end in ordered
    ]
    for end, place in zip(ordered, spread(wanted, 72 * LABEL / height), strict=True):
        axis.annotate(
            end.text,
            (end.x, end.y),
            (1.05, place),
            textcoords="axes fraction",
            va="center",
            fontsize=SMALL,
            color=[0.85 * part for part in to_rgb(end.colour)],  # letters are thinner than lines
            arrowprops={"arrowstyle": "-", "color": end.colour, "linewidth": 0.6, "shrinkB": 3, "relpos": (0, 0.5)},
            parse_math=False,
        )


def spread(places: Sequence[float], gap: float) -> list[float]:
    """Rising places moved as little as need be so that neighbours are this far apart."""
    groups: list[list[float]] = []  # of places that touch, each moved to around its own mean
    for place in places:
        groups.append([place])
        while len(groups) > 1 and _first(groups[-1], gap) - _last(groups[-2], gap) < gap:
            groups[-2:] = [groups[-2] + groups[-1]]
    return [_first(group, gap) + gap * number for group in groups for number in range(len(group))]


def _first(group: Sequence[float], gap: float) -> float:
    return sum(group) / len(group) - gap * (len(group) - 1) / 2


def _last(group: Sequence[float], gap: float) -> float:
    return _first(group, gap) + gap * (len(group) - 1)


def add_note(figure: Figure, *sentences: str) -> None:
    """Below the figure, over its width."""
    lines: list[str] = []
    for word in " ".join(sentences).split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and text_width(longer) <= 0.97 * figure.get_figwidth():
            lines[-1] = longer
        else:
            lines.append(word)
    figure.supxlabel("\n".join(lines), x=0.01, ha="left", fontsize=SMALL, color="0.25", parse_math=False)


def text_width(line: str) -> float:
    """Inches of a line of small letters."""
    width, _, _ = text_to_path.get_text_width_height_descent(line, FontProperties(size=SMALL), False)
    return float(width) / 72

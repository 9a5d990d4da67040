"""What figures of accuracy curves have in common: their labels, what all of them are of, intervals, and the ceiling."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pandas as pd
from matplotlib.axes import Axes

from rcn_bench.reporting.style import QUIET, LineEnd, label_line_ends

CEILING = 0.5  # of a network that ignores the order of frames, where every video is there reversed, in another class


@dataclass(frozen=True)
class Curve:
    """One of several. details: how many videos, which start; table: the numbers, with accuracy, of so many seeds."""

    name: str
    details: list[str]
    seeds: int
    table: pd.DataFrame
    colour: str


def told_seeds(counts: Iterable[int]) -> str:
    """Of each curve or row: "5 seeds", or "4 or 5 seeds" where they differ."""
    found = sorted(set(counts))
    return f"{' or '.join(map(str, found))} {'seed' if found == [1] else 'seeds'}"


def label_curves(axis: Axes, curves: Sequence[Curve], along: str, *, ceiling: bool) -> None:
    """Each with its name and the details that not all share, among them that of the ceiling, which is drawn.

    along: the column on the x axis. To be called last, as label_line_ends.
    """
    common = _common(curves)
    ends = [
        LineEnd(
            curve.table[along].iloc[-1],
            curve.table["accuracy"].iloc[-1],
            ", ".join([curve.name, *(detail for detail in curve.details if detail not in common)]),
            curve.colour,
        )
        for curve in curves
        if len(curve.table)
    ]
    if ceiling:
        axis.axhline(CEILING, color=QUIET, linestyle=(0, (4, 2)), linewidth=0.9, zorder=1.5)
        ends.append(LineEnd(axis.get_xlim()[1], CEILING, f"{CEILING:.0%}: most if blind to order", QUIET))
    label_line_ends(axis, ends)


def note_of(curves: Sequence[Curve]) -> list[str]:
    """What all curves are of, and what their bands are, in sentences."""
    told = [f"n: {', '.join([*_common(curves), told_seeds(curve.seeds for curve in curves)])}."]
    if any(curve.table["accuracy_95_low"].notna().any() for curve in curves):
        told.append("Bands: 95 % intervals over seeds and groups of videos.")
    return told


def _common(curves: Sequence[Curve]) -> list[str]:
    return [kind[0] for kind in zip(*(curve.details for curve in curves), strict=True) if len(set(kind)) == 1]


def draw_interval(axis: Axes, along: str, table: pd.DataFrame, colour: str) -> None:
    """table: with the ends of 95 % intervals, accuracy_95_low and accuracy_95_high. along: its column on the x axis."""
    low, high = table["accuracy_95_low"], table["accuracy_95_high"]
    axis.fill_between(table[along], low, high, color=colour, alpha=0.12, linewidth=0)

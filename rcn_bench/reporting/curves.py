"""What figures of accuracy curves have in common: their labels, what all of them are of, intervals, and the ceiling."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.transforms import ScaledTranslation

from rcn_bench.reporting.style import QUIET, LineEnd, label_line_ends

CEILING = 0.5  # of a network that ignores the order of frames, where every video is there reversed, in another class
FEWEST_OF_A_BAND = 4  # seeds; of two, an interval may reach from 7 to 98 %
BETWEEN_BARS = 1.5  # points between error bars of one place
DRAWN_AS = {  # by whether curves have few seeds
    frozenset({False}): "Bands",
    frozenset({True}): f"Error bars, as of fewer than {FEWEST_OF_A_BAND} seeds, side by side",
    frozenset({False, True}): f"Bands, or of fewer than {FEWEST_OF_A_BAND} seeds error bars, side by side",
}


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


def label_curves(
    axis: Axes, curves: Sequence[Curve], along: str, *, ceiling: bool, among: Sequence[Curve] = ()
) -> None:
    """Each with its name and the details that not all share, among them that of the ceiling, which is drawn.

    along: the column on the x axis. among: all curves of the figure, if other axes have some.
    To be called last, as label_line_ends.
    """
    common = _common(among or curves)
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
    """What all curves are of, and how their intervals are drawn, in sentences."""
    told = [f"n: {', '.join([*_common(curves), told_seeds(curve.seeds for curve in curves)])}."]
    few = {_has_few_seeds(curve) for curve in curves if curve.table["accuracy_95_low"].notna().any()}
    if few:
        told.append(f"{DRAWN_AS[frozenset(few)]}: 95 % intervals over seeds and groups of videos.")
    return told


def _common(curves: Sequence[Curve]) -> list[str]:
    return [kind[0] for kind in zip(*(curve.details for curve in curves), strict=True) if len(set(kind)) == 1]


def draw_intervals(axis: Axes, along: str, curves: Sequence[Curve]) -> None:
    """Of each curve its 95 % intervals: a band, or error bars of few seeds, whose wide bands would hide other curves.

    along: the column on the x axis. Error bars of one place stand side by side, in the order of the curves.
    """
    with_bars = [curve for curve in curves if _has_few_seeds(curve)]
    for curve in curves:
        if not _has_few_seeds(curve):
            low, high = curve.table["accuracy_95_low"], curve.table["accuracy_95_high"]
            axis.fill_between(curve.table[along], low, high, color=curve.colour, alpha=0.12, linewidth=0)
    for place, curve in enumerate(with_bars):
        _draw_bars(axis, along, curve, BETWEEN_BARS * (place - (len(with_bars) - 1) / 2))
    axis.autoscale_view()


def _draw_bars(axis: Axes, along: str, curve: Curve, aside: float) -> None:
    """aside: points to the right of where they belong."""
    figure = axis.get_figure(root=True)
    assert figure is not None
    known = curve.table.dropna(subset=["accuracy_95_low"])
    shifted = axis.transData + ScaledTranslation(aside / 72, 0, figure.dpi_scale_trans)
    bars = axis.vlines(
        known[along], known["accuracy_95_low"], known["accuracy_95_high"], color=curve.colour, zorder=1.2
    )
    bars.set(linewidth=0.6, alpha=0.7, transform=shifted)
    for end in ("accuracy_95_low", "accuracy_95_high"):  # what is shifted does not widen the axes by itself
        axis.update_datalim(known[[along, end]].to_numpy())


def _has_few_seeds(curve: Curve) -> bool:
    return curve.seeds < FEWEST_OF_A_BAND

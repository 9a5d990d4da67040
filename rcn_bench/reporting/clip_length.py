"""Clip length: what longer clips bring in accuracy, and what they cost in memory and time."""

from math import ceil

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, NullLocator, ScalarFormatter

from rcn_bench.plan.products.figures import ClipLength
from rcn_bench.reporting.accuracies import Accuracies
from rcn_bench.reporting.accuracy_by_cost import accuracies_with_costs, notes_of_costs
from rcn_bench.reporting.figure import Drawing, new_figure
from rcn_bench.reporting.results import notes_on_overlap
from rcn_bench.reporting.style import PAGE, Mark, add_note, marks

PANELS = {  # by column of the numbers
    "video acc %": "video accuracy, %",
    "training MiB/clip": "training memory, MiB a clip",
    "training clips/s": "clips/s in training",
}


def clip_length(product: ClipLength) -> Drawing:
    """A panel each for accuracy, memory and time; a line a model over the frames of its clips, by factors."""
    accuracies = Accuracies.of(product)
    numbers = accuracies_with_costs(product, accuracies)
    models = list(product.lengths)
    figure = new_figure(PAGE, 2.5 + 0.17 * ceil(len(models) / 4))
    axes = figure.subplots(1, len(PANELS))
    for axis, (column, label) in zip(axes, PANELS.items(), strict=True):
        for mark, model in zip(marks(len(models)), models, strict=True):
            _draw_model(axis, numbers[numbers["model"] == model].sort_values("frames"), column, mark)
        axis.set_xscale("log", base=2)
        axis.xaxis.set_major_locator(FixedLocator(sorted(numbers["frames"].unique())))
        axis.xaxis.set_minor_locator(NullLocator())
        axis.xaxis.set_major_formatter(ScalarFormatter())
        axis.set_xlabel("frames of a clip")
        axis.set_title(label)
        if column != "video acc %":
            axis.set_ylim(bottom=0)
    handles = axes[0].get_legend_handles_labels()
    figure.legend(*handles, loc="outside upper center", ncols=4)
    overlap = notes_on_overlap({run: result.record for run, result in accuracies.scored.items()})
    known = numbers["video acc 95 % interval low"].notna().any()
    add_note(figure, *(["Bands: 95 % intervals."] if known else []), *notes_of_costs(product, numbers), *overlap)
    return Drawing(figure, numbers)


def _draw_model(axis: Axes, table: pd.DataFrame, column: str, mark: Mark) -> None:
    """table: its rows, by clip length."""
    axis.plot(table["frames"], table[column], color=mark.colour, marker=mark.marker, label=table["model"].iloc[0])
    if column == "video acc %":
        low, high = (table[f"video acc 95 % interval {end}"] for end in ("low", "high"))
        axis.fill_between(table["frames"], low, high, color=mark.colour, alpha=0.15, linewidth=0)

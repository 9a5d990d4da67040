"""Accuracy against what a model costs: parameters, operations, memory and time."""

from math import ceil

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter, NullLocator

from rcn_bench.plan.products.figures import AccuracyByCost, OfLengthsWithCosts
from rcn_bench.reporting.accuracies import Accuracies
from rcn_bench.reporting.cost import (
    BUSY,
    costs_as_trained,
    memory_cells,
    speed_as_trained,
    timed_cells,
    timing_notes,
)
from rcn_bench.reporting.curves import told_seeds
from rcn_bench.reporting.figure import Drawing, new_figure
from rcn_bench.reporting.results import notes_on_overlap, read_throughput
from rcn_bench.reporting.style import PANEL, SMALL, Mark, add_note, marks

COSTS = {  # by column of the numbers
    "parameters": "parameters",
    "GMACs": "GMACs a clip",
    "training MiB/clip": "training memory, MiB a clip",
    "inference clips/s": "clips/s in inference",
}
SPEEDS = ("inference clips/s", "training clips/s", "live frames/s")
AREA = 5  # of a bubble, in square points, for each frame of a clip
WIDE = 4  # times the least that the most must be for a scale by factors


def accuracy_by_cost(product: AccuracyByCost) -> Drawing:
    """A panel a cost; a bubble a model and clip length, as large as its clips are long, with its 95 % interval."""
    accuracies = Accuracies.of(product)
    numbers = accuracies_with_costs(product, accuracies)
    models = list(product.lengths)
    figure = new_figure(PANEL, 4.6 + 0.17 * ceil(len(models) / 4))
    axes = figure.subplots(2, 2, sharey=True)
    several_lengths = numbers["frames"].nunique() > 1
    for axis, (column, label) in zip(axes.flat, COSTS.items(), strict=True):
        for mark, model in zip(marks(len(models)), models, strict=True):
            _draw_model(axis, numbers[numbers["model"] == model], column, mark, named=several_lengths)
        _scale(axis, numbers[column])
        axis.set_xlabel(label)
        axis.margins(0.12)
    for axis in axes[:, 0]:
        axis.set_ylabel("video accuracy, %")
    handles = axes[0, 0].get_legend_handles_labels()
    figure.legend(*handles, loc="outside upper center", ncols=4, markerscale=0.8)
    overlap = notes_on_overlap({run: result.record for run, result in accuracies.scored.items()})
    add_note(figure, *_notes(product, numbers), *overlap)
    return Drawing(figure, numbers)


def accuracies_with_costs(product: OfLengthsWithCosts, accuracies: Accuracies) -> pd.DataFrame:
    """A row a model and clip length."""
    experiment = product.experiment
    throughput, rows = read_throughput(experiment), []
    for (model, frames), runs in product.rows().items():
        costs = costs_as_trained(experiment, model, frames)
        speed = speed_as_trained(experiment, throughput, model, frames)
        rows.append(
            {
                "model": model,
                "frames": frames,
                "w_xh": runs[0].w_xh,
                **accuracies.cells(runs, ["video"]),
                "parameters": costs.parameters,
                "GMACs": costs.gmacs,
                "GMACs counted at": costs.input,
                **memory_cells(costs),
                **timed_cells("inference clips/s", speed, "inference"),
                **timed_cells("training clips/s", speed, "training"),
                **timed_cells("live frames/s", speed, "live"),
                "clips/s timed at": f"{speed.timing_batch}x{speed.timing_input}",
                **accuracies.sources(runs),
            }
        )
    ends = [f"video acc 95 % interval {end}" for end in ("low", "high")]
    return pd.DataFrame(rows).astype(dict.fromkeys(["video acc %", *ends, "training MiB/clip", *SPEEDS], float))


def _draw_model(axis: Axes, table: pd.DataFrame, column: str, mark: Mark, *, named: bool) -> None:
    """table: its rows, by clip length. named: write these lengths beside the bubbles."""
    table = table.sort_values("frames")
    across, accuracy = table[column], table["video acc %"]
    axis.plot(across, accuracy, color=mark.colour, linewidth=0.8, alpha=0.7)
    low, high = (table[f"video acc 95 % interval {end}"] for end in ("low", "high"))
    axis.vlines(across, low, high, color=mark.colour, linewidth=0.8, alpha=0.7)
    axis.scatter(
        across,
        accuracy,
        AREA * table["frames"],
        color=mark.colour,
        marker=mark.marker,
        edgecolor="white",
        linewidth=0.3,
        zorder=3,
        label=table["model"].iloc[0],
    )
    for x, y, frames in zip(across, accuracy, table["frames"], strict=True):
        if named and pd.notna(x):
            axis.annotate(str(frames), (x, y), (4, 3), textcoords="offset points", fontsize=SMALL - 1)


def _scale(axis: Axes, values: pd.Series) -> None:
    """By factors where the values span several."""
    if values.max() > WIDE * values.min():
        axis.set_xscale("log")
        axis.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.xaxis.set_minor_locator(NullLocator())
        axis.xaxis.set_minor_formatter(NullFormatter())
    else:
        axis.locator_params(axis="x", nbins=5)
    axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: _short(value)))


def _short(value: float) -> str:
    return f"{value / 1e6:g}M" if value >= 1e5 else f"{value:g}"


def _notes(product: AccuracyByCost, numbers: pd.DataFrame) -> list[str]:
    known = numbers["video acc 95 % interval low"].notna().any()
    bars = "; upright lines: 95 % intervals" if known else ""
    return [f"A bubble is as large as its clips are long, in frames{bars}.", *notes_of_costs(product, numbers)]


def notes_of_costs(product: OfLengthsWithCosts, numbers: pd.DataFrame) -> list[str]:
    """Of how many videos and seeds, from what start, at what size and on which machine."""
    experiment = product.experiment
    size, kinds = experiment.profile_size, " or ".join(sorted(numbers["memory measured or estimated"].unique()))
    starts = [
        f"{w_xh}: {', '.join(dict.fromkeys(rows['model']))}" for w_xh, rows in numbers.groupby("w_xh", sort=False)
    ]
    return [
        f"n: {' or '.join(map(str, sorted(numbers['videos'].unique())))} videos, "
        f"{told_seeds(len(runs) for runs in product.rows().values())}. w_xh {'; '.join(starts)}.",
        f"GMACs and memory, {kinds}, at {size}x{size}.",
        *timing_notes(read_throughput(experiment))[:1],
        *([f"No point where {BUSY}."] if numbers[[*SPEEDS]].isna().any(axis=None) else []),
    ]

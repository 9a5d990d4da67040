"""Figures 1 to 3, and the table of w_hh: what training makes of the hidden-state matrices."""

from collections.abc import Mapping, Sequence
from math import ceil, sqrt
from typing import TYPE_CHECKING

import pandas as pd
import seaborn as sns
from cmap import Colormap
from matplotlib.axes import Axes

from rcn_bench.plan.experiment import Experiment
from rcn_bench.plan.products.figures import Figure1, Figure2, Figure3
from rcn_bench.plan.products.tables import HiddenStateChange
from rcn_bench.plan.run import Run
from rcn_bench.records.hidden_state import HiddenLayer, HiddenState
from rcn_bench.reporting.figure import Drawing, new_figure
from rcn_bench.reporting.results import data_set, read_hidden_state
from rcn_bench.reporting.table import Table

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

STATISTICS = {
    "mean": "mean of w_hh",
    "std": "std of w_hh",
    "diagonal_mean": "mean of its diagonal",
    "diagonal_std": "std of its diagonal",
}
# MATLAB's parula is proprietary; this is the public-domain look-alike that the package cmap carries.
PARULA = "bids:fake_parula"


def figure1(product: Figure1) -> Drawing:
    """Figure 1 (a-d): statistics of w_hh for the inits of Table 1."""
    return _statistics_figure(product.experiment, product.rows(), columns=2)


def figure2(product: Figure2) -> Drawing:
    """Figure 2 (a, b): statistics of w_hh of two depths at the longer clip length."""
    return _statistics_figure(product.experiment, product.rows(), columns=3)


def figure3(product: Figure3) -> Drawing:
    """Figure 3: w_hh of every layer as a heat map, each on a scale of its own, as kept in float16."""
    (run,) = product.runs()
    place = product.experiment.paths.hidden_state(run).with_suffix(".safetensors")
    matrices = read_hidden_state(product.experiment, run).matrices(place)
    columns = ceil(sqrt(len(matrices)))
    figure = new_figure(12, 12.6)
    axes = figure.subplots(ceil(len(matrices) / columns), columns, squeeze=False)
    colours = Colormap(PARULA).to_mpl()
    for axis in axes.flat[len(matrices) :]:
        axis.axis("off")
    for layer, (axis, w_hh) in enumerate(zip(axes.flat, matrices, strict=False), start=1):
        image = axis.imshow(w_hh, cmap=colours, interpolation="nearest")
        axis.set_title(f"Layer {layer}, {len(w_hh)} channels", fontsize=10)
        axis.set(xticks=[], yticks=[])
        figure.colorbar(image, ax=axis, shrink=0.8).ax.tick_params(labelsize=7)
    figure.suptitle(f"w_hh of every recurrent layer: {_label(run)}; rows: h_t, columns: h_(t-1)")
    return Drawing(figure, _long_form(matrices))


def _label(run: Run) -> str:
    return f"{run.variant}, {run.frames} frames, w_xh {run.w_xh}, w_hh {run.w_hh}"


def _statistics_figure(experiment: Experiment, panels: Mapping[str, list[Run]], columns: int) -> Drawing:
    columns = min(columns, len(panels))
    rows = ceil(len(panels) / columns)
    figure = new_figure(6 * columns, 4 * rows)
    axes = figure.subplots(rows, columns, sharey=True, squeeze=False)
    for axis in axes.flat[len(panels) :]:
        axis.axis("off")
    numbers = []
    for axis, (letter, runs) in zip(axes.flat, panels.items(), strict=False):
        table = pd.concat([_by_layer(read_hidden_state(experiment, run)).assign(run=run.name) for run in runs])
        _draw_statistics(axis, table)
        seeds = f", {len(runs)} seeds" if len(runs) > 1 else ""
        axis.set(title=f"({letter}) {_label(runs[0])}{seeds}", xlabel="recurrent layer", ylabel="value")
        numbers.append(table.assign(panel=letter)[[*table.columns[:-1], "panel", "run"]])
    handles, labels = axes.flat[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=5)
    return Drawing(figure, pd.concat(numbers))


def _by_layer(record: HiddenState) -> pd.DataFrame:
    """The statistics after training and, as start_..., at its start, a row a layer."""
    rows = []
    for layer in record.layers:
        start = {f"start_{name}": getattr(layer.start, name) for name in STATISTICS}
        rows.append({"layer": layer.layer, "channels": layer.channels, **vars(layer.trained), **start})
    return pd.DataFrame(rows)


def _draw_statistics(axis: Axes, table: pd.DataFrame) -> None:
    """table: the rows of _by_layer of every seed; lines are means over them, bands reach from the least to the most."""
    by_layer = table.groupby("layer")[[*STATISTICS, *(f"start_{column}" for column in STATISTICS)]]
    mean, least, most = by_layer.mean(), by_layer.min(), by_layer.max()
    for (column, label), colour in zip(STATISTICS.items(), sns.color_palette(), strict=False):
        axis.plot(mean.index, mean[f"start_{column}"], color=colour, linestyle=":", linewidth=1)
        axis.plot(mean.index, mean[column], color=colour, marker="o", markersize=3, label=label)
        axis.fill_between(mean.index, least[column], most[column], color=colour, alpha=0.25, linewidth=0)
    axis.plot([], [], color="grey", linestyle=":", linewidth=1, label="at the start of training")
    axis.set_xticks(range(1, len(mean) + 1, 1 if len(mean) <= 16 else 3))


def _long_form(matrices: "Sequence[NDArray[np.float16]]") -> pd.DataFrame:
    """One row an element: layer, row, column, value."""
    parts = []
    for layer, w_hh in enumerate(matrices, start=1):
        channels = len(w_hh)
        index = pd.MultiIndex.from_product(
            [[layer], range(channels), range(channels)], names=["layer", "row", "column"]
        )
        parts.append(pd.DataFrame({"value": w_hh.ravel()}, index=index).reset_index())
    return pd.concat(parts)


def change_table(product: HiddenStateChange) -> Table:
    """How far training moves w_hh from its start, by layer, for inits such as those of Table 1."""
    experiment = product.experiment
    shown = {init: [read_hidden_state(experiment, run).layers for run in runs] for init, runs in product.rows().items()}
    first, *_ = next(iter(shown.values()))
    rows: list[dict[str, object]] = [{"layer": layer.layer, "channels": layer.channels} for layer in first]
    for (w_xh, w_hh), runs in shown.items():
        for row, layers in zip(rows, zip(*runs, strict=True), strict=True):
            row |= _change_cells(f"w_xh {w_xh}, w_hh {w_hh}: change", layers)
    notes = [
        "Change: the Frobenius norm of what training added to w_hh, in percent of that of its start, the run's own: "
        "the mean over seeds, and the least and the most. Where it is small, w_hh shows its initialisation.",
        f"Seeds: {' '.join(map(str, sorted({run.seed for run in product.runs()})))}.",
    ]
    title = f"Change of w_hh in training, {product.model} at {product.frames} frames on {data_set(experiment)}"
    return Table.of(title, rows, notes)


def _change_cells(name: str, layers: Sequence[HiddenLayer]) -> dict[str, float | None]:
    """layers: the same one, of each seed."""
    changes = [100 * layer.relative_change for layer in layers if layer.relative_change is not None]
    return {
        f"{name} %": sum(changes) / len(changes) if changes else None,
        f"{name}, of seeds low": min(changes, default=None),
        f"{name}, of seeds high": max(changes, default=None),
    }

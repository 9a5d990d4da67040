"""Figures 1 to 3: what the trained hidden-state matrices w_hh look like."""

from collections.abc import Mapping
from math import ceil, sqrt

import pandas as pd
import seaborn as sns
from cmap import Colormap
from matplotlib.axes import Axes

from rcn_bench.analysis.hidden_state import Matrix, expected_at_start, hidden_matrices, hidden_state_statistics
from rcn_bench.plan.experiment import Experiment
from rcn_bench.plan.products.figures import Figure1, Figure2, Figure3
from rcn_bench.plan.run import Run
from rcn_bench.records.origins import require_own
from rcn_bench.records.weights import Card
from rcn_bench.reporting.figure import Drawing, new_figure

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
    """Figure 3: w_hh of every layer as a heat map, each on a scale of its own."""
    (run,) = product.runs()
    matrices = _matrices(product.experiment, run)
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


def _matrices(experiment: Experiment, run: Run) -> list[Matrix]:
    """Errors: InputError if the weights are not there, or of another config."""
    path = experiment.paths.weights(run)
    require_own(Card.of(path).origin, experiment, "train", run.name, path)
    return hidden_matrices(path)


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
    for axis, (letter, (run,)) in zip(axes.flat, panels.items(), strict=False):
        trained = hidden_state_statistics(_matrices(experiment, run))
        start = expected_at_start(trained, run.w_hh)
        _draw_statistics(axis, trained, start)
        axis.set(title=f"({letter}) {_label(run)}", xlabel="recurrent layer", ylabel="value")
        table = trained.join(start.add_prefix("start_"))
        numbers.append(table.assign(panel=letter, run=run.name))
    handles, labels = axes.flat[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=5)
    return Drawing(figure, pd.concat(numbers))


def _draw_statistics(axis: Axes, trained: pd.DataFrame, start: pd.DataFrame) -> None:
    for (column, label), colour in zip(STATISTICS.items(), sns.color_palette(), strict=False):
        axis.plot(trained["layer"], start[column], color=colour, linestyle=":", linewidth=1)
        axis.plot(trained["layer"], trained[column], color=colour, marker="o", markersize=3, label=label)
    axis.plot([], [], color="grey", linestyle=":", linewidth=1, label="expected at the start of training")
    axis.set_xticks(range(1, len(trained) + 1, 1 if len(trained) <= 16 else 3))


def _long_form(matrices: list[Matrix]) -> pd.DataFrame:
    """One row an element: layer, row, column, value."""
    parts = []
    for layer, w_hh in enumerate(matrices, start=1):
        channels = len(w_hh)
        index = pd.MultiIndex.from_product(
            [[layer], range(channels), range(channels)], names=["layer", "row", "column"]
        )
        parts.append(pd.DataFrame({"value": w_hh.ravel()}, index=index).reset_index())
    return pd.concat(parts)

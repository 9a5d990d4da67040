"""Figures 1 to 3, what the trained hidden-state matrices w_hh look like, and accuracy while a video is being seen."""

from collections.abc import Callable
from math import ceil, sqrt

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns
from cmap import Colormap
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from rcn_bench.analysis.hidden_state import Matrix, expected_at_start, hidden_matrices, hidden_state_statistics
from rcn_bench.errors import InputError
from rcn_bench.experiment import Config, Run, figure1_panels, figure2_panels, figure3_run, online_runs
from rcn_bench.files import replacing
from rcn_bench.intervals import accuracy_interval
from rcn_bench.layout import Layout

STATISTICS = {
    "mean": "mean of w_hh",
    "std": "std of w_hh",
    "diagonal_mean": "mean of its diagonal",
    "diagonal_std": "std of its diagonal",
}
WAYS = {"frames": "single frames", "carried": "state carried", "restarted": "state restarted", "windows": "windows"}
# MATLAB's parula is proprietary; this is the public-domain look-alike that the package cmap carries.
PARULA = "bids:fake_parula"


def figure1(config: Config, layout: Layout) -> tuple[Figure, pd.DataFrame]:
    """Figure 1 (a-d): statistics of w_hh for the four inits of Table 1."""
    return _statistics_figure(figure1_panels(config), layout, columns=2)


def figure2(config: Config, layout: Layout) -> tuple[Figure, pd.DataFrame]:
    """Figure 2 (a, b): statistics of w_hh of the two depths at the longer clip length."""
    return _statistics_figure(figure2_panels(config), layout, columns=3)


def figure3(config: Config, layout: Layout) -> tuple[Figure, pd.DataFrame]:
    """Figure 3: w_hh of every layer as a heat map, each on a scale of its own."""
    run = figure3_run(config)
    matrices = _matrices(run, layout)
    columns = ceil(sqrt(len(matrices)))
    figure, axes = plt.subplots(
        ceil(len(matrices) / columns), columns, figsize=(12, 12.6), layout="constrained", squeeze=False
    )
    colours = Colormap(PARULA).to_mpl()
    for axis in axes.flat[len(matrices) :]:
        axis.axis("off")
    for layer, (axis, w_hh) in enumerate(zip(axes.flat, matrices, strict=False), start=1):
        image = axis.imshow(w_hh, cmap=colours, interpolation="nearest")
        axis.set_title(f"Layer {layer}, {len(w_hh)} channels", fontsize=10)
        axis.set(xticks=[], yticks=[])
        figure.colorbar(image, ax=axis, shrink=0.8).ax.tick_params(labelsize=7)
    figure.suptitle(f"w_hh of every recurrent layer: {_label(run)}; rows: h_t, columns: h_(t-1)")
    return figure, _long_form(matrices)


def online_accuracy(config: Config, layout: Layout) -> tuple[Figure, pd.DataFrame]:
    """Video accuracy against the share of a video seen: of networks with a state, and of windows of the others.

    A state is carried through the video (full line), and restarted after every clip length (dashed).
    """
    figure, axis = plt.subplots(figsize=(9, 5), layout="constrained")
    numbers = []
    shown = online_runs(config)
    colours = sns.color_palette("colorblind" if len(shown) <= 10 else "husl", len(shown))
    for colour, ((model, frames), runs) in zip(colours, shown.items(), strict=True):
        names = " ".join(run.name for run in runs)
        for way, table in _online_accuracy(runs, layout).items():
            numbers.append(table.assign(model=model, frames=frames, way=way, runs=names))
            axis.plot(
                table["share"],
                table["accuracy"],
                marker="o",
                markersize=3,
                color=colour,
                linestyle="--" if way == "restarted" else "-",
                label=f"{model}, {frames} frames, {runs[0].w_xh}, {WAYS[way]}",
            )
            axis.fill_between(table["share"], table["low"], table["high"], color=colour, alpha=0.12, linewidth=0)
    axis.xaxis.set_major_formatter(PercentFormatter(1, 0))
    axis.yaxis.set_major_formatter(PercentFormatter(1, 0))
    axis.set(xlabel="share of the video seen", ylabel="video accuracy")
    figure.legend(loc="outside right upper", title="model, clips in training, w_xh, way")
    return figure, pd.concat(numbers)


def _online_accuracy(runs: list[Run], layout: Layout) -> dict[str, pd.DataFrame]:
    """By way, accuracy and its interval at each share of the videos, over all seeds; none before the first window."""
    text = dict.fromkeys(("video", "group", "label", "way"), str)  # a class may be called "01" or "null"
    for run in runs:
        if not layout.online(run).is_file():
            raise InputError(f"{layout.online(run)}: not there; run `rcn-bench online {run.name}` first")
    every = pd.concat(
        [
            pd.read_csv(layout.online(run), dtype=text, keep_default_na=False, encoding_errors="surrogateescape")
            for run in runs
        ]
    )
    shares = [str(column) for column in every if str(column).endswith("%")]
    every[shares] = every[shares].apply(pd.to_numeric)
    if "way" not in every:
        raise InputError(
            f"{layout.online(runs[0])}: of an earlier version; run `rcn-bench online {runs[0].name}` again"
        )
    return {str(way): _accuracy_at(shares, of_way) for way, of_way in every.groupby("way")}


def _accuracy_at(shares: list[str], every: pd.DataFrame) -> pd.DataFrame:
    right = every.groupby(["video", "group"], sort=False)[shares].mean().reset_index()
    rows = []
    for share in shares:
        if right[share].notna().all():
            low, high = accuracy_interval(right[share], list(right["group"]))
            rows.append((float(share.rstrip("%")) / 100, right[share].mean(), low, high))
    return pd.DataFrame(rows, columns=["share", "accuracy", "low", "high"])


BUILDERS: dict[str, Callable[[Config, Layout], tuple[Figure, pd.DataFrame]]] = {
    "figure1": figure1,
    "figure2": figure2,
    "figure3": figure3,
    "online_accuracy": online_accuracy,
}


def write_figure(name: str, config: Config, layout: Layout) -> None:
    """Draw one figure and write it as PNG and PDF, with the numbers behind it as CSV.

    Errors: InputError for an unknown name or missing weights.
    """
    if name not in BUILDERS:
        raise InputError(f"unknown figure {name!r}; choose one of {', '.join(BUILDERS)}")
    sns.set_theme(style="whitegrid", palette="colorblind")
    figure, numbers = BUILDERS[name](config, layout)
    path = layout.figure(name)
    with replacing(path.with_suffix(".csv")) as temporary:
        numbers.to_csv(temporary, index=False, float_format="%.6g")
    for suffix in (".pdf", ".png"):
        with replacing(path.with_suffix(suffix)) as temporary:
            figure.savefig(temporary, dpi=150)
    plt.close(figure)


def _matrices(run: Run, layout: Layout) -> list[Matrix]:
    path = layout.weights(run)
    if not path.is_file():
        raise InputError(f"{path}: no trained weights; run `rcn-bench train {run.name}` first")
    return hidden_matrices(path)


def _label(run: Run) -> str:
    return f"{run.model}, {run.frames} frames, w_xh {run.w_xh}, w_hh {run.w_hh}"


def _statistics_figure(panels: dict[str, Run], layout: Layout, columns: int) -> tuple[Figure, pd.DataFrame]:
    rows = ceil(len(panels) / columns)
    figure, axes = plt.subplots(
        rows, columns, figsize=(6 * columns, 4 * rows), layout="constrained", sharey=True, squeeze=False
    )
    numbers = []
    for axis, (letter, run) in zip(axes.flat, panels.items(), strict=False):
        trained = hidden_state_statistics(_matrices(run, layout))
        start = expected_at_start(trained, run.w_hh)
        _draw_statistics(axis, trained, start)
        axis.set(title=f"({letter}) {_label(run)}", xlabel="recurrent layer", ylabel="value")
        table = trained.join(start.add_prefix("start_"))
        numbers.append(table.assign(panel=letter, run=run.name))
    handles, labels = axes.flat[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=5)
    return figure, pd.concat(numbers)


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

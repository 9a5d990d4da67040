"""Accuracy while a video is being seen."""

from collections.abc import Sequence

import pandas as pd
import seaborn as sns
from matplotlib.ticker import PercentFormatter

from rcn_bench.intervals import accuracy_interval
from rcn_bench.plan.experiment import Experiment
from rcn_bench.plan.products.figures import OnlineAccuracy
from rcn_bench.plan.run import Run
from rcn_bench.reporting.figure import Drawing, new_figure
from rcn_bench.reporting.results import read_online

WAYS = {"frames": "single frames", "carried": "state carried", "restarted": "state restarted", "windows": "windows"}


def online_accuracy(product: OnlineAccuracy) -> Drawing:
    """Video accuracy against the share of a video seen: of networks with a state, and of windows of the others.

    A state is carried through the video (full line), and restarted after every clip length (dashed).
    """
    figure = new_figure(9, 5)
    axis = figure.subplots()
    numbers = []
    shown = product.rows()
    colours = sns.color_palette("colorblind" if len(shown) <= 10 else "husl", len(shown))
    for colour, ((model, frames), runs) in zip(colours, shown.items(), strict=True):
        names = " ".join(run.name for run in runs)
        for way, table in _accuracy_by_way(product.experiment, runs).items():
            numbers.append(table.assign(model=model, frames=frames, way=way, runs=names))
            axis.plot(
                table["share_of_video"],
                table["accuracy"],
                marker="o",
                markersize=3,
                color=colour,
                linestyle="--" if way == "restarted" else "-",
                label=f"{model}, {frames} frames, {runs[0].w_xh}, {WAYS[way]}",
            )
            low, high = table["accuracy_95_low"], table["accuracy_95_high"]
            axis.fill_between(table["share_of_video"], low, high, color=colour, alpha=0.12, linewidth=0)
    axis.xaxis.set_major_formatter(PercentFormatter(1, 0))
    axis.yaxis.set_major_formatter(PercentFormatter(1, 0))
    axis.set(xlabel="share of the video seen", ylabel="video accuracy")
    figure.legend(loc="outside right upper", title="model, clips in training, w_xh, way")
    return Drawing(figure, pd.concat(numbers))


def _accuracy_by_way(experiment: Experiment, runs: Sequence[Run]) -> dict[str, pd.DataFrame]:
    """Accuracy and its interval at each share of the videos, over all seeds; none before the first window."""
    records = [read_online(experiment, run) for run in runs]
    tables = [record.rows(experiment.paths.online(run)) for record, run in zip(records, runs, strict=True)]
    shares = [str(column) for column in tables[0] if str(column).endswith("%")]
    return {str(way): _accuracy_at(shares, of_way) for way, of_way in pd.concat(tables).groupby("way")}


def _accuracy_at(shares: list[str], every: pd.DataFrame) -> pd.DataFrame:
    right = every.groupby(["video", "group"], sort=False)[shares].mean().reset_index()
    rows = []
    for share in shares:
        if right[share].notna().all():
            low, high = accuracy_interval(right[share], list(right["group"]))
            rows.append((float(share.rstrip("%")) / 100, right[share].mean(), low, high))
    return pd.DataFrame(rows, columns=["share_of_video", "accuracy", "accuracy_95_low", "accuracy_95_high"])

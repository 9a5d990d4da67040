"""Accuracy by the age of a network's state, and what it loses with age."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.ticker import PercentFormatter, ScalarFormatter

from rcn_bench.errors import InputError
from rcn_bench.intervals import Scores
from rcn_bench.plan.products.figures import LifetimeAccuracy
from rcn_bench.plan.run import Run
from rcn_bench.records.lifetime import Lifetime
from rcn_bench.reporting.curves import curve_colours, draw_interval
from rcn_bench.reporting.figure import Drawing, new_figure
from rcn_bench.reporting.results import read_lifetime

Measured = tuple[Lifetime, dict[str, pd.DataFrame]]  # of a run, its rows by way
UNKNOWN = (np.nan, np.nan)
CEILING = 0.5  # of a network that ignores the order of frames, since every motion is there reversed
WAYS = {
    "last": ("a clip's frames, up to that age", "-"),
    "all": ("all frames up to that age", ":"),
    "restarted": ("a clip's frames, state restarted before them", "--"),
    "windows": ("windows", "-"),
}


def lifetime(product: LifetimeAccuracy) -> Drawing:
    """Accuracy against the age of the state, in frames; the age at the end of a clip in training is marked."""
    figure = new_figure(9, 6)
    axis = figure.subplots()
    numbers = []
    shown, measured = product.rows(), measured_lifetimes(product)
    for colour, ((model, frames), runs) in zip(curve_colours(len(shown)), shown.items(), strict=True):
        names = " ".join(run.name for run in runs)
        records, rows = zip(*(measured[run] for run in runs), strict=True)
        for way in records[0].ways:
            told, line = WAYS[way]
            table = _by_age([of_one[way] for of_one in rows], frames, records[0].ages)
            numbers.append(table.assign(model=model, frames=frames, way=way, runs=names))
            label = f"{model}, {frames} frames, {runs[0].w_xh}, {told}"
            axis.plot(table["age"], table["accuracy"], line, color=colour, marker="o", markersize=3, label=label)
            draw_interval(axis, "age", table, colour)
        axis.axvline(frames, color=colour, linewidth=0.8, alpha=0.6)
    axis.axhline(CEILING, color="grey", linewidth=0.8)
    axis.set_xscale("log", base=2)
    axis.xaxis.set_major_formatter(ScalarFormatter())
    axis.yaxis.set_major_formatter(PercentFormatter(1))
    axis.set(xlabel="frames since the state began anew (upright lines: a clip in training)", ylabel="video accuracy")
    figure.legend(loc="outside lower center", fontsize="small")
    return Drawing(figure, pd.concat(numbers))


def change_with_age(rows: Sequence[pd.DataFrame], clip_frames: int, times: int) -> Scores | None:
    """Accuracy at an age of so many training clips less that at one, with ``change_interval``; None if none is so old.

    Of two networks, the difference of their changes is that of two such scores.
    rows: of each training, in one way, of the same videos in the same order, as Lifetime.rows gives them.
    """
    if any(str(times * clip_frames) not in of_one for of_one in rows):
        return None
    return _scores(rows, times * clip_frames).change_since(_scores(rows, clip_frames))


def measured_lifetimes(product: LifetimeAccuracy) -> dict[Run, Measured]:
    """What each run came to, its rows by way. Errors: InputError for other videos than another run's."""
    experiment, measured, first = product.experiment, {}, None
    for run in product.runs():
        record, path = read_lifetime(experiment, run), experiment.paths.lifetime(run)
        rows = {str(way): of_way.set_index("video") for way, of_way in record.rows(path).groupby("way")}
        for of_way in rows.values():
            videos = of_way[["group", "label"]]
            first = videos if first is None else first
            if not videos.equals(first):
                raise InputError(f"{path}: not of the videos of the other runs; run `{record.command(path)}` again")
        measured[run] = record, rows
    return measured


def _by_age(rows: Sequence[pd.DataFrame], clip_frames: int, ages: Sequence[int]) -> pd.DataFrame:
    """Accuracy at each age at which a network can tell, and its change since the age of a training clip's end."""
    numbers = []
    trained = _scores(rows, clip_frames)
    for age in ages:
        if rows[0][str(age)].notna().all():
            scores = _scores(rows, age)
            change = scores.change_since(trained)
            of_change = change.change_interval() if age != clip_frames else None
            ends = [*(scores.interval() or UNKNOWN), change.accuracy, *(of_change or UNKNOWN)]
            numbers.append((age, scores.accuracy, *ends, len(rows[0])))
    names = ["age", "accuracy", "accuracy_95_low", "accuracy_95_high"]
    names += ["change", "change_95_low", "change_95_high", "videos"]
    return pd.DataFrame(numbers, columns=names)


def _scores(rows: Sequence[pd.DataFrame], age: int) -> Scores:
    """Of several trainings at an age."""
    groups = list(rows[0]["group"])
    return Scores.of_trainings([Scores.of_videos(of_one[str(age)], groups) for of_one in rows])

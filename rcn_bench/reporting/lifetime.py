"""Accuracy by the age of a network's state, and what it loses with age."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.ticker import PercentFormatter, StrMethodFormatter

from rcn_bench.errors import InputError
from rcn_bench.intervals import Scores
from rcn_bench.plan.products.figures import LifetimeAccuracy
from rcn_bench.plan.run import Run
from rcn_bench.records.lifetime import Lifetime
from rcn_bench.reporting.curves import Curve, draw_intervals, label_curves, note_of
from rcn_bench.reporting.figure import Drawing, new_figure
from rcn_bench.reporting.results import read_lifetime
from rcn_bench.reporting.style import LABEL, PANEL, QUIET, add_note, marks

Measured = tuple[Lifetime, dict[str, pd.DataFrame]]  # of a run, its rows by way
UNKNOWN = (np.nan, np.nan)
WAYS = {
    "last": ("last clip", "-"),
    "all": ("all frames", ":"),
    "restarted": ("restarted", "--"),
    "windows": ("windows", "-"),
}
EXPLAINED = (
    "By the last clip's frames up to that age, by all frames up to it, or by a clip's frames with the state restarted "
    "before them. Dotted upright line: a clip in training."
)


def lifetime(product: LifetimeAccuracy) -> Drawing:
    """Accuracy against the age of the state, in frames; a panel a clip length in training, whose end is marked."""
    shown, measured = product.rows(), measured_lifetimes(product)
    models, lengths = (list(dict.fromkeys(part)) for part in zip(*shown, strict=True))
    mark_of = dict(zip(models, marks(len(models)), strict=True))
    curves: dict[int, list[Curve]] = {length: [] for length in sorted(lengths)}
    heights = _heights(curves, {row: measured[runs[0]][0].ways for row, runs in shown.items()})
    figure = new_figure(PANEL, 1.2 + sum(heights))
    panels = figure.subplots(len(curves), sharex=True, sharey=True, squeeze=False, height_ratios=heights)
    axes = dict(zip(curves, panels[:, 0], strict=True))
    for (model, frames), runs in shown.items():
        records, rows = zip(*(measured[run] for run in runs), strict=True)
        for way in records[0].ways:
            told, line = WAYS[way]
            table = _by_age([of_one[way] for of_one in rows], frames, records[0].ages)
            known = {"model": model, "frames": frames, "way": way, "runs": " ".join(run.name for run in runs)}
            details, mark = [f"{len(rows[0][way])} videos", f"w_xh {runs[0].w_xh}"], mark_of[model]
            curves[frames].append(Curve(f"{model}, {told}", details, len(runs), table.assign(**known), mark.colour))
            axes[frames].plot(table["age"], table["accuracy"], line, color=mark.colour, marker=mark.marker)
    for frames, axis in axes.items():
        draw_intervals(axis, "age", curves[frames])
        axis.axvline(frames, color=QUIET, linewidth=0.8, linestyle=":", zorder=1)
        axis.set_title(f"trained on clips of {frames} frames")
        axis.set_ylabel("video accuracy")
    axis.set_xscale("log", base=2)
    axis.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axis.yaxis.set_major_formatter(PercentFormatter(1))
    axis.set_xlabel("frames since the state began anew")
    every = [curve for of_length in curves.values() for curve in of_length]
    add_note(figure, EXPLAINED, *note_of(every))
    for frames, axis in axes.items():
        label_curves(axis, curves[frames], "age", ceiling=True, among=every)
    return Drawing(figure, pd.concat(curve.table for curve in every))


def _heights(lengths: Iterable[int], ways: Mapping[tuple[str, int], Sequence[str]]) -> list[float]:
    """Inches of each clip length's panel: more than usual if there would be no room for the labels beside it.

    ways: of each model and clip length.
    """
    labels = dict.fromkeys(lengths, 1)  # that of the ceiling
    for (_, frames), of_row in ways.items():
        labels[frames] += len(of_row)
    return [max(2.4, 0.8 + LABEL * count) for count in labels.values()]


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

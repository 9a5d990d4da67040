"""Accuracy while a video is being seen."""

from functools import partial

import numpy as np
import pandas as pd
from matplotlib.ticker import PercentFormatter

from rcn_bench.intervals import Scores
from rcn_bench.plan.products.base import Product
from rcn_bench.plan.products.figures import OnlineAccuracy
from rcn_bench.plan.run import Run
from rcn_bench.records.runs import Online
from rcn_bench.reporting.curves import Curve, draw_intervals, label_curves, note_of
from rcn_bench.reporting.figure import Drawing, new_figure
from rcn_bench.reporting.results import if_there, notes_on_overlap, read_online
from rcn_bench.reporting.same_videos import Result, require_one_cache, same_videos
from rcn_bench.reporting.style import PANEL, add_note, marks

NEARLY_ALL = 0.9  # the share of videos that a point is of at least; fewer would be another set, of longer videos
WAYS = {"frames": "single frames", "carried": "carried", "restarted": "restarted", "windows": "windows"}
EXPLAINED = "State carried through the video, or restarted after every clip length (dashed); others: windows of a clip."
# A video of an even number of frames and its reverse have no frame in common at a stride of two.
OF_TWINS = (
    "A network blind to the order of frames, such as C2D, has half of whole videos right at most, or a little more "
    "where a stride shows it other frames of a video and its reverse."
)


def online_accuracy(product: OnlineAccuracy) -> Drawing:
    """Video accuracy against the share of a video seen: of networks with a state, and of windows of the others.

    A state is carried through the video (full line), and restarted after every clip length (dashed). All curves are
    of the same videos, those that all runs were shown. A point is of those that had had a clip's frames by then, the
    longer ones; it is drawn where these are nearly all.
    """
    figure = new_figure(PANEL, 3.2)
    axis = figure.subplots()
    curves, shown, videos = [], product.rows(), online_videos(product)
    for mark, ((model, frames), runs) in zip(marks(len(shown)), shown.items(), strict=True):
        for way in sorted({way for run, way in videos if run in runs}):
            table = accuracy_by_share([videos[run, way] for run in runs if (run, way) in videos])
            known = {"model": model, "frames": frames, "way": way, "runs": " ".join(run.name for run in runs)}
            name, details = f"{model}, {frames} frames, {WAYS[way]}", [_counts(table), f"w_xh {runs[0].w_xh}"]
            curves.append(Curve(name, details, len(runs), table.assign(**known), mark.colour))
            line = "--" if way == "restarted" else "-"
            axis.plot(table["share_of_video"], table["accuracy"], line, color=mark.colour, marker=mark.marker)
    draw_intervals(axis, "share_of_video", curves)
    axis.xaxis.set_major_formatter(PercentFormatter(1, 0))
    axis.yaxis.set_major_formatter(PercentFormatter(1))  # with decimals where all curves lie close together
    axis.set(xlabel="share of the video seen", ylabel="video accuracy")
    twins = product.experiment.dataset.twins
    overlap = notes_on_overlap({run: result.record for (run, _), result in videos.items()})
    add_note(figure, EXPLAINED, *note_of(curves), *([OF_TWINS] if twins else []), *overlap)
    label_curves(axis, curves, "share_of_video", ceiling=twins)
    return Drawing(figure, pd.concat(curve.table for curve in curves))


def online_videos(product: Product) -> dict[tuple[Run, str], Result[Online]]:
    """What each run of a product came to in each way, of the videos that all of them were shown."""
    experiment, results = product.experiment, {}
    for run in product.runs():
        if record := if_there(partial(read_online, experiment, run)):
            path = experiment.paths.online(run)
            for way, rows in record.rows(path).groupby("way"):
                results[run, str(way)] = Result(path.with_suffix(".json"), record, rows.set_index("video"))
    if not results:
        return {}
    require_one_cache(results.values())
    return same_videos(results)


def accuracy_by_share(results: list[Result[Online]]) -> pd.DataFrame:
    """Accuracy and its interval at each share of the videos, over all seeds, and of how many videos."""
    record, videos, rows = results[0].record, results[0].videos, []
    for share in record.shares:
        known = videos[f"{share:.0%}"].notna()
        if known.sum() >= NEARLY_ALL * len(videos):
            groups = list(videos["group"][known])
            scores = Scores.of_trainings(
                [Scores.of_videos(result.videos[f"{share:.0%}"][known], groups) for result in results]
            )
            low, high = scores.interval() or (np.nan, np.nan)
            rows.append((share, scores.accuracy, low, high, len(groups), record.videos_listed))
    names = ["share_of_video", "accuracy", "accuracy_95_low", "accuracy_95_high", "videos", "videos_listed"]
    return pd.DataFrame(rows, columns=names)


def _counts(table: pd.DataFrame) -> str:
    """Of how many videos a curve is: 40 videos; 31 to 38 of 40 videos, where some are left out."""
    least, most, listed = table["videos"].min(), table["videos"].max(), table["videos_listed"].max()
    counts = f"{most}" if least == most else f"{least} to {most}"
    return f"{counts} videos" if most == listed else f"{counts} of {listed} videos"

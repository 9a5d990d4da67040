"""What is right and wrong by class: the accuracy of each, and which class is taken for which."""

from collections import Counter
from collections.abc import Iterable, Sequence
from math import ceil
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.patches import Patch

from rcn_bench.errors import shown
from rcn_bench.intervals import Scores
from rcn_bench.plan.products.classes import Confusion, OfModels, PerClass
from rcn_bench.plan.run import Run
from rcn_bench.reporting.accuracies import Accuracies, ends
from rcn_bench.reporting.accuracy import accuracy_notes
from rcn_bench.reporting.figure import Drawing, new_figure
from rcn_bench.reporting.results import data_set
from rcn_bench.reporting.style import COLOURS, PAGE, PANEL, SMALL
from rcn_bench.reporting.table import Table

MOST_IN_A_MATRIX = 24  # classes, whose names and shares can be read
MOST_PAIRS = 25  # that are shown where there are more classes
MOST_BESIDE = 12  # classes of a matrix that has another beside it
LONGEST_NAME = 36  # characters
LONGEST_BESIDE = 14  # of names where two panels of bars stand beside each other
SHOWN = ("label", "predicted", "share_of_class", "kind")  # columns of the numbers
OF_KIND = {"right": "#6b6b6b", "twin": COLOURS[1], "other": COLOURS[0]}
KIND = {
    "right": "right",
    "twin": "taken for its twin, the class of the other video in its group",
    "other": "taken for another class",
}


def per_class(product: PerClass) -> Table:
    """Accuracy by class, the lowest first, the models of a class below each other."""
    accuracies = Accuracies.of(product)
    rows = [
        {"class": label, "model": model, "w_xh": runs[0].w_xh, **_cells(accuracies, runs, label)}
        for label in _labels(accuracies, product.rows()[product.models[0]])
        for model, runs in product.rows().items()
    ]
    mean = pd.DataFrame(rows).groupby("class")["video acc %"].mean()
    rows.sort(key=lambda row: mean[row["class"]])
    notes = [
        "The lowest classes stand first, by the mean over models, to be found; neighbours need not differ.",
        "Mostly taken for: of a class's wrong predictions the most frequent, with its share of the class's videos.",
        *accuracy_notes(product.experiment, accuracies),
    ]
    return Table.of(f"Accuracy by class at {product.frames} frames on {data_set(product.experiment)}", rows, notes)


def _labels(accuracies: Accuracies, runs: Sequence[Run]) -> list[str]:
    """Those that videos have, in the order of the classes."""
    there = set(accuracies.shared[runs[0]].videos["label"])
    return [label for label in accuracies.shared[runs[0]].record.labels if label in there]


def _cells(accuracies: Accuracies, runs: Sequence[Run], label: str) -> dict[str, Any]:
    of_class = [videos[videos["label"] == label] for videos in (accuracies.shared[run].videos for run in runs)]
    scores = Scores.of_trainings([Scores.of_videos(each["rank"] == 1, list(each["group"])) for each in of_class])
    wrong = Counter(best for each in of_class for best in each["predicted"] if best != label).most_common(1)
    taken = f"{wrong[0][0]} ({wrong[0][1] / sum(map(len, of_class)):.0%})" if wrong else "none"
    return {
        "video acc %": 100 * scores.accuracy,
        **ends("video acc 95 % interval", scores.interval()),
        "mostly taken for": taken,
        "videos": len(of_class[0]),
        "seeds": " ".join(str(run.seed) for run in runs),
        "runs": " ".join(run.name for run in runs),
    }


def confusion(product: Confusion) -> Drawing:
    """Which class is taken for which: all of them, or the most frequent confusions where there are many classes.

    Confusions with the twin, the class of the other video in a group, have a colour of their own: of moving digits it
    is the same motion backwards, which frames alone cannot tell.
    """
    accuracies = Accuracies.of(product)
    twins = twin_classes(accuracies.shared[accuracies.first[0]].videos)
    numbers = {model: _confusions(accuracies, runs, twins) for model, runs in product.rows().items()}
    labels = _order(_all_labels(numbers.values()), twins)
    in_a_matrix = len(labels) <= MOST_IN_A_MATRIX
    beside = len(labels) <= MOST_BESIDE if in_a_matrix else max(map(len, labels)) <= LONGEST_BESIDE
    columns = min(2 if beside else 1, len(numbers))
    page = PANEL if beside and columns == 1 else PAGE
    rows, width = ceil(len(numbers) / columns), page / columns
    figure = new_figure(page, rows * (width if in_a_matrix else 0.13 * MOST_PAIRS + 0.8) + 0.4)
    axes = figure.subplots(rows, columns, squeeze=False)
    for axis in axes.flat[len(numbers) :]:
        axis.axis("off")
    for axis, (model, table) in zip(axes.flat, numbers.items(), strict=False):
        (_matrix if in_a_matrix else _bars)(axis, table, labels)
        axis.set_title(_title(product, model, table), parse_math=False)
    kinds = {kind for table in numbers.values() for kind in table["kind"]} - (set() if in_a_matrix else {"right"})
    patches = [Patch(color=OF_KIND[kind], label=text) for kind, text in KIND.items() if kind in kinds]
    side_by_side = len(patches) if columns > 1 else 1
    figure.legend(handles=patches, loc="outside lower center", ncols=side_by_side)
    return Drawing(figure, pd.concat(numbers.values()))


def twin_classes(videos: pd.DataFrame) -> dict[str, str]:
    """Of each class its twin: the only other class in most of its groups, if that holds the other way round, too."""
    partners: dict[str, Counter[str | None]] = {}
    for _, labels in videos.groupby("group")["label"]:
        found = set(labels)
        for label in found:
            other = (found - {label}).pop() if len(found) == 2 else None
            partners.setdefault(label, Counter())[other] += 1
    mostly = {label: others.most_common(1)[0] for label, others in partners.items()}
    most = {label: other for label, (other, groups) in mostly.items() if other and 2 * groups > partners[label].total()}
    return {label: other for label, other in most.items() if most.get(other) == label}


def _confusions(accuracies: Accuracies, runs: Sequence[Run], twins: dict[str, str]) -> pd.DataFrame:
    """A row a true and a predicted class that some video of some training has: how many, which share of the class."""
    videos = pd.concat([accuracies.shared[run].videos for run in runs])
    counts = videos.groupby(["label", "predicted"]).size().rename("count").reset_index()
    counts["share_of_class"] = counts["count"] / counts.groupby("label")["count"].transform("sum")
    counts["kind"] = [
        "right" if label == best else "twin" if twins.get(label) == best else "other"
        for label, best in zip(counts["label"], counts["predicted"], strict=True)
    ]
    runs_told = " ".join(run.name for run in runs)
    return counts.assign(model=runs[0].variant, trainings=len(runs), runs=runs_told)


def _all_labels(tables: Iterable[pd.DataFrame]) -> list[str]:
    return sorted({label for table in tables for column in ("label", "predicted") for label in table[column]})


def _order(labels: Sequence[str], twins: dict[str, str]) -> list[str]:
    """By name, twins side by side."""
    return sorted(labels, key=lambda label: (min(label, twins.get(label, label)), label))


def _title(product: OfModels, model: str, table: pd.DataFrame) -> str:
    runs = product.rows()[model]
    shares = 100 * table.groupby("kind")["count"].sum() / table["count"].sum()
    told = ", ".join(f"{shares[kind]:.1f} % {kind}" for kind in KIND if kind in shares)
    seeds = "" if len(runs) == 1 else f", {len(runs)} seeds"
    return f"{model}, {product.frames} frames, {runs[0].w_xh}{seeds}\n{told}"


def _matrix(axis: Axes, table: pd.DataFrame, labels: Sequence[str]) -> None:
    """A cell a pair: the deeper its colour, the larger its share of the true class; percent stand in it."""
    place = {label: number for number, label in enumerate(labels)}
    image = np.ones((len(labels), len(labels), 3))
    for label, predicted, share, kind in zip(*(table[name] for name in SHOWN), strict=True):
        true, best = place[label], place[predicted]
        depth = share**0.5  # so that a rare confusion is seen, too
        image[true, best] = 1 - depth * (1 - np.array(to_rgb(OF_KIND[kind])))
        colour = "white" if depth > 0.75 else "black"
        axis.text(best, true, f"{100 * share:.0f}", ha="center", va="center", fontsize=SMALL - 1, color=colour)
    axis.imshow(image, interpolation="nearest")
    axis.grid(False)
    axis.set_xticks(range(len(labels)), map(_short, labels), rotation=90, fontsize=SMALL, parse_math=False)
    axis.set_yticks(range(len(labels)), map(_short, labels), fontsize=SMALL, parse_math=False)
    axis.set(xlabel="predicted class", ylabel="true class, 100 % a row")


def _bars(axis: Axes, table: pd.DataFrame, _: Sequence[str]) -> None:
    """The most frequent confusions, a bar each: in how many videos, and which share of the class that is."""
    wrong = table[table["kind"] != "right"].sort_values(["count", "label"], ascending=[False, True])
    most = wrong.head(MOST_PAIRS)
    names = [
        f"{_short(true)} \u2192 {_short(best)}" for true, best in zip(most["label"], most["predicted"], strict=True)
    ]
    bars = axis.barh(
        range(len(most)), most["count"] / most["trainings"], color=[OF_KIND[kind] for kind in most["kind"]]
    )
    axis.bar_label(bars, [f"{share:.0%}" for share in most["share_of_class"]], padding=2, fontsize=SMALL - 1)
    axis.set_yticks(range(len(most)), names, fontsize=SMALL - 1, parse_math=False)
    axis.invert_yaxis()
    axis.margins(x=0.1, y=0.02)
    axis.grid(visible=False, axis="y")
    axis.set(xlabel=f"videos, and % of the true class's;\nthe {len(most)} most frequent of {len(wrong):,}")


def _short(label: str) -> str:
    text = shown(label)
    return text if len(text) <= LONGEST_NAME else f"{text[: LONGEST_NAME - 3]}..."

"""What is right and wrong by class: the accuracy of each, and which class is taken for which."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from rcn_bench.errors import shown
from rcn_bench.intervals import Scores
from rcn_bench.plan.products.classes import Confusion, OfModels, PerClass
from rcn_bench.plan.run import Run
from rcn_bench.reporting.accuracies import Accuracies, ends
from rcn_bench.reporting.accuracy import accuracy_notes
from rcn_bench.reporting.figure import Drawing, new_figure
from rcn_bench.reporting.results import data_set
from rcn_bench.reporting.style import COLOURS, PAGE, PAGE_HEIGHT, PANEL, SMALL, text_width
from rcn_bench.reporting.table import Table

MOST_IN_A_MATRIX = 24  # classes, whose names can be read where two matrices stand beside each other
LARGEST_CELL = 0.5  # inches
SMALLEST_CELL = SMALL / 72  # inches; in smaller ones the names of classes would overlap
SMALLEST_NUMBER = 5  # points that can be read
MOST_PAIRS = 25  # that are shown where there are more classes
FEWEST_PAIRS = 5  # of a model, however many there are
LONGEST_NAME = 36  # characters
LONGEST_BESIDE = 14  # of names where two panels of bars stand beside each other
SHOWN = ("label", "predicted", "share_of_class", "kind")  # columns of the numbers
UNNUMBERED = "The deeper, the larger the share of the true class; numbers: in the CSV."
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
        for label in _labels(accuracies)
        for model, runs in accuracies.rows(product).items()
    ]
    mean = pd.DataFrame(rows).groupby("class")["video acc %"].mean()
    rows.sort(key=lambda row: mean[row["class"]])
    notes = [
        "The lowest classes stand first, by the mean over models, to be found; neighbours need not differ.",
        "Mostly taken for: of a class's wrong predictions the most frequent, with its share of the class's videos.",
        *accuracy_notes(product.experiment, accuracies),
    ]
    title = f"Accuracy by class at {product.frames} frames on {data_set(product.experiment)}"
    why = {"video acc 95 % interval": "none can be had of so few seeds or groups of a class's videos"}
    return Table.of(title, rows, notes, why=why)


def _labels(accuracies: Accuracies) -> list[str]:
    """Those that videos have, in the order of the classes."""
    first = accuracies.shared[accuracies.first[0]]
    there = set(first.videos["label"])
    return [label for label in first.record.labels if label in there]


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
    titled = {_title(product, model, table): table for model, table in numbers.items()}
    figure = (_matrices if len(labels) <= MOST_IN_A_MATRIX else _most_frequent)(titled, labels)
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


@dataclass(frozen=True)
class Grid:
    """Where square matrices stand. cell: inches that a class has of a matrix; width, height: inches of the figure."""

    rows: int
    columns: int
    cell: float
    width: float
    height: float

    @classmethod
    def of(cls, matrices: int, names: Sequence[str]) -> "Grid":
        """Two columns, or one where names leave no room for two; no higher than a page while names can be read."""
        beside = max(map(text_width, names)) + 0.4  # with the axis' own label
        for columns, width in ((2, PAGE) if matrices > 1 else (1, PANEL), (1, PAGE)):
            cell = ((width - beside) / columns - 0.15) / len(names)
            if cell >= SMALLEST_CELL:
                break
        rows = ceil(matrices / columns)
        names_below = beside * (1 if matrices % columns == 0 else 2)  # also of one with nothing below it
        around = (0.3 if columns > 1 else 0.6) + 0.4 * rows + names_below  # the legend, and titles
        cell = min(cell, (PAGE_HEIGHT - around) / rows / len(names), LARGEST_CELL)
        cell = max(cell, SMALLEST_CELL)
        return cls(rows, columns, cell, width, rows * cell * len(names) + around)


def _matrices(titled: Mapping[str, pd.DataFrame], labels: Sequence[str]) -> Figure:
    """One a model; the names of classes stand left of a row and below a column."""
    names = [_short(label) for label in labels]
    grid = Grid.of(len(titled), names)
    figure = new_figure(grid.width, grid.height)
    axes = _axes(figure, grid.rows, grid.columns, len(titled))
    points = _points_of_numbers(titled.values(), grid.cell)
    for number, (axis, (title, table)) in enumerate(zip(axes, titled.items(), strict=True)):
        _matrix(axis, table, labels, points)
        axis.set_title(title, fontsize=SMALL, parse_math=False)
        axis.set_xticks(range(len(names)), names, rotation=90, fontsize=SMALL, parse_math=False)
        axis.set_yticks(range(len(names)), names, fontsize=SMALL, parse_math=False)
        lowest, leftmost = number + grid.columns >= len(titled), number % grid.columns == 0
        axis.tick_params(bottom=lowest, labelbottom=lowest, left=leftmost, labelleft=leftmost)
        axis.set(xlabel="predicted class" if lowest else "", ylabel="true class, 100 % a row" if leftmost else "")
    _add_legend(figure, set(pd.concat(titled.values())["kind"]), grid.columns, "" if points else UNNUMBERED)
    return figure


def _axes(figure: Figure, rows: int, columns: int, count: int) -> list[Axes]:
    """So many, row by row; what is left of the last row stays empty."""
    grid = figure.add_gridspec(rows, columns)
    return [figure.add_subplot(grid[divmod(place, columns)]) for place in range(count)]


def _points_of_numbers(tables: Iterable[pd.DataFrame], cell: float) -> float | None:
    """How large the percents in cells are, so that the widest has room; None where that could not be read."""
    widest = max(text_width(_percent(share)) for table in tables for share in table["share_of_class"])
    points = min(SMALL - 1, 0.97 * SMALL * cell / widest)
    return points if points >= SMALLEST_NUMBER else None


def _percent(share: float) -> str:
    return f"{100 * share:.0f}"


def _matrix(axis: Axes, table: pd.DataFrame, labels: Sequence[str], points: float | None) -> None:
    """A cell a pair: the deeper its colour, the larger its share of the true class; percent stand in it.

    points: their size; None for no numbers.
    """
    place = {label: number for number, label in enumerate(labels)}
    image = np.ones((len(labels), len(labels), 3))
    for label, predicted, share, kind in zip(*(table[name] for name in SHOWN), strict=True):
        true, best = place[label], place[predicted]
        depth = share**0.5  # so that a rare confusion is seen, too
        image[true, best] = 1 - depth * (1 - np.array(to_rgb(OF_KIND[kind])))
        if points:
            colour = "white" if depth > 0.75 else "black"
            axis.text(best, true, _percent(share), ha="center", va="center", fontsize=points, color=colour)
    axis.imshow(image, interpolation="nearest")
    axis.grid(False)


def _most_frequent(titled: Mapping[str, pd.DataFrame], labels: Sequence[str]) -> Figure:
    """Bars, a panel a model; as many as leave the figure no higher than a page."""
    columns = min(2 if max(map(len, labels)) <= LONGEST_BESIDE else 1, len(titled))
    rows = ceil(len(titled) / columns)
    legend, around, bar = 0.4, 0.8, 0.13  # inches: of the figure, of a panel, of a pair
    fit = int(((PAGE_HEIGHT - legend) / rows - around) / bar)
    pairs = max(min(MOST_PAIRS, fit), FEWEST_PAIRS)
    figure = new_figure(PAGE, rows * (bar * pairs + around) + legend)
    for axis, (title, table) in zip(_axes(figure, rows, columns, len(titled)), titled.items(), strict=True):
        _bars(axis, table, pairs)
        axis.set_title(title, parse_math=False)
    _add_legend(figure, set(pd.concat(titled.values())["kind"]) - {"right"}, columns)
    return figure


def _add_legend(figure: Figure, kinds: set[str], columns: int, title: str = "") -> None:
    patches = [Patch(color=OF_KIND[kind], label=text) for kind, text in KIND.items() if kind in kinds]
    side_by_side = len(patches) if columns > 1 else 1
    figure.legend(handles=patches, loc="outside lower center", ncols=side_by_side, title=title)


def _bars(axis: Axes, table: pd.DataFrame, pairs: int) -> None:
    """The most frequent confusions, a bar each: in how many videos, and which share of the class that is."""
    wrong = table[table["kind"] != "right"].sort_values(["count", "label"], ascending=[False, True])
    most = wrong.head(pairs)
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

"""Learning curves: loss and accuracy in training, epoch by epoch."""

from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator, PercentFormatter

from rcn_bench.plan.experiment import Experiment
from rcn_bench.plan.products.base import Rows
from rcn_bench.plan.products.training import LearningCurves
from rcn_bench.plan.run import Run
from rcn_bench.reporting.curves import told_seeds
from rcn_bench.reporting.figure import Drawing, new_figure
from rcn_bench.reporting.results import read_epochs
from rcn_bench.reporting.style import PAGE, PANEL, Mark, add_note, blocks_of, marks

SHOWN = ("loss", "accuracy")
LOOKED_AT = "validation_accuracy"  # drawn beside the accuracy in training, of the epochs after which it is known
NOT_OF_ALL = (LOOKED_AT, "waiting_for_clips")


def learning_curves(product: LearningCurves) -> Drawing:
    """A column a model and clip length, its loss above its accuracy; a line a start, the mean over seeds."""
    shown = product.rows()
    tables = {row: _epochs(product.experiment, runs) for row, runs in shown.items()}
    panels = list(dict.fromkeys((model, frames) for model, frames, _, _ in shown))
    starts = list(dict.fromkeys((w_xh, w_hh) for _, _, w_xh, w_hh in shown))
    mark_of = dict(zip(starts, marks(len(starts)), strict=True))
    blocks, columns = blocks_of(len(panels))
    figure = new_figure(PAGE if columns > 2 else PANEL, 2.2 * blocks + 0.8)
    grid = figure.add_gridspec(len(SHOWN) * blocks, columns)
    like: dict[str, Axes] = {}  # the first axes of each kind, whose scale others share
    for place, panel in enumerate(panels):
        block, column = divmod(place, columns)
        for row, drawn in enumerate(SHOWN):
            axis = figure.add_subplot(grid[len(SHOWN) * block + row, column], sharey=like.get(drawn))
            like.setdefault(drawn, axis)
            for (model, frames, *start), table in tables.items():
                if (model, frames) == panel:
                    _draw(axis, table, drawn, mark_of[tuple(start)])
                    if drawn == "accuracy" and table[LOOKED_AT].notna().any():
                        _draw(axis, table, LOOKED_AT, mark_of[tuple(start)], dashed=True)
            axis.tick_params(labelbottom=row == len(SHOWN) - 1, labelleft=column == 0)
            axis.xaxis.set_major_locator(MaxNLocator(4, integer=True, min_n_ticks=1))
            if row == 0:
                axis.set_title(f"{panel[0]},\n{panel[1]} frames" if columns > 2 else f"{panel[0]}, {panel[1]} frames")
            if column == 0:
                axis.set_ylabel(drawn)
        axis.set_xlabel("epoch")
    like["accuracy"].yaxis.set_major_formatter(PercentFormatter(1, 0))
    figure.align_ylabels()
    lines = [Line2D([], [], color=mark.colour, marker=mark.marker) for mark in mark_of.values()]
    figure.legend(lines, [_name(*start) for start in starts], loc="outside upper center", ncols=4 if columns > 2 else 2)
    numbers = pd.concat(tables.values())
    add_note(figure, *_notes(shown, numbers))
    return Drawing(figure, numbers.drop(columns=[name for name in NOT_OF_ALL if numbers[name].isna().all()]))


def _epochs(experiment: Experiment, runs: list[Run]) -> pd.DataFrame:
    """A row a run and epoch."""
    rows = [
        {"model": run.variant, "frames": run.frames, "w_xh": run.w_xh, "w_hh": run.w_hh, "seed": run.seed}
        | {**vars(epoch), "run": run.name}
        for run in runs
        for epoch in read_epochs(experiment, run)
    ]
    return pd.DataFrame(rows).astype(dict.fromkeys(NOT_OF_ALL, float))


def _name(w_xh: str, w_hh: str | None) -> str:
    return f"w_xh {w_xh}" if w_hh is None else f"w_xh {w_xh}, w_hh {w_hh}"


def _draw(axis: Axes, table: pd.DataFrame, drawn: str, mark: Mark, *, dashed: bool = False) -> None:
    by_epoch = table.dropna(subset=[drawn]).groupby("epoch")[drawn]
    mean, least, most = by_epoch.mean(), by_epoch.min(), by_epoch.max()
    line: dict[str, Any] = {"linestyle": (0, (4, 2)), "mfc": "none"} if dashed else {}
    every = max(1, len(mean) // 8)
    axis.plot(mean, color=mark.colour, marker=mark.marker, markersize=2.5, markevery=every, **line)
    axis.fill_between(mean.index, least, most, color=mark.colour, alpha=0.18, linewidth=0)


def _notes(shown: Rows, numbers: pd.DataFrame) -> list[str]:
    seeds = told_seeds(len(runs) for runs in shown.values())
    bands = f"Means over {seeds}; bands: from the least to the most of them." if seeds != "1 seed" else "One seed."
    notes = [
        f"Loss and accuracy of the clips trained on, as augmented, while the weights change within an epoch. {bands}"
    ]
    if numbers[LOOKED_AT].notna().any():
        notes.append("Dashed: accuracy of clips of the validation videos, after the epoch.")
    return notes

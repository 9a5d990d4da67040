"""The league: models on live video, how accurate they are as a video is seen, and what that costs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from rcn_bench.errors import InputError
from rcn_bench.plan.products.league import League
from rcn_bench.plan.run import Run, base_model
from rcn_bench.records.league import LeagueCosts, LiveCost
from rcn_bench.records.runs import Online
from rcn_bench.reporting.cost import CALM_CORES
from rcn_bench.reporting.curves import told_seeds
from rcn_bench.reporting.figure import Drawing, new_figure
from rcn_bench.reporting.online import OF_TWINS, WAYS, accuracy_by_share, online_videos
from rcn_bench.reporting.results import if_there, notes_on_overlap, read_causality, read_league
from rcn_bench.reporting.same_videos import Result
from rcn_bench.reporting.style import PANEL, add_note, marks
from rcn_bench.reporting.table import Table

TOO_MANY = "so many live videos at once do not fit the machine, or a step of theirs takes too long"
NO_COUNTER = "the machine counts no energy"
BUSY = "the machine was busy; run `rcn-bench league` again while nothing else does"
ONLINE, END = "online acc %", "end acc %"
LATENCY, SLOWEST = "latency p50 ms", "latency p99 ms"
ENDS = [f"end acc 95 % interval {end}" for end in ("low", "high")]


def league(product: League) -> Table:
    """A row a model and way to run it on live video."""
    costs, found = if_there(partial(read_league, product.experiment)), online_videos(product)
    rows = [row.cells(costs, product.experiment.paths.league) for row in _rows(product, found)]
    notes = [
        "Accuracy of videos: at their end, and online, the mean over each tenth of a video of what was right by then; "
        "before a network can tell it is not. Ways as in online accuracy: the state is carried through a video, or "
        "restarted after every clip length; windows are of a clip's length, half overlapping; frames are shown one by "
        "one to a network that keeps nothing of those before.",
        "Causal: no output of the network with random weights moved by a bit when frames after its own changed.",
        *_notes_of_costs(costs),
        *_notes_of_videos(product, found),
    ]
    return Table.of("League. Models on live video", rows, notes, why=_why(product, costs), record="online.json")


def accuracy_by_latency(product: League) -> Drawing:
    """Accuracy at the end of videos against the time of an answer to one live video; a point a model and way."""
    costs, found = read_league(product.experiment), online_videos(product)
    rows = [row.cells(costs, product.experiment.paths.league) for row in _rows(product, found)]
    wanted = ["model", "way", "answers every", LATENCY, SLOWEST, ONLINE, END, *ENDS, "runs"]
    numbers = pd.DataFrame(rows)[wanted].astype(dict.fromkeys([LATENCY, SLOWEST, ONLINE, END, *ENDS], float))
    figure = new_figure(PANEL, 4.2)
    axis = figure.subplots()
    drawn = numbers.dropna(subset=[END, LATENCY])
    models = drawn["model"].unique()
    mark_of = dict(zip(models, marks(len(models)), strict=True))
    for _, row in drawn.iterrows():
        mark = mark_of[row["model"]]
        axis.hlines(row[END], row[LATENCY], row[SLOWEST], color=mark.colour, linewidth=0.8)
        axis.vlines(row[LATENCY], row[ENDS[0]], row[ENDS[1]], color=mark.colour, linewidth=0.8, alpha=0.7)
        inside = "white" if row["way"] == "windows" else mark.colour
        name = f"{row['model']}, {WAYS[row['way']]}"
        axis.plot(
            row[LATENCY],
            row[END],
            mark.marker,
            color=mark.colour,
            fillstyle="left" if row["way"] == "carried" else "full",
            markerfacecolor=inside,
            markerfacecoloralt="white",
            markersize=5.5,
            label=name,
        )
    _scale(axis, drawn)
    if len(drawn):
        figure.legend(loc="outside upper center", ncols=3)
    untold = [model for model in product.models if model not in set(drawn["model"])]
    add_note(
        figure,
        "To the right of a point its 99th percentile; upright its 95 % interval. Half filled: the state is carried; "
        "hollow: windows.",
        *_notes_of_costs(costs),
        *_notes_of_videos(product, found),
        *([f"Not drawn, as its accuracy or time is not known: {', '.join(untold)}."] if untold else []),
    )
    return Drawing(figure, numbers)


def _scale(axis: Axes, drawn: pd.DataFrame) -> None:
    axis.set(xlabel="latency on one live video, ms", ylabel="video accuracy at the end, %")
    axis.margins(0.08)
    if len(drawn):
        axis.set_xscale("log")
        axis.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axis.xaxis.set_minor_formatter(NullFormatter())


@dataclass(frozen=True)
class _Row:
    """way: None of a model that is not trained, or in a part of a table."""

    model: str
    way: str | None
    results: Mapping[Run, Result[Online]]
    causal: bool | None

    def cells(self, costs: LeagueCosts | None, path: Path) -> dict[str, Any]:
        return {
            "model": self.model,
            "way": self.way,
            "causal": self.causal,
            **self._accuracies(),
            **(_cost_cells(costs, _row_of(costs, self.model, path)) if costs else {}),
            "videos": len(next(iter(self.results.values())).videos) if self.results else None,
            "seeds": " ".join(str(run.seed) for run in self.results) or None,
            "runs": " ".join(run.name for run in self.results),
        }

    def _accuracies(self) -> dict[str, float | None]:
        if not self.results:
            return dict.fromkeys([ONLINE, END, *ENDS])
        results = list(self.results.values())
        at_end = accuracy_by_share(results).iloc[-1]
        ends = [100 * at_end[f"accuracy_95_{end}"] for end in ("low", "high")]
        known = [None if np.isnan(end) else end for end in ends]
        return {ONLINE: 100 * _online(results), END: 100 * at_end["accuracy"], **dict(zip(ENDS, known, strict=True))}


def _online(results: Sequence[Result[Online]]) -> float:
    """The mean over seeds, videos and shares; what cannot be told yet is not right."""
    shares = [f"{share:.0%}" for share in results[0].record.shares]
    return float(np.mean([result.videos[shares].fillna(0).to_numpy() for result in results]))


def _rows(product: League, found: Mapping[tuple[Run, str], Result[Online]]) -> list[_Row]:
    causality = if_there(partial(read_causality, product.experiment))
    certified = {(row.model, row.frames): row.causal for row in causality.rows} if causality else {}
    rows = []
    for model, runs in product.rows().items():
        causal = certified.get((base_model(model), product.frames))
        ways: list[str | None] = [*sorted({way for run, way in found if run in runs})]
        for way in ways or [None]:
            results = {run: found[run, way] for run in runs if way is not None and (run, way) in found}
            rows.append(_Row(model, way, results, causal))
    return rows


def _row_of(costs: LeagueCosts, model: str, path: Path) -> LiveCost:
    for row in costs.rows:
        if row.model == base_model(model):
            return row
    raise InputError(f"{path}: has no {base_model(model)}; run `rcn-bench league` again")


def _cost_cells(costs: LeagueCosts, cost: LiveCost) -> dict[str, Any]:
    """Times are left out where the machine was busy."""
    calm = _is_calm(costs)
    cells: dict[str, Any] = {
        LATENCY: cost.latency_p50_ms if calm else None,
        SLOWEST: cost.latency_p99_ms if calm else None,
        "answers every": cost.frames_per_answer,
        **{_speed_name(batch.videos): batch.frames_per_second if calm else None for batch in cost.several},
        "GMACs/frame": cost.gmacs_per_frame,
        "state KiB": cost.state_bytes / 1024,
        _energy_name(1): _millijoules(cost.alone.joules_per_frame),
    }
    return cells | {_energy_name(batch.videos): _millijoules(batch.joules_per_frame) for batch in cost.several[-1:]}


def _speed_name(videos: int) -> str:
    return f"frames/s of {videos} videos"


def _energy_name(videos: int) -> str:
    return f"mJ/frame of {videos} video{'s' if videos > 1 else ''}"


def _millijoules(joules: float | None) -> float | None:
    return None if joules is None else 1000 * joules


def _is_calm(costs: LeagueCosts) -> bool:
    return (costs.cores_lacking or 0) <= CALM_CORES


def _why(product: League, costs: LeagueCosts | None) -> dict[str, str]:
    """Why cells lack a value, by column."""
    why = {"end acc 95 % interval": "none can be had of so few groups of videos, or the model is not trained here"}
    if untrained := [model for model, runs in product.rows().items() if not runs]:
        why |= dict.fromkeys(["way", ONLINE, END], f"this experiment does not train {', '.join(untrained)}")
    if costs is None:
        return why
    busy = not _is_calm(costs)
    batches = [batch for row in costs.rows for batch in (row.alone, *row.several)]
    counts = sorted({batch.videos for batch in batches})
    why |= dict.fromkeys(map(_speed_name, counts), BUSY if busy else TOO_MANY)
    counted = any(batch.joules_per_frame is not None for batch in batches)
    why |= dict.fromkeys(map(_energy_name, counts), TOO_MANY if counted else NO_COUNTER)
    return why | dict.fromkeys([LATENCY, SLOWEST], BUSY)


def _notes_of_costs(costs: LeagueCosts | None) -> list[str]:
    if costs is None:
        return []
    machine = costs.origin.starts[-1].machine
    sizes = ", ".join(f"{size}x{size}" for size in sorted({row.size for row in costs.rows}))
    waits = sorted({row.frames_per_answer for row in costs.rows if row.by == "window"})
    between = f" every {' or '.join(map(str, waits))} frames" if waits else ""
    return [
        f"Measured by turns on {machine.what_computes}, {sizes}, float32, batch norm folded, "
        "on a GPU as a CUDA graph. Latency: of a step on one live video, from the frame on the device to the logits.",
        f"A network without a state runs on a window{between}: its latency is that of the window, all else is spread "
        "over those frames; what it keeps are the window's frames but the newest.",
    ]


def _notes_of_videos(product: League, found: Mapping[tuple[Run, str], Result[Online]]) -> list[str]:
    if not found:
        return []
    twins = [OF_TWINS] if product.experiment.dataset.twins else []
    seeds = told_seeds(len(runs) for runs in product.rows().values() if runs)
    starts = dict.fromkeys(run.w_xh for run in product.runs())
    overlap = notes_on_overlap({run: result.record for (run, _), result in found.items()})
    return [f"Trained on clips of {product.frames} frames from {' or '.join(starts)} w_xh, {seeds}.", *twins, *overlap]

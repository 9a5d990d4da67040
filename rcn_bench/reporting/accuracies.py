"""The accuracies of a table's runs, on the same videos for all of its rows."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from rcn_bench.errors import InputError
from rcn_bench.intervals import FEWEST_GROUPS, Scores, bounds
from rcn_bench.plan.experiment import Experiment
from rcn_bench.plan.products.base import Product
from rcn_bench.plan.run import Run
from rcn_bench.records.runs import Evaluation
from rcn_bench.reporting.results import if_there, notes_on_overlap, read_evaluation
from rcn_bench.reporting.same_videos import Result, require_one_cache, same_videos

KINDS = ("clip", "video")
TOP5 = "video top-5"  # whether the true class is among a video's five best
FEWEST_CLASSES = 10  # where that says something


@dataclass(frozen=True)
class Accuracies:
    """What the runs of a product came to, as cells of a table.

    scored: each run's evaluation, and what it says of each video that it scored. shared: the same of those that all
    runs scored. first: the runs of the first row, with which the others are compared where the videos differ.
    """

    scored: Mapping[Run, Result[Evaluation]]
    shared: Mapping[Run, Result[Evaluation]]
    first: Sequence[Run]

    @classmethod
    def of(cls, product: Product) -> "Accuracies":
        """Errors: InputError if a result is missing or not this experiment's own, or the videos do not compare."""
        scored = evaluated(product.experiment, product.runs())
        if not scored:
            raise InputError(f"{product.name}: none of its runs has been evaluated")
        require_one_cache(scored.values())
        return cls(scored, same_videos(scored), next(iter(_with_runs(product, scored).values())))

    def rows(self, product: Product) -> dict[Any, list[Run]]:
        """Those of a product that runs stand in: none where the config lists no such start, or in a part of a table."""
        return _with_runs(product, self.scored)

    def cells(self, runs: Sequence[Run], kinds: Iterable[str] = KINDS) -> dict[str, Any]:
        """Accuracies of these kinds in percent, the mean over seeds, with intervals over seeds and groups of videos."""
        cells: dict[str, Any] = {}
        for kind in kinds:
            scores = self._scores(kind, runs)
            cells[f"{kind} acc %"] = 100 * scores.accuracy
            cells |= ends(f"{kind} acc 95 % interval", scores.interval())
            if self._differ:
                cells |= self._difference(kind, runs, scores)
            if self._many_left_out:
                of_all = [both for run in runs if (both := _bounds(kind, self.scored[run]))]
                cells |= ends(f"{kind} acc % of all listed", np.mean(of_all, 0) if of_all else None)
        return cells

    def sources(self, runs: Sequence[Run]) -> dict[str, Any]:
        """How many videos and clips the accuracies are of, how many videos were skipped, which seeds, which runs."""
        shared = self.shared[runs[0]].videos
        return {
            "videos": len(shared),
            "clips": int(shared["clips"].sum()),
            "videos skipped": max(len(self.scored[run].record.videos_skipped) for run in runs),
            "seeds": " ".join(str(run.seed) for run in runs),
            "runs": " ".join(run.name for run in runs),
        }

    def notes(self) -> list[str]:
        """What a reader must know where videos are short, missing, or trained on."""
        notes, listed = [], max(result.record.videos_listed for result in self.scored.values())
        if self._some_short:
            notes.append("Of videos too short for so many different clips as many are taken as fit.")
        if self._differ:
            shared = len(self.shared[self.first[0]].videos)
            notes.append(
                f"Accuracies are of the {shared} videos, of {listed} listed, that the runs of all rows scored. "
                "Differences are to the first row, in points; their 95 % intervals are paired by groups of videos."
            )
        if self._many_left_out:
            notes.append(
                f"Of all {listed} listed: from what the accuracy on all videos that the row's own runs scored, common "
                "or not, would be if all others were wrong, to what it would be if all were right."
            )
        return notes + notes_on_overlap({run: result.record for run, result in self.scored.items()})

    def why(self) -> dict[str, str]:
        """Why cells of these columns lack a value, where they do."""
        reasons, groups = {}, self.shared[self.first[0]].videos["group"].nunique()
        no_interval = "none can be had of so few seeds or groups"
        if groups < FEWEST_GROUPS:
            no_interval = f"it takes {FEWEST_GROUPS} groups of videos, and here are {groups}"
        for kind in self.kinds_of_classes:
            reasons[f"{kind} acc 95 % interval"] = no_interval
            reasons[f"{kind} acc less first row's %"] = "the first row itself"
            reasons[f"{kind} acc less first row's, 95 % interval"] = "the first row itself, or too few groups of videos"
            reasons[f"{kind} acc % of all listed"] = "few videos or none are left out"
        return reasons

    @property
    def kinds_of_classes(self) -> Sequence[str]:
        """The kinds of accuracy that so many classes have."""
        labels = self.scored[self.first[0]].record.labels
        return (*KINDS, TOP5) if len(labels) >= FEWEST_CLASSES else KINDS

    @property
    def _differ(self) -> bool:
        """Whether some run scored videos that others did not."""
        return any(len(self.shared[run].videos) < len(result.videos) for run, result in self.scored.items())

    @property
    def _many_left_out(self) -> bool:
        return any(_bounds("video", result) for result in self.scored.values())

    @property
    def _some_short(self) -> bool:
        return any((shared.videos["clips"] < shared.record.clips_per_video).any() for shared in self.shared.values())

    def _scores(self, kind: str, runs: Sequence[Run]) -> Scores:
        return Scores.of_trainings([scores_of(kind, self.shared[run]) for run in runs])

    def _difference(self, kind: str, runs: Sequence[Run], scores: Scores) -> dict[str, Any]:
        name, first = f"{kind} acc less first row's", self._scores(kind, self.first)
        if runs == self.first:
            return {f"{name} %": None, **ends(f"{name}, 95 % interval", None)}
        difference, interval = 100 * (scores.accuracy - first.accuracy), scores.difference_interval(first)
        return {f"{name} %": difference, **ends(f"{name}, 95 % interval", interval)}


def _with_runs(product: Product, scored: Mapping[Run, Any]) -> dict[Any, list[Run]]:
    there = {row: [run for run in runs if run in scored] for row, runs in product.rows().items()}
    return {row: runs for row, runs in there.items() if runs}


def evaluated(experiment: Experiment, runs: Iterable[Run]) -> dict[Run, Result[Evaluation]]:
    """Each run's evaluation, and what it says of each video that it scored.

    Errors: InputError if one is missing or not this experiment's own, unless a table is built in part.
    """
    found = {run: if_there(partial(_evaluated, experiment, run)) for run in runs}
    return {run: result for run, result in found.items() if result is not None}


def _evaluated(experiment: Experiment, run: Run) -> Result[Evaluation]:
    evaluation, path = read_evaluation(experiment, run), experiment.paths.evaluation(run)
    return Result(path, evaluation, evaluation.predictions(experiment.paths.predictions(run)).set_index("video"))


def _bounds(kind: str, result: Result[Evaluation]) -> tuple[float, float] | None:
    """Of clips: a video that was not scored could have had the most."""
    own = scores_of(kind, result)
    scored, left_out = float(own.counts.sum()), result.record.videos_listed - result.record.videos_used
    return bounds(own.accuracy, scored, scored + left_out)


def scores_of(kind: str, result: Result[Evaluation]) -> Scores:
    videos, groups = result.videos, list(result.videos["group"])
    if kind == "clip":
        return Scores.of_clips(videos["clips_correct"], videos["clips"], result.record.clips_per_video, groups)
    return Scores.of_videos(videos["rank"] <= (5 if kind == TOP5 else 1), groups)


def ends(name: str, interval: Iterable[float] | None) -> dict[str, Any]:
    """The two cells of an interval, in percent."""
    low, high = (100 * float(end) for end in interval) if interval is not None else (None, None)
    return {f"{name} low": low, f"{name} high": high}

"""The records that claims are tested on, each read once, and comparisons of accuracies."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from rcn_bench.intervals import Effect, Scores, contrast
from rcn_bench.plan.products.base import Product
from rcn_bench.plan.products.claims import FEWEST_SEEDS, Tested
from rcn_bench.plan.run import Run
from rcn_bench.records.runs import Epoch, Evaluation
from rcn_bench.reporting.accuracies import evaluated, scores_of
from rcn_bench.reporting.claims.finding import NotTested, Part, directed
from rcn_bench.reporting.results import read_epochs
from rcn_bench.reporting.same_videos import Result, require_one_cache, same_videos

Table = TypeVar("Table", bound=Product)
Weights = Mapping[str, float]  # of starts, in a sum of their accuracies


class Evidence:
    """shown: what the experiment shows, and so what there is to test claims on."""

    def __init__(self, shown: Tested) -> None:
        self.shown, self.experiment = shown, shown.experiment
        self._evaluated: dict[Run, Result[Evaluation]] = {}
        self._epochs: dict[Run, list[Epoch]] = {}

    def table(self, cls: type[Table]) -> Table:
        """A table or figure of the experiment. NotTested if it has none such."""
        if (found := self.shown.shown(cls)) is None:
            raise NotTested(f"{'.'.join(cls.section)} is not in this config")
        return found

    def runs(self, starts: Iterable[str]) -> dict[str, list[Run]]:
        """Those of each start whose accuracy is shown. NotTested, which names them, if that of one is not."""
        starts, compared = list(starts), self.shown.compared
        if missing := [start for start in starts if start not in compared]:
            raise NotTested(f"no table shows the accuracy of {', '.join(missing)}")
        return {start: self.shown.trainings[start] for start in starts}

    def epochs(self, run: Run) -> list[Epoch]:
        if run not in self._epochs:
            self._epochs[run] = read_epochs(self.experiment, run)
        return self._epochs[run]

    def results(self, runs: Iterable[Run]) -> dict[Run, Result[Evaluation]]:
        """Evaluations, on the videos that all of them scored."""
        runs = list(runs)
        self._evaluated |= evaluated(self.experiment, [run for run in runs if run not in self._evaluated])
        results = {run: self._evaluated[run] for run in runs}
        require_one_cache(results.values())
        return same_videos(results)

    def compared(self, contrasts: Mapping[str, Weights]) -> tuple[list[Part], list[Run], str]:
        """Sums of video accuracies in points, by what they are called, each claimed to lie above 0.

        All of the same videos. Undecided where a start has fewer than FEWEST_SEEDS trainings. Also all runs, and of how
        many trainings and videos the accuracies are.
        """
        runs = self.runs(dict.fromkeys(start for weights in contrasts.values() for start in weights))
        results = self.results(run for each in runs.values() for run in each)
        scores = {
            start: Scores.of_trainings([scores_of("video", results[run]) for run in each])
            for start, each in runs.items()
        }
        parts = []
        for what, weights in contrasts.items():
            effect = in_percent(contrast([(weight, scores[start]) for start, weight in weights.items()]))
            on_training = 100 * sum(weight * self._on_training(runs[start]) for start, weight in weights.items())
            parts.append(replace(directed(what, effect), on_training=on_training))
        every = [run for each in runs.values() for run in each]
        data = f"{_counted(runs.values())}, {len(results[every[0]].videos)} videos"
        return of_enough(parts, runs.values()), every, data

    def _on_training(self, runs: Sequence[Run]) -> float:
        """Accuracy on the clips trained on, in the last epoch: the mean over seeds."""
        return sum(self.epochs(run)[-1].accuracy for run in runs) / len(runs)


def in_percent(effect: Effect) -> Effect:
    interval = effect.interval and (100 * effect.interval[0], 100 * effect.interval[1])
    return Effect(100 * effect.value, interval, effect.p)


def of_enough(parts: Sequence[Part], trainings: Iterable[Sequence[Run]]) -> list[Part]:
    """Undecided, all of them, where one of the rows that they use has fewer than FEWEST_SEEDS trainings."""
    fewest = min(map(len, trainings))
    if fewest >= FEWEST_SEEDS:
        return list(parts)
    too_few = f"{fewest} training{'s' if fewest > 1 else ''} of a row, where {FEWEST_SEEDS} are needed"
    return [part.undecided(too_few) for part in parts]


def _counted(trainings: Iterable[Sequence[Run]]) -> str:
    return " + ".join(str(len(runs)) for runs in trainings) + " trainings"

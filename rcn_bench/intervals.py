"""Accuracies over trainings and videos, with intervals; and bounds, where videos are missing.

An accuracy of several trainings is the mean over all trainings that other seeds would give, on all videos of the kind:
its interval holds the choice of seeds and that of videos. An accuracy of one training is that of this one network on
new videos. docs/claims.md has how often the intervals hold the true value.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import inf, sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtr  # Student's distribution; scipy.stats takes a second to import
from scipy.special import stdtrit as student  # its quantiles

FEWEST_GROUPS = 8  # of which there is an interval
FEW = 0.01  # the share of videos that may be missing before an accuracy is given with its bounds
TAIL = 0.025  # of each side of an interval

Interval = tuple[float, float]


def told(interval: Interval | None, sign: str = "") -> str:
    """Behind what it is of, such as " (40.1% to 44.5%)"; empty if there is none. sign: "+" for that of a difference."""
    return f" ({interval[0]:{sign}.1%} to {interval[1]:{sign}.1%})" if interval else ""


def accuracy_interval(correct: ArrayLike, groups: Sequence[str]) -> Interval | None:
    """The 95 % interval of one network's accuracy on new videos; None of fewer than FEWEST_GROUPS.

    correct: per video, 0 to 1. groups: videos of one group, such as twins, hang together.
    """
    return Scores.of_videos(correct, groups).interval()


def bounds(accuracy: float, scored: float, listed: float) -> Interval | None:
    """What the accuracy of the videos scored is of all listed, if all others were wrong, and if all were right.

    Of clips, a video counts by its share of the most that one has. None where so few are missing that it does not
    matter.
    """
    if (listed - scored) / listed <= FEW:
        return None
    return accuracy * scored / listed, (accuracy * scored + listed - scored) / listed


class Effect(NamedTuple):
    """A difference, its 95 % interval, and the two-sided p-value of its being 0; neither where too little is known.

    p is at most 0.05 where the interval leaves out 0, and nowhere else.
    """

    value: float
    interval: Interval | None
    p: float | None


@dataclass(frozen=True)
class Scores:
    """How much of each video was right, in one training or in several.

    correct: (trainings, videos), from 0 to counts. counts: alike, how much each video counts; 1, or its clips as a
    share of the most that a video has. groups: of each video, what it hangs together with.
    """

    correct: NDArray[np.float64]
    counts: NDArray[np.float64]
    groups: Sequence[str]

    @classmethod
    def of_videos(cls, correct: ArrayLike, groups: Sequence[str]) -> "Scores":
        """correct: per video, 0 to 1."""
        right = np.asarray(correct, float)[None]
        return cls(right, np.ones_like(right), groups)

    @classmethod
    def of_clips(cls, clips_correct: ArrayLike, clips: ArrayLike, most: int, groups: Sequence[str]) -> "Scores":
        """clips: that each video has, of which so many were correct. most: that a video has."""
        return cls(np.asarray(clips_correct)[None] / most, np.asarray(clips)[None] / most, groups)

    @classmethod
    def of_trainings(cls, trainings: Sequence["Scores"]) -> "Scores":
        """trainings: of the same videos, in the same order."""
        correct, counts = ([getattr(one, name) for one in trainings] for name in ("correct", "counts"))
        return cls(np.concatenate(correct), np.concatenate(counts), trainings[0].groups)

    @property
    def accuracy(self) -> float:
        """The mean over trainings."""
        return float((self.correct.sum(1) / self.counts.sum(1)).mean())

    def interval(self) -> Interval | None:
        """The 95 % interval of the accuracy; None of fewer than FEWEST_GROUPS.

        Wilson's, for as many independent videos as would make the accuracy as uncertain, with Student's quantile. Where
        nothing is seen to vary, all is wrong or right or every group alike, each group counts as one video.
        """
        groups = self._by_group.shape[1]
        if groups < FEWEST_GROUPS:
            return None
        variance, freedom = _uncertainty([self._by_group])
        accuracy, quantile = self.accuracy, student(freedom, 1 - TAIL)
        spread = accuracy * (1 - accuracy)
        videos = spread / variance if variance > 0 and spread > 0 else groups
        shift, scale = quantile**2 / (2 * videos), 1 + quantile**2 / videos
        half = quantile * sqrt(max(spread, 0) / videos + shift / (2 * videos))
        return max((accuracy + shift - half) / scale, 0.0), min((accuracy + shift + half) / scale, 1.0)

    def difference_interval(self, other: "Scores") -> Interval | None:
        """The 95 % interval of this accuracy less another one, on the same videos; None of fewer than FEWEST_GROUPS."""
        return self.difference_test(other).interval

    def difference_test(self, other: "Scores") -> Effect:
        """This accuracy less another one, on the same videos."""
        return contrast([(1, self), (-1, other)])

    def change_since(self, before: "Scores") -> "Scores":
        """What the same trainings have right more than before, of the same videos; for changes and their differences.

        So trainings are paired too: what one of them has in both is no part of a change's uncertainty.
        """
        return Scores(self.correct - before.correct, self.counts, self.groups)

    def change_test(self) -> Effect:
        """Of a change, as difference_test has it: the two-way t."""
        return self.difference_test(Scores(0 * self.correct[:1], self.counts[:1], self.groups))

    def change_interval(self) -> Interval | None:
        return self.change_test().interval

    @cached_property
    def _by_group(self) -> NDArray[np.float64]:
        """(trainings, groups): numbers whose mean is each training's accuracy, and which vary as the groups do."""
        _, index = np.unique(np.asarray(self.groups), return_inverse=True)
        right, sizes = (np.stack([np.bincount(index, row) for row in rows]) for rows in (self.correct, self.counts))
        totals = sizes.sum(1, keepdims=True)
        accuracies = right.sum(1, keepdims=True) / totals
        return accuracies + (right - accuracies * sizes) * right.shape[1] / totals


def contrast(parts: Sequence[tuple[float, Scores]]) -> Effect:
    """A sum of accuracies on the same videos, each with its weight; the weights sum to 0, as 1 and -1 of a difference.

    The two-way t of sums that are paired by groups. Where no group differs from another in its sum, as many may as are
    not seen among so many groups in one case of forty.
    """
    value = sum(weight * scores.accuracy for weight, scores in parts)
    inits = [weight * scores._by_group for weight, scores in parts]
    groups = inits[0].shape[1]
    if groups < FEWEST_GROUPS:
        return Effect(value, None, None)
    variance, freedom = _uncertainty(inits)
    if variance > 0:
        return t_effect(value, variance, freedom)
    widest = sum(abs(weight) for weight, _ in parts) / 2  # that one group can be off
    half = widest * (1 - TAIL ** (1 / groups))
    unseen = max(1 - abs(value) / widest, 0.0) ** groups
    return Effect(value, (value - half, value + half), min(2 * unseen, 1.0))


def t_effect(value: float, variance: float, freedom: float) -> Effect:
    """A value whose error is Student's; one without an error is certain."""
    error = sqrt(variance)
    half = student(freedom, 1 - TAIL) * error
    distance = abs(value) / error if error > 0 else inf if value else 0.0
    return Effect(value, (value - half, value + half), float(2 * stdtr(freedom, -distance)))


def mean_effect(values: Sequence[float]) -> Effect:
    """The mean of independent values, such as one a seed: Student's t; of one value alone there is no interval."""
    count, value = len(values), float(np.mean(values))
    return t_effect(value, float(np.var(values, ddof=1)) / count, count - 1) if count > 1 else Effect(value, None, None)


def welch(first: Sequence[float], second: Sequence[float]) -> Effect:
    """The mean of independent values less that of others, whose variance may be another: Welch's t."""
    value = float(np.mean(first) - np.mean(second))
    if min(len(first), len(second)) < 2:
        return Effect(value, None, None)
    parts = [(float(np.var(values, ddof=1)) / len(values), len(values) - 1) for values in (first, second)]
    return t_effect(value, sum(part for part, _ in parts), _satterthwaite(parts))


def holm(p_values: Sequence[float]) -> list[float]:
    """p-values of one family, each as large as Holm's procedure takes it: none false in 95 % of families at 0.05."""
    order, adjusted, largest = np.argsort(p_values), [0.0] * len(p_values), 0.0
    for rank, place in enumerate(order):
        largest = max(largest, min((len(p_values) - rank) * p_values[place], 1.0))
        adjusted[place] = largest
    return adjusted


def _uncertainty(inits: Sequence[NDArray[np.float64]]) -> tuple[float, float]:
    """The variance of a mean over trainings and groups, or of a sum of such means, and its degrees of freedom.

    inits: (trainings, groups) each, with its weight in the sum. The variance between trainings and that between groups
    (of the paired sum) both hold what is left when both are taken out, which is therefore subtracted once.
    """
    groups = inits[0].shape[1]
    paired = np.sum([values.mean(0) for values in inits], 0)
    of_trainings, left, parts = 0.0, 0.0, [(paired.var(ddof=1) / groups, groups - 1)]
    for values in inits:
        trainings = len(values)
        if trainings > 1:
            means = values.mean(1, keepdims=True)
            rest = values - means - values.mean(0) + values.mean()
            freedom = (trainings - 1) * (groups - 1)
            between, within = means.var(ddof=1) / trainings, (rest**2).sum() / freedom / (trainings * groups)
            parts += [(between, trainings - 1), (within, freedom)]
            of_trainings, left = of_trainings + between, left + within
    variance = max(of_trainings + parts[0][0] - left, of_trainings, parts[0][0])
    return float(variance), _satterthwaite(parts, variance)


def _satterthwaite(parts: Sequence[tuple[float, int]], variance: float | None = None) -> float:
    """Degrees of freedom of a variance, by default the sum of its parts, each with its own degrees of freedom."""
    variance = sum(part for part, _ in parts) if variance is None else variance
    spread = sum(part**2 / freedom for part, freedom in parts)
    return float(variance**2 / spread) if spread > 0 else float(parts[0][1])

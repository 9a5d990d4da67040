"""Accuracies over trainings and videos, with intervals; and bounds, where videos are missing.

An accuracy of several trainings is the mean over all trainings that other seeds would give, on all videos of the kind:
its interval holds the choice of seeds and that of videos. An accuracy of one training is that of this one network on
new videos. docs/claims.md has how often the intervals hold the true value.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtrit as student  # quantiles; scipy.stats takes a second to import

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
        """The 95 % interval of this accuracy less another one, on the same videos; None of fewer than FEWEST_GROUPS.

        The two-way t of differences that are paired by groups. Where no group differs from another in its difference,
        as many may as are not seen among so many groups in one case of forty.
        """
        both = [self._by_group, other._by_group]
        groups = both[0].shape[1]
        if groups < FEWEST_GROUPS:
            return None
        variance, freedom = _uncertainty(both)
        difference = self.accuracy - other.accuracy
        half = student(freedom, 1 - TAIL) * sqrt(variance) if variance > 0 else 1 - TAIL ** (1 / groups)
        return difference - half, difference + half

    def change_since(self, before: "Scores") -> "Scores":
        """What the same trainings have right more than before, of the same videos; for changes and their differences.

        So trainings are paired too: what one of them has in both is no part of a change's uncertainty.
        """
        return Scores(self.correct - before.correct, self.counts, self.groups)

    def change_interval(self) -> Interval | None:
        """The 95 % interval of a change, as difference_interval has it: the two-way t."""
        return self.difference_interval(Scores(0 * self.correct[:1], self.counts[:1], self.groups))

    @cached_property
    def _by_group(self) -> NDArray[np.float64]:
        """(trainings, groups): numbers whose mean is each training's accuracy, and which vary as the groups do."""
        _, index = np.unique(np.asarray(self.groups), return_inverse=True)
        right, sizes = (np.stack([np.bincount(index, row) for row in rows]) for rows in (self.correct, self.counts))
        totals = sizes.sum(1, keepdims=True)
        accuracies = right.sum(1, keepdims=True) / totals
        return accuracies + (right - accuracies * sizes) * right.shape[1] / totals


def _uncertainty(inits: Sequence[NDArray[np.float64]]) -> tuple[float, float]:
    """The variance of a mean over trainings and groups, or of the difference of two, and its degrees of freedom.

    inits: (trainings, groups) each. The variance between trainings and that between groups (of the paired difference,
    if there are two) both hold what is left when both are taken out, which is therefore subtracted once. Degrees of
    freedom are Satterthwaite's.
    """
    groups = inits[0].shape[1]
    paired = inits[0].mean(0) - (inits[1].mean(0) if len(inits) > 1 else 0)
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
    spread = sum(part**2 / freedom for part, freedom in parts)
    return float(variance), float(variance**2 / spread) if spread > 0 else groups - 1.0

"""Accuracies over videos that are not all independent, with intervals; and bounds, where videos are missing."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

RESAMPLES = 10_000
BLOCK = 2**23  # numbers that are drawn at a time: 64 MiB
FEW = 0.01  # the share of videos that may be missing before an accuracy is given with its bounds


def accuracy_interval(correct: ArrayLike, groups: Sequence[str]) -> tuple[float, float]:
    """The 95 % interval of a mean over videos, by resampling whole groups (percentile bootstrap, fixed seed).

    correct: per video, 0 to 1. groups: videos of one group, such as twins, are drawn together. It tells how much the
    choice of videos matters, not how much the seed of the training does.
    """
    return Scores.of_videos(correct, groups).interval()


def bounds(accuracy: float, scored: float, listed: float) -> tuple[float, float] | None:
    """What the accuracy of the videos scored is of all listed, if all others were wrong, and if all were right.

    Of clips, a video counts by its share of the most that one has. None where so few are missing that it does not
    matter.
    """
    if (listed - scored) / listed <= FEW:
        return None
    return accuracy * scored / listed, (accuracy * scored + listed - scored) / listed


@dataclass(frozen=True)
class Scores:
    """How much of each video was right.

    counts: how much each video counts; 1, or its clips as a share of the most that a video has. correct: from 0 to
    that. groups: what is drawn together.
    """

    correct: NDArray[np.float64]
    counts: NDArray[np.float64]
    groups: Sequence[str]

    @classmethod
    def of_videos(cls, correct: ArrayLike, groups: Sequence[str]) -> "Scores":
        """correct: per video, 0 to 1."""
        right = np.asarray(correct, float)
        return cls(right, np.ones_like(right), groups)

    @classmethod
    def of_clips(cls, clips_correct: ArrayLike, clips: ArrayLike, most: int, groups: Sequence[str]) -> "Scores":
        """clips: that each video has, of which so many were correct. most: that a video has."""
        return cls(np.asarray(clips_correct) / most, np.asarray(clips) / most, groups)

    @property
    def accuracy(self) -> float:
        return float(self.correct.sum() / self.counts.sum())

    def interval(self) -> tuple[float, float]:
        """That of ``accuracy_interval``."""
        return _middle(self._resampled())

    def difference_interval(self, other: "Scores") -> tuple[float, float]:
        """The 95 % interval of this accuracy less another one on the same videos: paired, both are resampled alike."""
        return _middle(self._resampled() - other._resampled())

    def _resampled(self) -> NDArray[np.float64]:
        """The accuracy in each resample; what is drawn depends on the groups alone."""
        _, index = np.unique(np.asarray(self.groups), return_inverse=True)
        sums, sizes = np.bincount(index, self.correct), np.bincount(index, self.counts)
        return np.concatenate([draws @ sums / (draws @ sizes) for draws in _draws(len(sums))])


@lru_cache(1)  # a table asks for the same again and again, and of many groups it takes a minute
def _draws(groups: int) -> list[NDArray[np.uint16]]:
    """How often each group is drawn in each resample, which is all that matters: (resamples, groups), in blocks."""
    rng, most, share = np.random.default_rng(0), max(BLOCK // groups, 1), np.full(groups, 1 / groups)
    sizes = [min(most, RESAMPLES - start) for start in range(0, RESAMPLES, most)]
    return [rng.multinomial(groups, share, size).astype(np.uint16) for size in sizes]


def _middle(resampled: NDArray[np.float64]) -> tuple[float, float]:
    low, high = np.quantile(resampled, [0.025, 0.975])
    return float(low), float(high)

"""Intervals of accuracies over videos that are not all independent."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

RESAMPLES = 10_000


def accuracy_interval(correct: ArrayLike, groups: Sequence[str]) -> tuple[float, float]:
    """The 95 % interval of a mean over videos, by resampling whole groups (percentile bootstrap, fixed seed).

    correct: per video, 0 to 1. groups: videos of one group, such as twins, are drawn together. It tells how much the
    choice of videos matters, not how much the seed of the training does.
    """
    _, index = np.unique(np.asarray(groups), return_inverse=True)
    sums = np.bincount(index, np.asarray(correct, float))
    sizes = np.bincount(index)
    # Only how often each group is drawn matters, so draw counts.
    draws = np.random.default_rng(0).multinomial(len(sums), np.full(len(sums), 1 / len(sums)), RESAMPLES)
    low, high = np.quantile(draws @ sums / (draws @ sizes), [0.025, 0.975])
    return float(low), float(high)

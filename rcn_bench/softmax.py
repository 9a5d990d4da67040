"""What the scores of clips say of each class, in one place for evaluation and for looks at a network in training."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

# Logits (clips x crops, classes): a video's clips behind each other, and the crops of a clip.
ClassScores = NDArray[np.float16]


def shares_of_clips(scores: ClassScores, crops: int) -> NDArray[np.float64]:
    """The mean softmax of each clip over its crops, (clips, classes)."""
    return softmax(scores).reshape(-1, crops, scores.shape[1]).mean(1)


def softmax(scores: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """Of every row by itself."""
    powers = np.exp(scores.astype(np.float64) - scores.max(1, keepdims=True).astype(np.float64))
    return powers / powers.sum(1, keepdims=True)

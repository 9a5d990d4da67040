"""What a network gives for videos, refused where it is no number: the best of NaNs would be a class like any other."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rcn_bench.errors import InputError

if TYPE_CHECKING:  # some who show frames have no torch
    from torch import Tensor


def require_finite_scores(scores: "Tensor", videos: Sequence[str], autocast: str) -> None:
    """scores: (N, ...), logits, of which infinite ones could have a softmax. videos: the name of each of the N.

    Errors: InputError that names the first video with one that is not finite. A GPU is waited for.
    """
    finite = scores.flatten(1).isfinite().all(1).tolist()
    for video, right in zip(videos, finite, strict=True):
        if not right:
            raise not_finite(video, autocast)


def not_finite(video: str, autocast: str) -> InputError:
    """What is said of scores that are not finite."""
    remedy = "train again with a lower learning rate"  # the weights themselves were finite when they were read
    if autocast == "float16":
        remedy = "float16 reaches no further than 65,504: train again with train.autocast: bfloat16"
    return InputError(f"{video}: the network's scores are not finite; {remedy}")


def require_kept_scores(kept: "Tensor", videos: Sequence[str]) -> None:
    """kept: finite scores (N, ...) in float16, in which an evaluation keeps them. videos: the name of each of the N.

    Errors: InputError that names the first video with one that float16 does not reach. A GPU is waited for.
    """
    finite = kept.flatten(1).isfinite().all(1).tolist()
    if not all(finite):
        video = videos[finite.index(False)]
        raise InputError(
            f"{video}: the network's scores are beyond 65,504, up to which they are kept in float16; train again with "
            "a lower learning rate"
        )

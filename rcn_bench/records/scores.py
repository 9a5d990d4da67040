"""scores.safetensors: the scores of all classes for every clip of an evaluation, from which all else is computed."""

from pathlib import Path
from typing import TYPE_CHECKING

from rcn_bench.errors import InputError, refusing
from rcn_bench.records.base import read_hashed, write_hashed

if TYPE_CHECKING:
    from rcn_bench.softmax import ClassScores

TENSOR = "scores"  # the only one of the file


def write_scores(path: Path, scores: "ClassScores") -> str:
    """scores: (clips x crops, classes), float16; returns the file's sha256."""
    from safetensors.numpy import save

    return write_hashed(path, save({TENSOR: scores}))


def read_scores(path: Path, sha256: str, shape: tuple[int, int], command: str) -> "ClassScores":
    """Those that ``command`` wrote: (clips x crops, classes), float16.

    Errors: InputError if the file is not there, has changed since, or holds anything but finite scores of this shape.
    """
    import numpy as np
    from safetensors.numpy import load

    content = read_hashed(path, sha256, command)
    with refusing(lambda why: InputError(f"{path}: no scores ({why}); run `{command}` again")):
        tensors = load(content)
    scores = tensors.get(TENSOR)
    if scores is None or len(tensors) > 1:
        raise InputError(f"{path}: tensors {sorted(tensors)}, not [{TENSOR!r}]; run `{command}` again")
    if (scores.shape, scores.dtype) != (shape, np.float16):
        found, wanted = f"{scores.shape} of {scores.dtype}", f"{shape} of float16"
        raise InputError(f"{path}: scores are {found}, the record beside it tells of {wanted}; run `{command}` again")
    if not np.isfinite(scores).all():
        raise InputError(f"{path}: not all scores are finite; run `{command}` again")
    return scores

"""Whether what was written computes what the network does: both on the same long videos, one of which starts anew."""

from collections.abc import Callable, Iterable, Iterator

import torch
from torch import Tensor

from rcn_bench.errors import InputError
from rcn_bench.models.frames import FrameNet

FRAMES, RESTART = 200, 100
TOLERANCE, INT8_TOLERANCE = 1e-4, 0.05  # of the largest logit

# Frames (N, 3, H, W) and whether each video has started (N,) to logits (N, classes); states are carried inside.
Stepper = Callable[[Tensor, Tensor], Tensor]


def random_frames(crop: int) -> Iterator[Tensor]:
    """FRAMES of two videos, (2, 3, crop, crop)."""
    generator = torch.Generator().manual_seed(0)
    return (torch.randn(2, 3, crop, crop, generator=generator) for _ in range(FRAMES))


@torch.inference_mode()
def largest_drift(model: FrameNet, stepper: Stepper, videos: Iterable[Tensor]) -> float:
    """How far logits are from those of ``model.step``, as a share of the largest.

    videos: the frames of two, (2, 3, H, W) each time, of which the second starts anew at frame RESTART.
    """
    state, drift, largest = model.initial_state(2), 0.0, 0.0
    for number, frames in enumerate(videos):
        if number == RESTART:
            state = model.reset(state, torch.tensor([1]))
        started = state.started.clone()
        expected, state = model.step(frames, state)
        found = stepper(frames, started)
        largest = max(largest, float(expected.abs().max()))
        drift = max(drift, float((found - expected).abs().nan_to_num(torch.inf).max()))
    return drift / largest if largest else drift


@torch.inference_mode()
def clip_drift(model: FrameNet, written: Callable[[Tensor], Tensor], frames: int, crop: int) -> float:
    """The same of logits of clips, one alone and three at once."""
    clips = torch.randn(4, 3, frames, crop, crop, generator=torch.Generator().manual_seed(0))
    expected, found = model(clips), torch.cat([written(part) for part in clips.split([1, 3])])
    return float((found - expected).abs().nan_to_num(torch.inf).max() / expected.abs().max())


def require_no_drift(drift: float, frames: int, name: str, int8: bool) -> None:
    """Errors: InputError if it is more than is allowed. frames: that were shown; name: of what was written."""
    most, otherwise = TOLERANCE, "in another format, or with other versions of torch, onnx and onnxruntime"
    if int8:
        most, otherwise = INT8_TOLERANCE, "without --int8"
    if not drift <= most:
        raise InputError(
            f"{name}: not kept: over {frames} frames its logits are off by {drift:.2g} of the network's largest, more "
            f"than {most:g}; export it {otherwise}"
        )

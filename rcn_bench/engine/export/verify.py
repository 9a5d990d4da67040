"""Whether what was written computes what the network does: both on the same long videos, one of which starts anew."""

from collections.abc import Callable

import torch
from torch import Tensor

from rcn_bench.errors import InputError
from rcn_bench.models.frames import FrameNet

FRAMES, RESTART = 200, 100
TOLERANCE = 1e-4  # of the largest logit

# Frames (N, 3, H, W) and whether each video has started (N,) to logits (N, classes); states are carried inside.
Stepper = Callable[[Tensor, Tensor], Tensor]


@torch.inference_mode()
def largest_drift(model: FrameNet, stepper: Stepper, crop: int) -> float:
    """How far logits are from those of ``model.step``, as a share of the largest, over FRAMES random frames.

    Of two videos, of which the second starts anew at frame RESTART.
    """
    generator = torch.Generator().manual_seed(0)
    state, drift, largest = model.initial_state(2), 0.0, 0.0
    for number in range(FRAMES):
        if number == RESTART:
            state = model.reset(state, torch.tensor([1]))
        frames, started = torch.randn(2, 3, crop, crop, generator=generator), state.started.clone()
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


def require_no_drift(drift: float, frames: int, name: str) -> None:
    """Errors: InputError if it is more than TOLERANCE. frames: that were shown; name: of what was written."""
    if not drift <= TOLERANCE:
        raise InputError(
            f"{name}: not kept: over {frames} frames its logits are off by {drift:.1g} of the network's largest, more "
            f"than {TOLERANCE:g}; export it in another format, or with other versions of torch, onnx and onnxruntime"
        )

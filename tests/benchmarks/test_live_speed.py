"""One new frame of a live video: a network with a state takes it alone, any other runs again on the last 8 frames."""

from functools import partial

import pytest
import torch
from setting import DEVICE, GPU

from rcn_bench.engine.cuda_graph import captured
from rcn_bench.engine.device import place
from rcn_bench.engine.live.step import LiveStep
from rcn_bench.models import create_model
from rcn_bench.models.frames import FrameNet

FRAMES, SIZE = 8, 112


@pytest.mark.parametrize("name", ["rcn18", "c2d18", "i3d18_causal", "i3d18", "r2plus1d18"])
def test_new_frame(timed, name):
    torch.manual_seed(0)
    model = place(create_model(name, 400), DEVICE).eval()
    clip = torch.randn(1, 3, FRAMES, SIZE, SIZE, device=DEVICE)
    with torch.inference_mode():
        new_frame = from_state(model, clip) if isinstance(model, FrameNet) else from_window(model, clip)
        timed(f"one new frame, {SIZE}x{SIZE}", name, new_frame, subject=name == "rcn18")


def from_state(model, clip):
    step = LiveStep(model)
    _, state = step(clip[:, :, 0], model.initial_state(1))
    step(clip[:, :, 1], state)  # a GPU captures its graph here
    return partial(step, clip[:, :, 1], state)


def from_window(model, clip):
    return partial(captured(model, [clip]) if GPU else model, clip)

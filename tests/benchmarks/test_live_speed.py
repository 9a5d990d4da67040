"""One new frame of a live video: a network with a state takes it alone, any other runs again on the last 8 frames."""

import pytest
import torch

from rcn_bench.engine.device import place
from rcn_bench.models import create_model

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
FRAMES, SIZE = 8, 112


@pytest.mark.parametrize("name", ["rcn18", "c2d18", "i3d18_causal", "i3d18", "r2plus1d18"])
def test_new_frame(benchmark, name):
    torch.manual_seed(0)
    model = place(create_model(name, 400), DEVICE).eval()
    clip = torch.randn(1, 3, FRAMES, SIZE, SIZE, device=DEVICE)
    with torch.inference_mode():
        state = None
        if hasattr(model, "step"):
            _, state = model.step(clip[:, :, 0], model.initial_state(1))

    def new_frame():
        with torch.inference_mode():
            model(clip) if state is None else model.step(clip[:, :, 1], state)
        if DEVICE.type == "cuda":
            torch.cuda.synchronize()

    benchmark.group = f"one new frame, {SIZE}x{SIZE}"
    benchmark.pedantic(new_frame, rounds=10, warmup_rounds=2)

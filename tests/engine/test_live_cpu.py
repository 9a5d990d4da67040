"""The network that steps on a CPU gives the logits of the model, from the first frame on, after restarts too."""

import pytest
import torch
from torch import nn

from rcn_bench.engine.live.cpu import PackedConvolution, can_pack
from rcn_bench.engine.live.fastest import fastest_step
from rcn_bench.models import create_model, model_options
from rcn_bench.models.rcn import make_recurrent

pytestmark = pytest.mark.usefixtures("fixed_seed_and_one_thread")
SLOW = pytest.mark.slow
CPU = torch.device("cpu")


def steps(step, frames, state, reset):
    """Logits of every frame; before the third, a video starts anew."""
    logits = []
    for number, frame in enumerate(frames):
        state = reset(state, torch.tensor([1])) if number == 3 else state
        each, state = step(frame, state)
        logits.append(each.clone())
    return torch.stack(logits)


OTHERS = ("c2d18", "i3d18_causal", "rcn18_lstm", "rcn18_gru")


@pytest.mark.parametrize("name", ["rcn18", *(pytest.param(name, marks=SLOW) for name in OTHERS)])
def test_it_gives_the_models_logits(name):
    model = create_model(name, 5, **({"w_hh": "random"} if "w_hh" in model_options(name) else {})).eval()
    frames = torch.randn(6, 2, 3, 32, 32)
    live = fastest_step(model, CPU)
    with torch.inference_mode():
        expected = steps(model.step, frames, model.initial_state(2), model.reset)
        found = steps(live, frames, live.model.initial_state(2), model.reset)
    assert (found - expected).abs().max() < 1e-5 * expected.abs().max()
    assert any(isinstance(module, PackedConvolution) for module in live.model.modules())


@pytest.mark.parametrize("mode", ["mean", "sum"])
def test_units_without_a_batch_norm_behind_them_keep_their_state(mode):
    layers = [nn.Conv2d(3, 4, 3, 2, 1), nn.ReLU(inplace=True), nn.Conv2d(4, 8, 3), nn.ReLU(inplace=True)]
    trunk = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten())
    model = make_recurrent(trunk, lambda name, convolution: True, mode=mode).eval()
    frames, live = torch.randn(6, 2, 3, 16, 16), fastest_step(model, CPU)
    with torch.inference_mode():
        expected = steps(model.step, frames, model.initial_state(2), model.reset)
        found = steps(live, frames, live.model.initial_state(2), model.reset)
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize(
    ("convolution", "packed"),
    [
        (nn.Conv2d(4, 6, 3, padding=1, stride=2), True),
        (nn.Conv2d(4, 4, (1, 3), padding=(0, 1), dilation=2, groups=2, bias=False), True),
        (nn.Conv2d(4, 6, 3, padding="same"), False),
        (nn.Conv2d(4, 6, 3, padding=1, padding_mode="reflect"), False),
        (nn.Conv2d(4, 6, 3).double(), False),
    ],
)
def test_packed_convolutions_compute_the_same(convolution, packed):
    assert can_pack(convolution) == packed
    if packed:
        packed_convolution = PackedConvolution(convolution)
        for shape in ((2, 4, 9, 7), (3, 4, 12, 7), (2, 4, 9, 7)):
            frames = torch.randn(shape).to(memory_format=torch.channels_last)
            with torch.inference_mode():
                torch.testing.assert_close(packed_convolution(frames), convolution(frames))

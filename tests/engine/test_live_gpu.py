"""The network that steps on a GPU gives the logits and states of the model, from the first frame on, restarts too."""

import copy

import pytest
import torch
from torch import nn

from rcn_bench.engine.live.gpu import SteppingUnit, stepping_on_gpu
from rcn_bench.engine.live.step import LiveStep
from rcn_bench.models import create_model
from rcn_bench.models.inference import for_inference
from rcn_bench.models.rcn import make_recurrent

pytestmark = pytest.mark.usefixtures("fixed_seed_and_one_thread")
DEVICES = [
    "cpu",
    pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")),
]


def small(mode):
    layers = [nn.Conv2d(3, 4, 3, 2, 1), nn.ReLU(), nn.Conv2d(4, 8, 3), nn.ReLU()]
    trunk = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten())
    w_hh = "random" if mode == "mean" else "identity"
    return make_recurrent(trunk, lambda name, convolution: True, w_hh=w_hh, mode=mode).eval()


MODELS = {
    "mean": lambda: small("mean"),
    "sum": lambda: small("sum"),
    "rcn18": lambda: for_inference(create_model("rcn18", 5, w_hh="random")),
    "c2d18": lambda: for_inference(create_model("c2d18", 5)),
}


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("name", MODELS)
@torch.inference_mode()
def test_it_steps_as_the_model(name, device):
    device, model = torch.device(device), MODELS[name]()
    live = LiveStep(stepping_on_gpu(copy.deepcopy(model).to(device), device))
    model.to(device)
    units = sum(isinstance(module, SteppingUnit) for module in live.model.modules())
    assert units == {"rcn18": 16, "c2d18": 0}.get(name, 2)
    state, found_state = model.initial_state(3), live.model.initial_state(3)
    for number, frame in enumerate(torch.randn(7, 3, 3, 32, 32, device=device)):
        if begin_anew := {3: [1], 5: [0, 1, 2]}.get(number):
            state, found_state = (model.reset(each, torch.tensor(begin_anew)) for each in (state, found_state))
        expected, state = model.step(frame, state)
        found, found_state = live(frame, found_state)
        near = 1e-5 if device.type == "cpu" else 1e-3  # where convolutions may be of TF32
        assert (found - expected).abs().max() <= near * expected.abs().max()
        assert found_state.units.keys() == state.units.keys()
        for unit, wanted in state.units.items():
            torch.testing.assert_close(found_state.units[unit], wanted, rtol=10 * near, atol=near)

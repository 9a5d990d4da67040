import pytest
import torch
import torchvision
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from rcn_bench.analysis.cost import count_gmacs, count_parameters
from rcn_bench.errors import InputError
from rcn_bench.models import create_model
from rcn_bench.models.rcn import make_recurrent
from rcn_bench.ops.reference import reference_scan

NAMES = ["c2d18", "rcn18", "i3d18", "r2plus1d18"]


pytestmark = pytest.mark.usefixtures("fixed_seed_and_one_thread")


class OnFrames(nn.Module):
    """Any function of a clip's frames as rows, (N*T, C*H*W), as a model."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, clip):
        return self.function(clip.transpose(1, 2).flatten(0, 1).flatten(1))


def test_count_parameters():
    assert count_parameters(nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))) == 3 * 4 + 4 + 4 + 4


# GMACs at 112x112 and 400 classes, counted once with torch's own FlopCounterMode on plain loops.
@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "frames", "options", "gmacs"),
    [
        ("rcn18", 8, {}, 4.268),
        ("rcn18", 16, {}, 8.591),
        ("rcn34", 8, {}, 8.482),
        ("rcn34", 16, {}, 17.073),
        ("i3d18", 16, {"stem_pool": False}, 40.697),
        ("r2plus1d18", 16, {"stem_pool": False}, 40.519),
    ],
)
def test_gmacs_at_full_size(name, frames, options, gmacs):
    assert round(count_gmacs(create_model(name, 400, **options), torch.zeros(1, 3, frames, 112, 112)), 3) == gmacs


@pytest.mark.slow
@pytest.mark.parametrize(("name", "theirs"), [("i3d18", "R3D_18_Weights"), ("r2plus1d18", "R2Plus1D_18_Weights")])
def test_gmacs_equal_those_that_torchvision_states(name, theirs):
    stated = getattr(torchvision.models.video, theirs).KINETICS400_V1.meta["_ops"]
    assert count_gmacs(create_model(name, stem_pool=False), torch.zeros(1, 3, 16, 112, 112)) == pytest.approx(
        stated, abs=1e-3
    )


@pytest.mark.parametrize("name", NAMES)
def test_gmacs_equal_torchs_counter_on_plain_products(name, monkeypatch):
    net = create_model(name, 10).eval()
    clip = torch.zeros(2, 3, 3, 32, 32)
    counted = count_gmacs(net, clip)
    monkeypatch.setattr("rcn_bench.models.rcn.recurrent_scan", lambda *args: reference_scan(*args).float())
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        net(clip)
    assert torch.ops.rcn_bench.recurrent_scan not in counter.get_flop_counts()["Global"]
    assert counted * 2e9 == pytest.approx(counter.get_total_flops(), rel=1e-9)


def test_the_recurrence_takes_one_product_less_than_there_are_frames():
    trunk = nn.Sequential(nn.Conv2d(3, 8, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    net = make_recurrent(trunk, lambda *_: True)
    for frames in (1, 2, 5):
        macs = count_gmacs(net, torch.zeros(2, 3, frames, 4, 6)) * 1e9
        assert macs == pytest.approx(2 * 4 * 6 * (frames * 3 * 8 + (frames - 1) * 8 * 8))


class Stream(nn.Module):
    """A frame of a stream, after as many as there are in each ``before``."""

    def __init__(self, net, before):
        super().__init__()
        self.net = net
        self.state = net.initial_state(len(before))
        for frame in before.unbind(2):
            _, self.state = net.step(frame, self.state)

    def forward(self, frame):
        return self.net.step(frame, self.state)[0]


# The first frame of a recurrence takes no product with w_hh: 0.485 for the 2D network, and 0.055 for the recurrence.
@pytest.mark.parametrize(("name", "frames", "gmacs"), [("rcn18", 1, 0.540), ("rcn18", 2, 0.540), ("c2d18", 1, 0.485)])
def test_gmacs_of_a_frame_of_a_stream(name, frames, gmacs):
    net = create_model(name, 400).eval()
    with torch.no_grad():
        stream = Stream(net, torch.zeros(1, 3, frames, 112, 112))
    assert round(count_gmacs(stream, torch.zeros(1, 3, 112, 112)), 3) == gmacs


@pytest.mark.slow
@pytest.mark.parametrize("name", ["rcn18", pytest.param("i3d18_causal", marks=pytest.mark.slow)])
def test_a_frame_of_a_stream_takes_its_share_of_a_long_clip(name):
    net = create_model(name, 10).eval()
    with torch.no_grad():
        stream = Stream(net, torch.zeros(1, 3, 4, 32, 32))
    frame = count_gmacs(stream, torch.zeros(1, 3, 32, 32))
    six, five = (count_gmacs(net, torch.zeros(1, 3, frames, 32, 32)) for frames in (6, 5))
    assert frame == pytest.approx(six - five)


PRODUCTS = {
    "matmul": lambda x: x @ x.t(),
    "mm": lambda x: torch.mm(x, x.t()),
    "addmm": lambda x: torch.addmm(x[:, :6], x, x.t()),
    "bmm": lambda x: torch.bmm(x[None], x.t()[None]),
    "einsum": lambda x: torch.einsum("ic,jc->ij", x, x),
    "linear": lambda x: nn.functional.linear(x, x),
}


@pytest.mark.parametrize("product", PRODUCTS)
def test_every_kind_of_product_is_counted(product):
    clip = torch.randn(2, 2, 3, 2, 2)
    assert count_gmacs(OnFrames(PRODUCTS[product]), clip) * 1e9 == pytest.approx(6 * 6 * 8)


def test_batch_norm_and_pooling_are_left_out():
    net = nn.Sequential(nn.Conv3d(3, 4, 3, padding=1), nn.BatchNorm3d(4), nn.ReLU(), nn.AdaptiveAvgPool3d(1))
    assert count_gmacs(net, torch.zeros(2, 3, 5, 6, 7)) * 1e9 == pytest.approx(2 * 5 * 6 * 7 * 4 * 3 * 27)


@pytest.mark.parametrize("operator", [torch.cumsum, torch.cumprod])
def test_an_operator_without_a_count_is_refused(operator):
    with pytest.raises(InputError, match=rf"without a count: aten::{operator.__name__}\b"):
        count_gmacs(OnFrames(lambda x: operator(x, 0)), torch.randn(1, 3, 4, 2, 2))


def snapshot(net):
    return {name: value.clone() for name, value in net.state_dict().items()}, [m.training for m in net.modules()]


@pytest.mark.parametrize("training", [True, False, "head alone"])
def test_counting_leaves_the_model_alone(training):
    net = create_model("rcn18", 5).train(training is True)
    if training == "head alone":
        net.trunk.fc.train()
    state, modes = snapshot(net)
    count_gmacs(net, torch.randn(1, 3, 2, 32, 32))
    new_state, new_modes = snapshot(net)
    assert new_modes == modes
    assert all(torch.equal(new_state[name], state[name]) for name in state)


def test_a_failed_count_leaves_the_mode_alone():
    net = create_model("rcn18", 5).train()
    with pytest.raises(RuntimeError):
        count_gmacs(net, torch.randn(1, 1, 2, 32, 32))
    assert net.training

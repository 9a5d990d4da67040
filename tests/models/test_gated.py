"""Gated units: a convolutional LSTM and GRU at each place, by torch's own."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from lively import assert_same_with_gradients, random_clip
from torch import nn
from torchvision.models.resnet import BasicBlock, ResNet

from rcn_bench.analysis.cost import count_gmacs, count_parameters, count_step_gmacs
from rcn_bench.engine.step import Autocast
from rcn_bench.errors import InputError
from rcn_bench.models import create_model
from rcn_bench.models.frames import Fold
from rcn_bench.models.gated import GRUUnit, LSTMUnit, make_gated
from rcn_bench.models.recompute import recompute_activations

pytestmark = pytest.mark.usefixtures("fixed_seed_and_one_thread")
UNITS = {"lstm": (LSTMUnit, nn.LSTM), "gru": (GRUUnit, nn.GRU)}
# torch's order of the gates, by place in ours.
ORDER = {"lstm": (0, 1, 3, 2), "gru": (0, 1, 2)}


def unit_and_layer(kind, channels, width, **convolution):
    """A unit, and torch's layer with the same recurrence whose inputs are the unit's gates as they are."""
    made, layer = UNITS[kind]
    unit = made("unit", nn.Conv2d(channels, width, **convolution, bias=False).double(), Fold())
    same = layer(made.gates * width, width, batch_first=False).double()
    gates = torch.eye(made.gates * width, dtype=torch.float64).view(made.gates, width, -1)
    w_hh = unit.w_hh.weight.detach().flatten(1).view(made.gates, width, width)
    b_hh = unit.w_hh.bias.detach().view(made.gates, width)
    order = list(ORDER[kind])
    same.weight_ih_l0 = nn.Parameter(gates[order].flatten(0, 1))
    same.weight_hh_l0 = nn.Parameter(w_hh[order].flatten(0, 1))
    same.bias_hh_l0 = nn.Parameter(b_hh[order].flatten())
    same.bias_ih_l0 = nn.Parameter(torch.zeros_like(same.bias_hh_l0))
    return unit, same


@settings(max_examples=25)
@given(
    kind=st.sampled_from(sorted(UNITS)),
    channels=st.integers(1, 4),
    width=st.integers(1, 5),
    frames=st.integers(1, 5),
    clips=st.integers(1, 3),
    stride=st.integers(1, 2),
    layout=st.sampled_from([torch.contiguous_format, torch.channels_last]),
)
def test_every_place_is_torchs_own_layer(kind, channels, width, frames, clips, stride, layout):
    unit, layer = unit_and_layer(kind, channels, width, kernel_size=3, padding=1, stride=stride)
    unit.fold.frames = frames
    images = torch.randn(frames * clips, channels, 6, 4, dtype=torch.float64, requires_grad=True)
    x = unit.w_xh(images).unflatten(0, (frames, clips))  # T, N, gates * C, H', W'
    places = x.permute(0, 1, 3, 4, 2).flatten(1, 3)
    expected = layer(places)[0].view(frames, clips, *x.shape[3:], width).permute(0, 1, 4, 2, 3).flatten(0, 1)
    actual = unit(images.contiguous(memory_format=layout))
    assert_same_with_gradients(actual, expected, [images, unit.w_xh.weight])


@pytest.mark.parametrize(("name", "gates"), [("rcn18_lstm", 4), ("rcn18_gru", 3)])
def test_counts_are_those_by_hand(name, gates):
    """Of C2D-18, but each of the 16 convolutions as often as there are gates, and w_hh at every place."""
    clip, net, plain = torch.zeros(1, 3, 2, 64, 64), create_model(name, 5).eval(), create_model("c2d18", 5).eval()
    spatial, recurrent, parameters = 0, 0, 0
    for stage, channels in enumerate((64, 128, 256, 512)):
        side = 64 // 4 // 2**stage
        before = channels if stage == 0 else channels // 2
        weights = 9 * channels * (before + 3 * channels)
        spatial += weights * side**2
        recurrent += 4 * channels**2 * side**2
        parameters += (gates - 1) * weights + 4 * gates * (channels**2 + channels)
    more = ((gates - 1) * spatial + gates * recurrent) / 1e9
    assert count_gmacs(net, clip) == pytest.approx(count_gmacs(plain, clip) + 2 * more, rel=1e-9)
    assert count_step_gmacs(net, clip) == pytest.approx(count_step_gmacs(plain, clip) + more, rel=1e-9)
    assert count_parameters(net) == count_parameters(plain) + parameters


EITHER = pytest.mark.parametrize("unit", [LSTMUnit, GRUUnit])


def small_net(unit):
    """A ResNet of a block a stage, with gated units where RCN-18 has its recurrent ones."""
    trunk = ResNet(BasicBlock, [1, 1, 1, 1], num_classes=2)
    return make_gated(trunk, lambda name, conv: name.startswith("layer") and conv.kernel_size == (3, 3), unit)


@EITHER
def test_recomputed_activations_give_the_same_gradients(unit):
    clip, gradients = random_clip(2, clips=1, size=16), []
    for what in (False, True, "norms"):
        torch.manual_seed(0)
        net = recompute_activations(small_net(unit), what).train()
        net(clip).square().sum().backward()
        gradients.append([parameter.grad for parameter in net.parameters()])
    for again in gradients[1:]:
        torch.testing.assert_close(again, gradients[0])


@EITHER
def test_it_trains_under_autocast(unit):
    clip, classes = random_clip(3, size=16), torch.tensor([0, 1])
    net, losses = small_net(unit).train(), []
    optimizer = torch.optim.SGD(net.parameters(), 0.02, 0.9)
    for _ in range(6):
        with Autocast("bfloat16", clip.device).context():
            loss = nn.functional.cross_entropy(net(clip), classes)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
    assert losses[-1] < losses[0] / 2


@pytest.mark.parametrize(
    ("options", "what"), [({"groups": 2}, "in groups"), ({"padding_mode": "circular"}, "padded by")]
)
def test_a_convolution_of_another_kind_is_given_no_gates(options, what):
    trunk = nn.Sequential(nn.Conv2d(4, 4, 3, padding=1, **options))
    with pytest.raises(InputError, match=f"0: a convolution {what}"):
        make_gated(trunk, lambda name, convolution: True, LSTMUnit)

"""Leaving out the taps that meet padding alone changes how long a convolution takes, and nothing else."""

import copy

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from lively import lively, random_clip
from torch import nn

from rcn_bench.engine.device import place
from rcn_bench.models import create_model
from rcn_bench.models.inflate import ClipConv
from rcn_bench.models.taps import leave_out_unseen_taps, seen_taps

pytestmark = pytest.mark.usefixtures("fixed_seed_and_one_thread")

AXIS = st.tuples(  # size of the map, kernel, stride, padding, dilation
    st.integers(1, 5), st.integers(1, 5), st.integers(1, 3), st.integers(0, 3), st.integers(1, 2)
)


def results(layer, maps):
    """The output and the gradients of the input and of all parameters, for one random gradient of the output."""
    maps = maps.clone().requires_grad_()
    output = layer(maps)
    gradient = torch.randn(output.shape, generator=torch.Generator().manual_seed(0), dtype=output.dtype)
    return [output, *torch.autograd.grad(output, [maps, *layer.parameters()], gradient)]


@settings(max_examples=100)  # libraries make a kernel for each new shape
@given(
    axes=st.lists(AXIS, min_size=2, max_size=3),
    kind=st.sampled_from([nn.Conv3d, ClipConv]),
    groups=st.sampled_from([1, 2]),
    bias=st.booleans(),
)
def test_outputs_and_gradients_are_those_of_the_whole_kernel(axes, kind, groups, bias):
    size, kernel, stride, padding, dilation = zip(*axes, strict=True)
    assume(all(n + 2 * p >= d * (k - 1) + 1 for n, k, _, p, d in axes))
    kind = nn.Conv2d if len(axes) == 2 else kind
    whole = kind(4, 6, kernel, stride, padding, dilation, groups, bias).double()
    maps = torch.randn(2, 4, *size, dtype=torch.float64)
    found = results(leave_out_unseen_taps(copy.deepcopy(whole)), maps)
    for one, other in zip(found, results(whole, maps), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    ("layer", "size", "taps", "padding"),
    [
        (nn.Conv2d(1, 1, 3, padding=1), (1, 1), [(1, 2), (1, 2)], (0, 0)),
        (nn.Conv2d(1, 1, 3, padding=1, stride=2), (2, 2), [(1, 3), (1, 3)], (0, 0)),
        (nn.Conv2d(1, 1, 7, padding=3), (2, 9), [(2, 5), (0, 7)], (1, 3)),
        (nn.Conv3d(1, 1, 3, padding=1), (1, 2, 2), [(1, 2), (0, 3), (0, 3)], (0, 1, 1)),
        (nn.Conv3d(1, 1, 3, padding=1), (1, 1, 1), [(1, 2), (1, 2), (0, 3)], (0, 0, 1)),  # not to one tap in 3D
    ],
)
def test_the_taps_that_are_seen(layer, size, taps, padding):
    assert seen_taps(size, layer) == (tuple(slice(*each) for each in taps), padding)


@pytest.mark.parametrize(
    ("layer", "size"),
    [
        (nn.Conv2d(1, 1, 3, padding=1), (2, 2)),
        (nn.Conv2d(1, 1, 1), (1, 1)),
        (nn.Conv3d(1, 1, (3, 1, 1), padding=(1, 0, 0)), (1, 4, 4)),
        (nn.Conv2d(1, 1, (1, 2), padding=(0, 1), dilation=(1, 2)), (1, 1)),  # no tap is seen
    ],
)
def test_a_kernel_stays_whole_where_nothing_can_be_left_out(layer, size):
    assert seen_taps(size, layer) is None


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_gradients_lie_in_memory_as_their_weights(layout):
    layer = leave_out_unseen_taps(nn.Conv2d(4, 6, 3, padding=1, bias=False).to(memory_format=layout))
    layer(torch.randn(2, 4, 1, 1)).sum().backward()
    assert layer.weight.grad.stride() == layer.weight.stride()


@pytest.mark.parametrize(("name", "frames"), [("rcn18", 2), ("i3d18", 8), ("r2plus1d18", 8)])
def test_a_network_on_a_processor_gives_what_it_gave(name, frames):
    """Placed, its last stage has maps of one place here; a copy of it computes with its own weights."""
    model = lively(create_model(name, 5)).double()
    placed = place(copy.deepcopy(model), torch.device("cpu"))
    clip = random_clip(frames).double()
    with torch.no_grad():
        torch.testing.assert_close(placed(clip), model(clip), rtol=1e-9, atol=1e-9)
        copied = copy.deepcopy(placed)
        for parameter in placed.parameters():
            parameter.zero_()
        torch.testing.assert_close(copied(clip), model(clip), rtol=1e-9, atol=1e-9)
    assert copied.state_dict().keys() == model.state_dict().keys()

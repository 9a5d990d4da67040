"""Causal inflation: convolutions over time that look back only."""

import copy

import pytest
import torch
import torchvision
from hypothesis import given, settings
from hypothesis import strategies as st
from lively import assert_same_with_gradients
from torch import nn

from rcn_bench.errors import InputError
from rcn_bench.models import create_model
from rcn_bench.models.causal import CausalConv, make_causal
from rcn_bench.models.frames import Fold

pytestmark = pytest.mark.usefixtures("fixed_seed_and_one_thread")


def lively(net):
    """Batch norm with the statistics of its input, as after training; ready for inference."""
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 1.0
            nn.init.normal_(module.bias, std=0.1)
    net.train()(torch.randn(8, 3, 32, 32))
    return net.eval()


def static_video(frames, size=32):
    return torch.randn(2, 3, 1, size, size).expand(-1, -1, frames, -1, -1)


def close(one, other):
    torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


def in_2d(unit, clip):
    """What a unit makes of a clip (N, C, T, H, W)."""
    unit.fold.frames = clip.shape[2]
    folded = clip.permute(2, 0, 1, 3, 4).flatten(0, 1)
    return unit(folded).unflatten(0, (clip.shape[2], -1)).permute(1, 2, 0, 3, 4)


def in_3d(unit, clip):
    """The same as one 3D convolution, its kernel stacked from the taps, of the clip with zeros in front."""
    first = unit.taps[0]
    return nn.functional.conv3d(
        nn.functional.pad(clip, (0, 0, 0, 0, len(unit.taps) - 1, 0)),
        torch.stack([tap.weight for tap in unit.taps], 2),
        first.bias,
        (1, *first.stride),
        (0, *first.padding),
        (1, *first.dilation),
        first.groups,
    )


@settings(max_examples=60)
@given(
    kernel=st.sampled_from([1, 3, 5]),
    frames=st.integers(1, 6),
    clips=st.integers(1, 3),
    stride=st.integers(1, 2),
    padding=st.integers(0, 2),
    dilation=st.integers(1, 2),
    groups=st.sampled_from([1, 2]),
    bias=st.booleans(),
)
def test_equals_a_3d_convolution_padded_in_front(kernel, frames, clips, stride, padding, dilation, groups, bias):
    spatial = nn.Conv2d(4, 6, 3, stride, padding, dilation, groups, bias, dtype=torch.float64)
    unit = CausalConv("conv", spatial, Fold(), kernel, "mean")
    for tap in unit.taps:
        nn.init.normal_(tap.weight)
    clip = torch.randn(clips, 4, frames, 7, 6, dtype=torch.float64, requires_grad=True)
    actual, expected = in_2d(unit, clip), in_3d(unit, clip)
    assert_same_with_gradients(actual, expected, [clip, *unit.parameters()])


def test_mean_inflation_shares_a_kernel_out_over_the_taps_and_adds_its_bias_once():
    spatial = nn.Conv2d(3, 4, 3, padding=1)
    video = static_video(6, size=8)
    frames = in_2d(CausalConv("conv", spatial, Fold(), 3, "mean"), video)
    still, bias = spatial(video[:, :, 0]), spatial.bias.view(1, -1, 1, 1)
    for t, share in enumerate([1 / 3, 2 / 3, 1, 1, 1, 1]):  # zeros stand for the frames before the first
        close(frames[:, :, t], bias + (still - bias) * share)


def test_centre_inflation_keeps_the_still_at_every_frame():
    spatial = nn.Conv2d(3, 4, 3, padding=1)
    video = static_video(4, size=8)
    frames = in_2d(CausalConv("conv", spatial, Fold(), 3, "centre"), video)
    for t in range(4):
        close(frames[:, :, t], spatial(video[:, :, 0]))


def test_an_unknown_way_is_refused():
    with pytest.raises(InputError, match="unknown inflation 'max'; choose one of mean, centre"):
        make_causal(nn.Sequential(nn.Conv2d(3, 4, 3)), lambda *_: True, inflation="max")


def test_an_even_kernel_is_refused():
    with pytest.raises(InputError, match="kernel of 2 frames has no middle"):
        make_causal(nn.Sequential(nn.Conv2d(3, 4, 3)), lambda *_: True, frames=2)


@pytest.mark.slow
def test_make_causal_on_a_resnext_with_its_grouped_convolutions():
    resnext = lively(torchvision.models.resnext50_32x4d(num_classes=5)).double()
    net = make_causal(copy.deepcopy(resnext), lambda name, conv: conv.groups == 32 and name.startswith("layer4")).eval()
    kernels = [sum(tap.weight for tap in unit.taps) for unit in net.modules() if isinstance(unit, CausalConv)]
    for kernel, block in zip(kernels, resnext.layer4, strict=True):
        close(kernel, block.conv2.weight)
    static = static_video(8).double()
    with torch.no_grad():
        frames, still = net.frame_logits(static), resnext(static[:, :, 0]).float()
    assert not torch.allclose(frames[:, 5], still, rtol=1e-2)
    for t in (6, 7):  # three units of three frames see seven
        close(frames[:, t], still)


@pytest.fixture(scope="module")
def random_net():
    return create_model("i3d18_causal", 5).eval()


def test_i3d18_causal_sees_no_later_frame_and_34_earlier_ones(random_net):
    """17 kernels of three frames in a row, the stem's and two a block."""
    clip = torch.randn(1, 3, 40, 32, 32)
    clip[:, :, 2] = torch.nan
    with torch.no_grad():
        reached = random_net.frame_logits(clip)[0].isnan().any(1)
    assert reached.nonzero().flatten().tolist() == list(range(2, 37))


@pytest.mark.parametrize("stem_pool", [True, False])
def test_i3d18_causal_has_the_parameters_of_i3d18(stem_pool):
    with torch.device("meta"):
        one, other = (create_model(name, stem_pool=stem_pool) for name in ("i3d18_causal", "i3d18"))
    assert sum(p.numel() for p in one.parameters()) == sum(p.numel() for p in other.parameters())


def test_i3d18_causal_draws_every_tap_anew_as_a_part_of_one_kernel(random_net):
    weights = [tap.weight for tap in random_net.trunk.layer4[1].conv2.taps]
    assert not torch.allclose(weights[0], weights[1])
    for weight in weights:  # He normal over the fan-out of 3x3x3
        assert weight.std().item() == pytest.approx((2 / (512 * 27)) ** 0.5, rel=0.01)


@pytest.mark.slow
def test_i3d18_causal_carries_imagenet_weights(tmp_path):
    resnet = lively(torchvision.models.resnet18(num_classes=1000))
    torch.save(resnet.state_dict(), tmp_path / "resnet18.pth")
    net = create_model("i3d18_causal", 5, w_xh="imagenet", weights_file=tmp_path / "resnet18.pth")
    assert net.trunk.fc.out_features == 5
    for name in ("conv1", "layer1.0.conv1", "layer4.1.conv2"):
        for tap in net.trunk.get_submodule(name).taps:
            torch.testing.assert_close(tap.weight, resnet.get_submodule(name).weight / 3)
    assert torch.equal(net.trunk.layer2[0].downsample[0].weight, resnet.layer2[0].downsample[0].weight)
    assert torch.equal(net.trunk.bn1.running_var, resnet.bn1.running_var)

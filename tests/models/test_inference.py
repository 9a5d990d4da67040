"""Networks for inference: without batch norm they answer as before, frame by frame too."""

import copy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from lively import lively, random_clip, slow_unless
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from rcn_bench.analysis.causality import examine
from rcn_bench.models import create_model, model_options, shortest_clip
from rcn_bench.models.causal import make_causal
from rcn_bench.models.frames import FrameNet
from rcn_bench.models.frozen import freeze_batch_norm
from rcn_bench.models.gated import GatedUnit
from rcn_bench.models.inference import AfterRecurrence, for_inference
from rcn_bench.models.rcn import RCU, make_recurrent

pytestmark = pytest.mark.usefixtures("fixed_seed_and_one_thread")


def build(name):
    return lively(create_model(name, 5, **({"w_hh": "random"} if "w_hh" in model_options(name) else {})))


def error(found, expected):
    """Of the largest logit."""
    return float((found - expected).abs().max() / expected.abs().max())


@pytest.mark.parametrize("name", slow_unless(lambda name: name in ("rcn18", "c2d18", "r2plus1d18")))
def test_every_model_without_its_batch_norms_gives_its_logits_and_stays_as_it_was(name):
    model = build(name)
    before, clip = copy.deepcopy(model.state_dict()), random_clip(max(4, shortest_clip(name)), clips=1)
    with torch.no_grad():
        folded = for_inference(model)
        assert error(folded(clip), model(clip)) < 1e-5
    left = [name for name, module in folded.named_modules() if isinstance(module, _BatchNorm)]
    assert len(left) == sum(isinstance(module, GatedUnit) for module in model.modules())  # gates take in no scale
    assert not left or set(left) == {f"trunk.layer{s}.{b}.bn{n}" for s in range(1, 5) for b in (0, 1) for n in (1, 2)}
    assert not any(parameter.requires_grad for parameter in folded.parameters())
    assert all(parameter.requires_grad for parameter in model.parameters())
    for key, value in model.state_dict().items():
        assert torch.equal(value, before[key]), key


@pytest.mark.parametrize(
    "name",
    ["rcn18", *(pytest.param(name, marks=pytest.mark.slow) for name in ("i3d18_causal", "tsm18", "c2d18", "i3d18"))],
)
def test_the_certificate_stays(name):
    model, clip = build(name), random_clip(4, clips=1)
    before, after = (examine(net, name, clip) for net in (model, for_inference(model)))
    assert (after.causal, after.past_frames, after.future_frames) == (
        before.causal,
        before.past_frames,
        before.future_frames,
    )
    assert after.causal == (name != "i3d18")


WIDTH = 4
SCALES = st.sampled_from([1.0, -0.7, 2.5, 1e-2, -1e-4, 1e-30, 1e-310, 0.0])


def small_net(kind, mode, scales):
    """Two temporal units with a batch norm behind each, the first of given scales, in float64."""
    trunk = nn.Sequential(
        nn.Conv2d(3, WIDTH, 3, padding=1, stride=2, bias=False),
        nn.BatchNorm2d(WIDTH),
        nn.ReLU(inplace=True),
        nn.Conv2d(WIDTH, WIDTH, 3, padding=1),
        nn.BatchNorm2d(WIDTH),
        nn.ReLU(inplace=True),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(WIDTH, 4),
    )
    if kind == "causal":
        net = make_causal(trunk, lambda name, convolution: True)
    else:
        w_hh = "random" if mode == "mean" else "identity"
        net = make_recurrent(trunk, lambda name, convolution: True, w_hh=w_hh, mode=mode)
    net = lively(net.double())
    net.trunk[1].weight.data = torch.tensor(scales, dtype=torch.float64) * net.trunk[1].running_var.sqrt()
    return net.requires_grad_(False)


def frame_by_frame(net, clip, state):
    logits = []
    for frame in clip.unbind(2):
        step, state = net.step(frame, state)
        logits.append(step)
    return torch.stack(logits, 1), state


@settings(max_examples=20)
@given(
    kind=st.sampled_from(["recurrent", "causal"]),
    mode=st.sampled_from(["mean", "sum"]),
    scales=st.lists(SCALES, min_size=WIDTH, max_size=WIDTH),
    frames=st.integers(1, 9),
    seed=st.integers(0, 1000),
)
def test_folding_is_exact_whatever_the_scales_on_clips_and_frame_by_frame(kind, mode, scales, frames, seed):
    torch.manual_seed(seed)
    net = small_net(kind, mode, scales)
    folded, clip = for_inference(net), torch.randn(2, 3, frames, 8, 8, dtype=torch.float64)
    expected = net.frame_logits(clip)
    torch.testing.assert_close(folded.frame_logits(clip), expected, rtol=1e-9, atol=1e-12)
    stepped, _ = frame_by_frame(folded, clip, folded.initial_state(2))
    torch.testing.assert_close(stepped, expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("mode", ["mean", "sum"])
def test_a_recurrent_units_state_is_the_models_by_the_state_scale(mode):
    net = small_net("recurrent", mode, [1.0, -2.0, 1e-6, 0.0])
    folded, clip = for_inference(net), torch.randn(2, 3, 5, 8, 8, dtype=torch.float64)
    (_, before), (_, after) = (frame_by_frame(each, clip, each.initial_state(2)) for each in (net, folded))
    scales = {"0": folded.trunk[1].state_scale, "3": folded.trunk[4].state_scale}
    assert scales["0"].tolist() == pytest.approx([1, -2, 1, 1], rel=1e-4)
    for name, state in after.units.items():
        torch.testing.assert_close(state, before.units[name] * scales[name])


def test_a_scale_is_left_behind_the_recurrence_only_where_one_is_small():
    for scales, left in (([1.0, -0.5, 2.0, 0.1], False), ([1.0, 1e-8, 1.0, 1.0], True)):
        after = for_inference(small_net("recurrent", "mean", scales)).trunk[1]
        assert isinstance(after, AfterRecurrence)
        assert (after.scale is not None) == left


def test_frozen_batch_norm_is_folded_too():
    trunk = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    lively(trunk)
    freeze_batch_norm(trunk)
    net, clip = FrameNet(trunk), random_clip(2)
    folded = for_inference(net)
    assert isinstance(folded.trunk[1], nn.Identity)
    torch.testing.assert_close(folded(clip), net(clip))


class Shared(nn.Module):
    """A batch norm that must stay: another layer sees what it sees, or it is used twice."""

    def __init__(self, seen_twice):
        super().__init__()
        self.conv, self.bn, self.seen_twice = nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), seen_twice

    def forward(self, frames):
        x = self.conv(frames)
        y = self.bn(x) + x if self.seen_twice else self.bn(self.bn(x))
        return y.mean((2, 3))


class Untraceable(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.bn = nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4)

    def forward(self, frames):
        x = self.bn(self.conv(frames))
        return x.mean((2, 3)) if float(x.detach().sum()) < 0 else x.amax((2, 3))


@pytest.mark.parametrize("trunk", [lambda: Shared(True), lambda: Shared(False), Untraceable])
def test_what_cannot_be_folded_stays(trunk):
    net, clip = FrameNet(lively(trunk())), random_clip(2)
    folded = for_inference(net)
    assert isinstance(folded.trunk.bn, nn.BatchNorm2d)
    assert torch.equal(folded(clip), net(clip))


def test_units_stay_recurrent_units():
    folded = for_inference(small_net("recurrent", "mean", [1.0] * 4))
    assert len([module for module in folded.modules() if isinstance(module, RCU)]) == 2

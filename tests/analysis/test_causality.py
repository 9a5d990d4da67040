"""The causality certificate: it passes models that look back only, and catches the smallest look ahead."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from rcn_bench import cli
from rcn_bench.analysis.causality import certify, certify_models, describe, examine
from rcn_bench.errors import InputError
from rcn_bench.models import create_model, shortest_clip, specification
from rcn_bench.plan.config import load_experiment
from rcn_bench.plan.products.tables import Table1
from rcn_bench.records.costs import Causality

CAUSAL = ["c2d18", "rcn18", "rcn50", "i3d18_causal", "tsm18", "rcn18_lstm", "rcn18_gru"]
NOT_CAUSAL = ["i3d18", "i3d50", "i3d50_nl", "inception_i3d", "r2plus1d18", "s3d"]


pytestmark = pytest.mark.usefixtures("fixed_seed_and_one_thread")


class Features(nn.Module):
    """Any function of a clip (N, 3, T, H, W) to features (N, C, T', H, W), then a pool and a classifier."""

    def __init__(self, *features):
        super().__init__()
        self.features = nn.Sequential(*features)
        self.avgpool = nn.AdaptiveAvgPool3d(1)
        self.fc = nn.LazyLinear(5)

    def forward(self, clip):
        return self.fc(self.avgpool(self.features(clip)).flatten(1))


class Function(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, clip):
        return self.function(clip)


def certificate(*features, frames=8):
    with torch.no_grad():
        return examine(Features(*features).eval(), "own", torch.randn(1, 3, frames, 4, 4))


def causal(kernel, stride=1, dilation=1):
    """A convolution over a frame and those before it."""
    return nn.Sequential(
        nn.ConstantPad3d((0, 0, 0, 0, (kernel - 1) * dilation, 0), 0.0),
        nn.LazyConv3d(3, (kernel, 1, 1), (stride, 1, 1), dilation=(dilation, 1, 1)),
    )


def centred(kernel, stride=1):
    return nn.LazyConv3d(3, (kernel, 1, 1), (stride, 1, 1), padding=(kernel // 2, 0, 0))


def reach(certificate):
    return certificate.past_frames, certificate.future_frames


@pytest.mark.parametrize("name", CAUSAL)
def test_models_that_look_back_only_pass(name):
    found = certify(name, frames=3)
    assert found.causal
    assert found.largest_change == 0
    assert (found.frames, found.outputs) == (3, 3)
    assert reach(found) == ((0, 0) if name == "c2d18" else (2, 0))
    assert specification(name).causal


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[] if name in ("i3d18", "s3d") else pytest.mark.slow) for name in NOT_CAUSAL]
)
def test_models_that_look_ahead_are_caught(name):
    found = certify(name, frames=max(3, shortest_clip(name)))
    assert not found.causal
    assert found.largest_change > 0
    assert found.future_frames > 0
    assert not specification(name).causal


@pytest.mark.slow
@pytest.mark.parametrize("name", CAUSAL + NOT_CAUSAL)
def test_certificates_of_whole_clips_agree_with_what_models_claim(name):
    found = certify(name)
    claimed = specification(name)
    assert (found.causal, found.frames / found.outputs) == (claimed.causal, claimed.temporal_stride)


@pytest.mark.slow
def test_the_certificate_is_the_same_every_time():
    assert certify("s3d", frames=5, seed=1) == certify("s3d", frames=5, seed=1)


def peek(weight, at=slice(None)):
    """Every chosen frame has a little of the next one, or the first of the last."""

    def add_next(clip):
        ahead = torch.zeros_like(clip)
        ahead[:, :, :-1] = weight * clip[:, :, 1:]
        keep = torch.zeros(clip.shape[2]).view(-1, 1, 1)
        keep[at] = 1
        return clip + keep * ahead

    return Function(add_next)


@pytest.mark.parametrize("weight", [1.0, 1e-7, 1e-30])
def test_a_peek_one_frame_ahead_is_caught_however_small(weight):
    found = certificate(peek(weight))
    assert not found.causal
    assert found.future_frames == 1


@pytest.mark.parametrize("weight", [1e-3, 1e-7, 1e-30])
def test_a_peek_at_the_last_frame_alone_is_caught(weight):
    found = certificate(peek(weight, at=slice(6, 7)))
    assert not found.causal
    assert found.future_frames == 1


def test_a_peek_from_the_first_frame_at_the_last_is_caught():
    def add_last_to_first(clip):
        return torch.cat([clip[:, :, :1] + 1e-7 * clip[:, :, -1:], clip[:, :, 1:]], 2)

    found = certificate(Function(add_last_to_first))
    assert not found.causal
    assert found.future_frames == 7


def test_a_peek_by_comparison_which_lets_no_nan_through_is_caught():
    def double_if_next_is_bright(clip):
        bright = torch.nn.functional.pad(clip[:, :, 1:] > 0, (0, 0, 0, 0, 0, 1))
        return torch.where(bright, 2 * clip, clip)

    found = certificate(Function(double_if_next_is_bright))
    assert not found.causal
    assert found.largest_change > 0


def test_a_mean_over_all_frames_is_caught():
    found = certificate(Function(lambda clip: clip - clip.mean(2, keepdim=True)))
    assert not found.causal
    assert reach(found) == (7, 7)


# Receptive fields by hand: a kernel of k sees (k - 1) * dilation frames more, at the stride of what is below it.
@pytest.mark.parametrize(
    ("layers", "past", "future"),
    [
        ([causal(1)], 0, 0),
        ([causal(3)], 2, 0),
        ([centred(3)], 1, 1),
        ([causal(3), causal(3)], 4, 0),
        ([causal(3), nn.ReLU(), centred(5)], 4, 2),
        ([causal(2, dilation=3), causal(2)], 4, 0),
        ([centred(3), centred(3), centred(3)], 3, 3),
    ],
)
def test_receptive_field_by_hand(layers, past, future):
    found = certificate(*layers, frames=12)
    assert reach(found) == (past, future)
    assert found.causal == (future == 0)


@settings(max_examples=15)
@given(st.lists(st.tuples(st.booleans(), st.sampled_from([1, 3, 5])), min_size=1, max_size=3))
def test_receptive_field_of_any_stack(stack):
    past = sum(kernel - 1 if back else kernel // 2 for back, kernel in stack)
    future = sum(0 if back else kernel // 2 for back, kernel in stack)
    layers = [causal(kernel) if back else centred(kernel) for back, kernel in stack]
    assert reach(certificate(*layers, frames=14)) == (past, future)


@pytest.mark.parametrize(
    ("layers", "past", "stride"),
    [([causal(1, stride=2)], 0, 2), ([causal(3, stride=2)], 2, 2), ([causal(3, stride=2), causal(2, stride=2)], 4, 4)],
)
def test_a_stride_in_time_is_no_look_ahead(layers, past, stride):
    found = certificate(*layers)
    assert found.causal
    assert reach(found) == (past, 0)
    assert (found.outputs, found.frames / found.outputs) == (8 // stride, stride)


@pytest.mark.parametrize("frames", [5, 7, 9])
def test_a_stride_in_time_is_no_look_ahead_in_clips_of_odd_length(frames):
    found = certificate(causal(3, stride=2), frames=frames)
    assert found.causal
    assert reach(found) == (2, 0)


def test_a_stride_with_a_centred_kernel_is_caught():
    found = certificate(centred(3, stride=2))
    assert not found.causal
    assert reach(found) == (1, 1)


@pytest.mark.parametrize("layers", [[causal(3, stride=8)], [centred(3, stride=8)]], ids=["causal", "centred"])
def test_a_single_output_in_time(layers):
    found = certificate(*layers)
    assert found.outputs == 1
    assert found.causal == (found.future_frames == 0) == (found.largest_change == 0)


def test_examining_leaves_the_model_alone():
    net = Features(causal(3)).eval()
    clip = torch.randn(1, 3, 4, 4, 4)
    before = net(clip)
    examine(net, "own", clip)
    assert torch.equal(net(clip), before)
    assert not net.avgpool._forward_pre_hooks
    assert not net.training


@pytest.mark.parametrize("name", ["c2d18", "rcn18"])
def test_batch_norm_in_training_looks_at_later_frames(name):
    """The certificate holds in eval mode: batch statistics are over all frames of a batch."""
    net = create_model(name, 5)
    clip = torch.randn(2, 3, 4, 32, 32)
    changed = clip.clone()
    changed[:, :, 2:] = torch.randn(2, 3, 2, 32, 32)
    moved = {}
    for training in (True, False):
        net.train(training)
        with torch.no_grad():
            moved[training] = (net.frame_logits(changed) - net.frame_logits(clip))[:, :2].abs().max()
    assert moved[True] > 1e-2
    assert moved[False] == 0


def test_a_model_whose_outputs_in_time_are_not_known_is_refused():
    with pytest.raises(InputError, match="own has neither frame_logits nor an avgpool"):
        examine(nn.Conv3d(3, 4, 1), "own", torch.randn(1, 3, 4, 4, 4))


@pytest.mark.parametrize(
    "outputs",
    [
        lambda clip: clip / 0,
        lambda clip: 0 * clip,
        lambda clip: torch.where(clip == clip[0, 0, 0, 0, 0], clip, torch.inf),
    ],
)
def test_outputs_that_are_no_numbers_are_not_called_causal(outputs):
    with pytest.raises(InputError, match="own: its outputs are not finite"):
        certificate(Function(outputs))


@pytest.mark.parametrize(("name", "shortest"), [("s3d", 5), ("i3d50", 2)])
def test_a_clip_too_short_for_the_model_is_refused(name, shortest):
    with pytest.raises(InputError, match=f"{name} needs clips of {shortest} frames or more, got {shortest - 1}"):
        certify(name, frames=shortest - 1)


def test_an_unknown_model_is_refused():
    with pytest.raises(InputError, match="unknown model 'rcn81'; did you mean rcn18"):
        certify("rcn81")


def test_descriptions_tell_the_verdict_and_the_reach():
    assert describe(certificate(causal(3))) == "own: causal; sees 2 earlier and 0 later frames of 8; 8 outputs in time"
    assert "own: NOT causal: outputs move by up to" in describe(certificate(centred(3)))


def test_a_description_does_not_say_that_outputs_move_by_nothing():
    unmoved = Function(lambda clip: clip + 0 * clip.mean(2, keepdim=True))
    assert "own: NOT causal: outputs are computed from later frames, though none moved" in describe(
        certificate(unmoved)
    )


@pytest.mark.slow
def test_the_command_line_certifies_several_models(capsys):
    assert cli.main(["certify", "c2d18", "s3d", "--frames", "5", "--size", "32"]) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("c2d18: causal;")
    assert second.startswith("s3d: NOT causal:")


@pytest.fixture
def experiment(tmp_path):
    smoke = load_experiment(["config/smoke.yaml"], tmp_path)
    tables = {name: section for name, section in smoke.tables.items() if name != "league"}
    return replace(smoke, tables=tables | {"table5": {"models": ["c2d18", "s3d"], "frames": 5}})


@pytest.mark.slow
def test_certificates_of_table_5_are_written(experiment):
    certify_models(experiment)
    written = Causality.read(experiment.paths.causality)
    assert [(row.model, row.causal, row.frames) for row in written.rows] == [("c2d18", True, 5), ("s3d", False, 5)]
    assert written.origin.stage == "causality"
    assert written.origin.settings["frames"] == {"c2d18": [5], "s3d": [5]}


@pytest.mark.slow
def test_what_any_product_asks_for_is_certified(experiment, monkeypatch):
    monkeypatch.setattr(Table1, "certified", lambda self: {"c2d18": [4], "rcn18": [4]})
    certify_models(experiment)
    written = Causality.read(experiment.paths.causality)
    shown = [(row.model, row.frames) for row in written.rows]
    assert shown == [("c2d18", 4), ("c2d18", 5), ("rcn18", 4), ("s3d", 5)]


def test_an_experiment_without_table_5_certifies_none(experiment):
    del experiment.tables["table5"]
    with pytest.raises(InputError, match=r"tables\.table5: not there"):
        certify_models(experiment)
    assert not experiment.paths.causality.exists()

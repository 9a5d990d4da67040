"""Training on states that are older than a clip."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file
from test_not_finite import MODELS, RCN
from test_resuming import assert_same_weights
from tiny import changed, interrupt_after, linked
from torch import nn

from rcn_bench.engine.carried import CarriedClips, carried
from rcn_bench.engine.step import Autocast, TrainingStep
from rcn_bench.engine.train import train
from rcn_bench.errors import InputError
from rcn_bench.models.frames import FrameNet
from rcn_bench.models.rcn import make_recurrent
from rcn_bench.plan.run import Run

pytestmark = pytest.mark.usefixtures("fixed_seed_and_one_thread")

CARRIED = replace(RCN, options=("carried",))


def small_rcn() -> FrameNet:
    layers = [nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 5, 3), nn.BatchNorm2d(5)]
    trunk = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(5, 3))
    net = make_recurrent(trunk, lambda name, convolution: True, w_hh="random")
    nn.init.uniform_(net.trunk[1].running_var, 0.5, 2)
    return net.double()


@settings(max_examples=25)
@given(st.integers(1, 9), st.integers(1, 4), st.integers(1, 3))
def test_an_equal_part_of_a_batch_goes_on_from_each_number_of_clips(videos, most, frames):
    net, clips = small_rcn().eval(), torch.randn(videos, 3, (most + 1) * frames, 6, 6, dtype=torch.float64)
    logits, before = CarriedClips(net, frames)(clips), []
    for video in range(videos):
        whole = [
            net.frame_logits(clips[video : video + 1, :, start * frames :])[:, -frames:].mean(1)
            for start in range(most + 1)
        ]
        same = [start for start in range(most + 1) if torch.allclose(whole[start][0], logits[video])]
        assert len(same) == 1
        before.append(most - same[0])
    assert before == sorted(before)
    counts = [before.count(clips_before) for clips_before in range(most + 1)]
    assert max(counts) - min(counts) <= 1


def test_clips_before_get_no_gradient_and_move_no_statistics():
    net, clips = small_rcn().train(), torch.randn(6, 3, 12, 6, 6, dtype=torch.float64, requires_grad=True)
    CarriedClips(net, 4)(clips).sum().backward()
    assert clips.grad[:, :, :8].eq(0).all()
    assert clips.grad[:, :, 8:].ne(0).any(dim=1).all()
    assert net.training
    assert all(module.training for module in net.modules())


def test_statistics_of_batch_norm_are_those_of_the_last_clips_alone():
    net, clips, seen = small_rcn().train(), torch.randn(6, 3, 12, 6, 6, dtype=torch.float64), []
    norm = net.trunk[1]
    norm.register_forward_hook(lambda module, inputs, output: seen.append((module.training, inputs[0])))
    CarriedClips(net, 4)(clips)
    assert [(training, len(frames)) for training, frames in seen] == [(False, 2 * 4), (False, 4 * 4), (True, 6 * 4)]
    assert norm.num_batches_tracked == 1
    torch.testing.assert_close(norm.running_mean, 0.1 * seen[-1][1].mean((0, 2, 3)))


def test_a_network_without_a_state_is_refused():
    with pytest.raises(InputError, match=r"\+carried: Sequential carries no state"):
        carried(nn.Sequential(), 4)


@pytest.fixture
def small(fresh, plugin):
    starts = {name: {"w_xh": ["random"], "w_hh": ["random"]} for name in ("rcn_small", "rcn_small+carried")}
    changes = {"plugins": [plugin("small_models", MODELS)], "models": starts, "tables": {}, "train.epochs": 2}
    return changed(fresh, changes)


@pytest.mark.slow
def test_a_run_on_carried_states_is_trained_and_goes_on_after_an_interruption(small, tmp_path, monkeypatch):
    for run in (RCN, CARRIED):
        train(run, small)
    plain, aged = (load_file(small.paths.weights(run)) for run in (RCN, CARRIED))
    assert plain.keys() == aged.keys()
    assert not torch.equal(plain["trunk.3.w_hh"], aged["trunk.3.w_hh"])
    other = linked(small, tmp_path / "other", "data", "cache", "pretrained")
    with monkeypatch.context() as patch:
        interrupt_after(patch, epochs=1)
        with pytest.raises(KeyboardInterrupt):
            train(CARRIED, other)
    train(CARRIED, other)
    assert_same_weights(small, other, CARRIED)


def test_it_is_not_compiled_and_says_so(small, capsys):
    train(CARRIED, changed(small, {"train.compile": True, "train.epochs": 1}))
    line = "training goes on without torch.compile, which is not for carried states\n"
    assert capsys.readouterr().err.endswith(line)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_as_a_cuda_graph_it_trains_the_same(capsys):
    weights = []
    for graphed in (False, True):
        torch.manual_seed(0)
        net = small_rcn().float().cuda()
        optimizer = torch.optim.SGD(net.parameters(), 0.1, 0.9, fused=True)
        autocast = Autocast("bfloat16", torch.device("cuda"))
        step = TrainingStep(carried(net, 4), optimizer, autocast, lambda clips: clips, cuda_graph=graphed)
        for _ in range(5):
            step([torch.randn(6, 3, 16, 6, 6, device="cuda"), torch.arange(6, device="cuda") % 3], 0.1)
        weights.append(torch.cat([parameter.flatten() for parameter in net.state_dict().values()]))
    torch.testing.assert_close(*weights, rtol=1e-3, atol=1e-3)
    assert not capsys.readouterr().err


def test_windows_cannot_be_carried(small):
    experiment = changed(small, {"models.windows_small": {"w_xh": ["random"]}})
    with pytest.raises(InputError, match=r"\+carried"):
        train(Run("windows_small", 4, "random", None, 0, ("carried",)), experiment)

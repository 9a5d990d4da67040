import time

import pytest
import torch
from torch import nn

from rcn_bench.analysis.timing import clips_per_second, live_frames_per_second
from rcn_bench.models.frames import FrameNet

pytestmark = pytest.mark.usefixtures("fixed_seed_and_one_thread")


class Sleeper(nn.Module):
    """Takes 20 ms a call and counts the calls."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(3, 2))
        self.calls = []

    def forward(self, clip):
        time.sleep(0.02)
        self.calls.append((self.training, torch.is_grad_enabled()))
        return clip.mean(dim=(2, 3, 4)) @ self.weight


@pytest.mark.parametrize("training", [False, True])
def test_clips_per_second(training):
    net = Sleeper()
    rate, spread = clips_per_second(net, torch.randn(5, 3, 2, 4, 4), 0.0, training=training)
    assert 10 < rate <= 5 / 0.02
    assert spread >= 0
    assert net.calls == [(training, training)] * 4  # one to warm up, three that count
    assert torch.equal(net.weight, torch.ones(3, 2)) != training


@pytest.mark.parametrize("frames", [1, 4])
def test_live_frames_of_a_model_without_a_state_take_a_window_each(frames):
    net = Sleeper()
    rate, _ = live_frames_per_second(net, torch.randn(1, 3, frames, 4, 4), 0.0)
    assert 2 < rate <= 1 / 0.02
    assert net.calls == [(False, False)] * 4


class SleepyTrunk(nn.Module):
    """Takes 20 ms a call and keeps the shapes of what it is given."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(3, 2)
        self.calls = []

    def forward(self, frames):
        time.sleep(0.02)
        self.calls.append((tuple(frames.shape), self.training, torch.is_grad_enabled()))
        return self.fc(frames.mean((2, 3)))


@pytest.mark.parametrize("frames", [1, 8])
def test_live_frames_of_a_network_with_a_state_take_a_step_each(frames):
    trunk = SleepyTrunk()
    rate, _ = live_frames_per_second(FrameNet(trunk), torch.randn(1, 3, frames, 4, 4), 0.0)
    assert 2 < rate <= 1 / 0.02
    assert set(trunk.calls) == {((1, 3, 4, 4), False, False)}
    assert len(trunk.calls) == 5  # the first frame, one to warm up, three that count


def test_live_frames_are_timed_for_as_long_as_asked():
    net = Sleeper()
    started = time.perf_counter()
    live_frames_per_second(net, torch.randn(1, 3, 2, 4, 4), 0.2)
    assert time.perf_counter() - started >= 0.2
    assert 3 <= len(net.calls) - 1 <= 11

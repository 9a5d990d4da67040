"""What live video costs: each model's turns, what is counted, and what is left empty."""

import ctypes
from dataclasses import replace
from itertools import pairwise
from types import SimpleNamespace

import pytest
import torch

from rcn_bench.analysis import energy
from rcn_bench.analysis import league as module
from rcn_bench.analysis.cost import count_gmacs
from rcn_bench.analysis.energy import EnergyCounter
from rcn_bench.analysis.league import measure_league
from rcn_bench.engine.windows import scores_of_windows
from rcn_bench.errors import InputError
from rcn_bench.models import create_model
from rcn_bench.plan.config import load_experiment
from rcn_bench.plan.stages import dependencies
from rcn_bench.records.league import LeagueCosts

pytestmark = pytest.mark.usefixtures("fixed_seed_and_one_thread")


def batches(row):
    return [row.alone, *row.several]


FRAMES = 5
LEAGUE = {"models": ["tsm18", "s3d"], "frames": FRAMES, "videos": [3, 2]}


@pytest.fixture
def experiment(tmp_path, monkeypatch):
    """Two models on small frames; each takes as few steps as there may be."""
    smoke = load_experiment(["config/smoke.yaml"], tmp_path)
    monkeypatch.setattr(module, "LEAST_OF_ONE", 4)
    monkeypatch.setattr(module, "TURNS", 2)
    return replace(
        smoke,
        tables={"league": LEAGUE},
        clip=replace(smoke.clip, crop=32),
        profile=replace(smoke.profile, seconds=1e-4, num_classes=5),
    )


def measured(experiment):
    measure_league(experiment, threads=1)
    return LeagueCosts.read(experiment.paths.league)


def timed_as(monkeypatch, seconds):
    """Every step takes so long by the clock, as a function of how many videos there are."""
    steps = []

    def live_step(network, clip):
        steps.append(len(clip))
        return lambda: None

    def step_seconds(step, *_):
        return torch.full((3,), seconds(steps[-1]), dtype=torch.float64)

    monkeypatch.setattr(module, "live_step", live_step)
    monkeypatch.setattr(module, "step_seconds", step_seconds)
    return steps


def test_every_model_has_its_latency_its_throughputs_and_what_is_counted(experiment, capsys):
    written = measured(experiment)
    by_state, by_window = written.rows
    assert [(row.model, row.by, row.frames_per_answer) for row in written.rows] == [
        ("tsm18", "state", 1),
        ("s3d", "window", 2),
    ]
    for row in written.rows:
        assert row.steps >= 4 * module.TURNS
        assert 0 < row.latency_p50_ms <= row.latency_p99_ms
        assert [batch.videos for batch in batches(row)] == [1, 2, 3]
        assert all(batch.frames_per_second > 0 for batch in batches(row))
    one = batches(by_window)[0]
    assert one.frames_per_second == pytest.approx(2 * 1000 / by_window.latency_p50_ms, rel=1e-3)
    clip = torch.zeros(1, 3, FRAMES, 32, 32)
    assert by_window.gmacs_per_frame == count_gmacs(create_model("s3d", 5), clip) / 2
    assert by_window.state_bytes == 4 * 3 * (FRAMES - 1) * 32 * 32
    net = create_model("tsm18", 5).eval()
    _, state = net.step(clip[:, :, 0], net.initial_state(1))
    assert by_state.state_bytes == state.nbytes
    assert by_state.gmacs_per_frame == pytest.approx(count_gmacs(net, clip) / FRAMES)
    assert torch.cuda.is_available() or {b.joules_per_frame for row in written.rows for b in batches(row)} == {None}
    assert written.origin.code == dependencies(experiment, "league").code.hash
    told = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in told[:3]] == [
        "tsm18, 1 live video",
        "s3d, 1 live video",
        "tsm18, 2 live videos",
    ]


def test_models_take_turns(experiment, monkeypatch):
    turns = []
    whole = module._Player.take_turn
    monkeypatch.setattr(
        module._Player,
        "take_turn",
        lambda self, videos, seconds: (turns.append((videos, self.model)), whole(self, videos, seconds)),
    )
    timed_as(monkeypatch, lambda videos: 0.001)
    measured(experiment)
    assert turns == [(videos, model) for videos in (1, 2, 3) for _ in range(module.TURNS) for model in LEAGUE["models"]]


def test_a_window_is_as_far_from_the_next_as_in_online_accuracy(experiment, monkeypatch):
    timed_as(monkeypatch, lambda videos: 0.001)
    _, by_window = measured(experiment).rows
    starts = []

    def network(window):
        starts.append(int(window[0, 0, 0, 0, 0]))
        return torch.zeros(1, 2)

    clip = torch.arange(20.0).view(1, 1, 20, 1, 1).expand(1, 3, 20, 4, 4)
    scores_of_windows(network, clip, FRAMES, lambda _: None)
    assert {after - before for before, after in pairwise(starts)} == {by_window.frames_per_answer}


def test_so_many_videos_that_a_step_would_take_too_long_are_left_out(experiment, monkeypatch):
    experiment = replace(experiment, tables={"league": LEAGUE | {"videos": [2, 8, 64]}})
    steps = timed_as(monkeypatch, lambda videos: float(videos))
    for row in measured(experiment).rows:
        assert [batch.frames_per_second for batch in batches(row)] == [row.frames_per_answer] * 2 + [None] * 2
        assert [batch.why_not for batch in batches(row)] == [
            *(None, None),
            "a step would take about 8 s",
            "8 videos are too many already",
        ]
    assert set(steps) == {1, 2}


def test_so_many_videos_that_memory_ends_are_left_out_with_a_line(experiment, monkeypatch, capsys):
    whole = module.live_step

    def live_step(network, clip):
        if len(clip) > 2:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 bytes")
        return whole(network, clip)

    monkeypatch.setattr(module, "live_step", live_step)
    rows, told = measured(experiment).rows, capsys.readouterr().out
    for row in rows:
        assert batches(row)[1].frames_per_second > 0
        assert batches(row)[2].frames_per_second is None
        why = f"{row.model} on 3 live videos: too little memory; a process may have "
        assert batches(row)[2].why_not.startswith(why)
        assert f"{row.model}, 3 live videos: not measured, since {why}" in told


def test_a_model_too_large_for_one_video_is_refused(experiment, monkeypatch):
    def live_step(network, clip):
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory")

    monkeypatch.setattr(module, "live_step", live_step)
    with pytest.raises(InputError, match="tsm18 on 1 live video: too little memory"):
        measured(experiment)


def test_a_counter_that_has_not_moved_tells_nothing(experiment, monkeypatch):
    timed_as(monkeypatch, lambda videos: 0.001)
    monkeypatch.setattr(module.EnergyCounter, "joules", lambda self: 7.0)
    assert {b.joules_per_frame for row in measured(experiment).rows for b in batches(row)} == {None}


def test_energy_is_spread_over_frames(experiment, monkeypatch):
    """A counter that has moved by 6 J at each look, and turns of one step to warm up and three that are timed."""
    timed_as(monkeypatch, lambda videos: 0.001)
    readings = iter(range(0, 10**6, 6))
    monkeypatch.setattr(module.EnergyCounter, "joules", lambda self: float(next(readings)))
    by_state, by_window = measured(experiment).rows
    assert [batch.joules_per_frame for batch in batches(by_state)] == [6 / 4, 6 / 4 / 2, 6 / 4 / 3]
    assert [batch.joules_per_frame for batch in batches(by_window)] == [6 / 4 / 2, 6 / 4 / 4, 6 / 4 / 6]


def test_a_config_without_a_league_is_refused(experiment):
    with pytest.raises(InputError, match=r"tables\.league: not there"):
        measure_league(replace(experiment, tables={}), 1)
    assert not experiment.paths.league.exists()


def test_clips_too_short_for_a_model_are_refused(experiment):
    with pytest.raises(InputError, match="s3d needs clips of 5 frames or more, got 4"):
        measure_league(replace(experiment, tables={"league": {"models": ["s3d"], "frames": 4}}), 1)


def test_frames_too_small_for_a_model_are_refused(experiment):
    small = replace(experiment, clip=replace(experiment.clip, crop=16))
    with pytest.raises(InputError, match=r"s3d: cannot take 5 frames of 16x16 \(.*\); raise clip.crop"):
        measure_league(small, 1)


# The counter of a card


def library(millijoules, *, of_card=0, of_energy=0):
    """A driver's library that answers so; of_card, of_energy: what it returns, 0 for success."""
    seen = []

    def energy_of(card, found):
        found._obj.value = millijoules
        return of_energy

    def handle(name, card):
        seen.append(name)
        return of_card

    return SimpleNamespace(
        nvmlInit_v2=lambda: 0,
        nvmlDeviceGetHandleByUUID=handle,
        nvmlDeviceGetTotalEnergyConsumption=energy_of,
        seen=seen,
    )


@pytest.fixture
def card(monkeypatch):
    properties = SimpleNamespace(uuid="01234567-89ab-cdef-0123-456789abcdef")
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: properties)


@pytest.mark.usefixtures("card")
def test_the_cards_own_counter_is_read(monkeypatch):
    driver = library(12_345)
    monkeypatch.setattr(ctypes, "CDLL", lambda name: driver)
    assert EnergyCounter(torch.device("cuda")).joules() == 12.345
    assert driver.seen == [b"GPU-01234567-89ab-cdef-0123-456789abcdef"]


@pytest.mark.usefixtures("card")
@pytest.mark.parametrize("refusal", [{"of_card": 6}, {"of_energy": 3}])
def test_a_card_that_does_not_tell_counts_nothing(monkeypatch, refusal):
    monkeypatch.setattr(energy, "_library", lambda: library(1, **refusal))
    assert EnergyCounter(torch.device("cuda")).joules() is None


@pytest.mark.usefixtures("card")
def test_a_machine_without_the_driver_counts_nothing(monkeypatch):
    def missing(name):
        raise OSError(name)

    monkeypatch.setattr(ctypes, "CDLL", missing)
    assert EnergyCounter(torch.device("cuda")).joules() is None
    assert EnergyCounter(torch.device("cpu")).joules() is None

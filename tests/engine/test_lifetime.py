"""State lifetime: what a network says of long videos by the age of its state."""

import csv

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from test_not_finite import MODELS, RCN, WINDOWS, loud
from tiny import changed, save_weights
from torch import nn

from rcn_bench.code import load_plugins
from rcn_bench.data.scenes import REVERSE, long_videos
from rcn_bench.engine.lifetime import FRAMES_AT_ONCE, VIDEOS_PER_BATCH, ages_of, measure_lifetime, scores_by_age
from rcn_bench.errors import InputError
from rcn_bench.files import file_hash
from rcn_bench.models import create_model
from rcn_bench.models.frames import FrameNet, StreamState
from rcn_bench.plan.run import Run
from rcn_bench.records.lifetime import Lifetime

pytestmark = pytest.mark.usefixtures("fixed_seed_and_one_thread")

MEAN, STD = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
C2D = Run("c2d18", 4, "random", None, 7)
FRAMES = 2 * FRAMES_AT_ONCE + 6  # in three parts, the last of which is short


class RightUntil(FrameNet):
    """Says class 1 until its state is so old, and class 0 from then on."""

    def __init__(self, age: int) -> None:
        super().__init__(nn.Identity())
        self.age = age

    def frame_logits(self, clip, state=None, *, detach=True):
        before = state.units["age"] if state is not None and state.units else torch.zeros(len(clip))
        ages = before[:, None] + torch.arange(1, clip.shape[2] + 1)
        one = (ages <= self.age).double()
        logits = torch.stack([1 - one, one], 2)
        return logits if state is None else (logits, StreamState({"age": ages[:, -1]}, torch.ones(len(clip)) > 0))


@settings(max_examples=60)
@given(st.integers(0, 90), st.integers(1, 20), st.integers(1, 90))
def test_ways_differ_in_what_they_average_and_in_when_the_state_begins(wrong_after, clip_frames, frames):
    frames = max(frames, clip_frames)
    ages, shown = ages_of(clip_frames, frames), []

    def view(start, stop):
        assert 0 <= start < stop <= frames
        shown.append(stop - start)
        return torch.zeros(3, 3, stop - start, 1, 1)

    scores = scores_by_age(RightUntil(wrong_after), view, ages, clip_frames, lambda scores: None)
    assert set(scores) == {"last", "all", "restarted"}
    for place, age in enumerate(ages):
        seen = range(max(age - clip_frames, 0) + 1, age + 1)
        right = {
            "last": np.mean([each <= wrong_after for each in seen]),
            "all": min(age, wrong_after) / age,
            "restarted": min(len(seen), wrong_after) / len(seen),
        }
        for way, share in right.items():
            assert scores[way][:, place, 1].tolist() == pytest.approx([share] * 3), (way, age)
    assert max(shown) <= max(FRAMES_AT_ONCE, clip_frames)


def test_ages_are_powers_of_two_and_those_times_a_clip():
    assert ages_of(8, 1100) == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024]
    assert ages_of(6, 50) == [1, 2, 4, 6, 8, 12, 16, 24, 32, 48]
    assert ages_of(1, 1) == [1]


# The long videos


@pytest.mark.slow
def test_long_videos_are_twins_in_reverse_motion_whose_frames_do_not_depend_on_how_they_are_asked_for(tiny):
    videos = list(long_videos(tiny.data.digits, 16, 60, 3))
    assert len({video.id for video in videos}) == 16
    assert {video.label for video in videos} == {f"digit {d} {m}" for d in tiny.data.digits.digits for m in REVERSE}
    for first, second in zip(videos[::2], videos[1::2], strict=True):
        assert first.group == second.group
        assert first.label.split()[:2] == second.label.split()[:2]
        assert REVERSE[first.label.split()[2]] == second.label.split()[2]
        whole = first.frames(0, 60)
        assert whole.shape == (60, 20, 20, 3)
        assert (np.diff(whole.astype(int), axis=0) != 0).any(axis=(1, 2, 3)).all()
        np.testing.assert_array_equal(whole, second.frames(0, 60)[::-1])
        np.testing.assert_array_equal(whole, np.concatenate([first.frames(0, 7), first.frames(7, 60)]))


def test_a_stride_takes_every_such_frame_of_the_same_scenes(tiny):
    every, third = (next(long_videos(tiny.data.digits, 2, frames, stride)) for frames, stride in ((58, 1), (20, 3)))
    np.testing.assert_array_equal(every.frames(0, 58)[::3], third.frames(0, 20))


def test_motions_go_as_their_labels_say(tiny):
    """By the centre of ink, on the torus, from frame to frame: down is to higher rows, growing is to more ink."""
    for video in long_videos(changed(tiny, {"data.digits.clutter": 0}).data.digits, 8, 12, 1):
        ink = video.frames(0, 12)[..., 0].astype(float) - 100
        turn = np.exp(2j * np.pi * np.arange(20) / 20)
        angles = np.unwrap(np.angle((ink.sum(2) * turn).sum(1)))
        forward = (
            angles[-1] - angles[0] if video.label.endswith(("up", "down")) else np.median(np.diff(ink.sum((1, 2))))
        )
        assert (forward > 0) == video.label.endswith(("down", "grow")), video.label


# Measured on weights


@pytest.fixture
def small(fresh, plugin):
    """An experiment of the smallest networks, with long videos, and no runs."""
    starts = {"rcn_small": {"w_xh": ["random"], "w_hh": ["random"]}, "windows_small": {"w_xh": ["random"]}}
    starts["c2d18"] = {"w_xh": ["random"]}
    lifetime = {"videos": VIDEOS_PER_BATCH + 2, "frames": FRAMES}
    changes = {"plugins": [plugin("small_models", MODELS)], "models": starts, "tables": {}, "lifetime": lifetime}
    return changed(fresh, changes)


@pytest.fixture
def labels(small):
    return sorted(f"digit {digit} {motion}" for digit in small.data.digits.digits for motion in REVERSE)


@pytest.fixture
def as_trained(small, labels):
    """Leaves a random model as if it had been trained."""

    def save(run):
        load_plugins(small.plugins)
        model = create_model(run.model, len(labels)).eval().requires_grad_(False)
        for module in model.modules():
            if isinstance(module, nn.Linear):
                module.weight *= 100  # so that what is best changes from frame to frame
        save_weights(small, run, model, labels)
        return model

    return save


@pytest.fixture
def measured(small, as_trained):
    """Measures a random model; gives the model and the rows of lifetime.csv."""

    def measure(run):
        model = as_trained(run)
        measure_lifetime([run], small)
        with small.paths.lifetime(run).open(newline="") as file:
            return model, list(csv.DictReader(file))

    return measure


def whole_inputs(experiment):
    """Each long video with the network's input of all of its frames, (1, 3, T, 16, 16), written out."""
    for video in long_videos(experiment.data.digits, experiment.lifetime.videos, FRAMES, experiment.clip.stride):
        centre = video.frames(0, FRAMES)[:, 2:18, 2:18] / 255
        yield video, torch.tensor((centre - MEAN) / STD, dtype=torch.float32).permute(3, 0, 1, 2).unsqueeze(0)


def test_a_network_with_a_state_is_right_as_its_definition_says(small, labels, measured):
    model, rows = measured(RCN)
    record = Lifetime.read(small.paths.lifetime(RCN).with_suffix(".json"))
    ages = [1, 2, 4, 8, 16, 32, 64]
    assert list(rows[0]) == ["video", "group", "label", "way", *map(str, ages)]
    by_way = {(row["video"], row["way"]): row for row in rows}
    assert len(by_way) == len(rows) == 3 * (VIDEOS_PER_BATCH + 2)
    for video, clip in whole_inputs(small):
        logits = model.frame_logits(clip)[0].double()
        for age in ages:
            start = max(age - 4, 0)
            means = {"last": logits[start:age].mean(0), "all": logits[:age].mean(0)}
            means["restarted"] = model(clip[:, :, start:age])[0]
            for way, mean in means.items():
                right = labels[int(mean.argmax())] == video.label
                assert by_way[video.id, way][str(age)] == str(int(right)), (video.id, way, age)
                assert by_way[video.id, way]["label"] == video.label
                assert by_way[video.id, way]["group"] == video.group
    assert len({tuple(row[str(age)] for age in ages) for row in rows}) > 3
    assert (record.ages, record.clip_frames, record.ways) == (ages, 4, ["last", "all", "restarted"])
    assert record.weights_sha256 == file_hash(small.paths.weights(RCN))
    assert len(record.rows(small.paths.lifetime(RCN))) == len(rows)


def test_a_network_of_windows_says_nothing_before_a_full_one(small, labels, measured):
    model, rows = measured(WINDOWS)
    by_video = {row["video"]: row for row in rows}
    assert {row["way"] for row in rows} == {"windows"}
    for video, clip in whole_inputs(small):
        for age in (1, 2, 4, 8, 16, 32, 64):
            said = by_video[video.id][str(age)]
            right = age >= 4 and labels[int(model(clip[:, :, age - 4 : age])[0].argmax())] == video.label
            assert said == ("" if age < 4 else str(int(right)))


@pytest.mark.slow
def test_single_frames_have_no_age(measured):
    _, rows = measured(C2D)
    assert {row["way"] for row in rows} == {"windows"}
    assert all(row["1"] in ("0", "1") for row in rows)


@pytest.mark.slow
def test_several_runs_at_once_are_measured_as_each_alone(small, as_trained):
    runs, alone = [RCN, C2D, WINDOWS], []
    for run in runs:
        as_trained(run)
        measure_lifetime([run], small)
        alone.append(small.paths.lifetime(run).read_bytes())
        small.paths.lifetime(run).unlink()
    measure_lifetime(runs, small)
    assert [small.paths.lifetime(run).read_bytes() for run in runs] == alone
    assert len(set(alone)) == len(alone)


def refused(run, experiment):
    with pytest.raises(InputError) as error:
        measure_lifetime([run], experiment)
    assert not experiment.paths.lifetime(run).exists()
    assert "\n" not in str(error.value)
    return str(error.value)


def test_what_cannot_be_measured_is_refused_in_a_line(small, labels):
    load_plugins(small.plugins)
    save_weights(small, RCN, create_model(RCN.model, 2), ["digit 1 up", "digit 1 down"])
    assert refused(RCN, changed(small, {"lifetime": None})).startswith("lifetime: missing; ")
    assert refused(RCN, changed(small, {"lifetime.frames": 3})).startswith("lifetime.frames: 3 are fewer than ")
    weights = small.paths.weights(RCN)
    assert refused(RCN, small).startswith(f"{weights}: label 'digit 1 grow' is not one of the weights' own; ")
    assert "train windows_small" in refused(WINDOWS, small)


@pytest.mark.parametrize("run", [RCN, WINDOWS])
def test_scores_that_are_not_finite_are_no_lifetime(small, labels, run):
    load_plugins(small.plugins)
    model = create_model(run.model, len(labels)).requires_grad_(False)
    loud(model) if run == RCN else (model[0].weight.mul_(1e10), model[3].weight.fill_(1e38))
    save_weights(small, run, model, labels)
    assert refused(run, small).startswith(f"{run.name}: long00000a: the network's scores are not finite; ")


class Grows(FrameNet):
    """Its state is multiplied by 1e10 in every frame, so that float32 ends after a few; it says class 1."""

    def __init__(self) -> None:
        super().__init__(nn.Identity())

    def frame_logits(self, clip, state=None, *, detach=True):
        value = state.units["size"] if state is not None and state.units else torch.ones(len(clip))
        sizes = []
        for _ in range(clip.shape[2]):
            value = value * 1e10
            sizes.append(value)
        logits = torch.stack([torch.zeros(len(clip), len(sizes)), torch.stack(sizes, 1)], 2)
        return logits if state is None else (logits, StreamState({"size": value}, torch.ones(len(clip)) > 0))


def test_a_state_that_grows_beyond_all_numbers_is_infinite_from_then_on():
    scores = scores_by_age(Grows(), lambda start, stop: torch.zeros(2, 3, stop - start, 1, 1), [1, 2, 4, 8], 2, finite)
    for way in ("last", "all"):
        assert scores[way][:, :2].isfinite().all()
        assert scores[way][:, 2:].isinf().all()
    assert scores["restarted"].isfinite().all()


def finite(scores):
    assert scores.isfinite().all()


def test_of_several_runs_those_that_can_be_are_measured(small, labels, as_trained):
    as_trained(RCN)
    alone = create_model(WINDOWS.model, len(labels)).requires_grad_(False)
    alone[0].weight.mul_(1e10), alone[3].weight.fill_(1e38)
    save_weights(small, WINDOWS, alone, labels)
    with pytest.raises(InputError, match=rf"^{WINDOWS.name}: long00000a: the network's scores are not finite; "):
        measure_lifetime([WINDOWS, RCN], small)
    assert small.paths.lifetime(RCN).exists()
    assert not small.paths.lifetime(WINDOWS).exists()

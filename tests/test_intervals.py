"""Intervals of accuracies: around the mean, wider where videos hang together, the same every time; and bounds."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rcn_bench import intervals
from rcn_bench.intervals import Scores, accuracy_interval, bounds

VIDEOS = st.lists(st.tuples(st.booleans(), st.integers(0, 20)), min_size=1, max_size=60)


def names(count: int) -> list[str]:
    return [f"video{i}" for i in range(count)]


def width(interval: tuple[float, float]) -> float:
    return interval[1] - interval[0]


@settings(deadline=None, max_examples=50, derandomize=True)
@given(VIDEOS)
def test_interval_is_ordered_and_within_zero_and_one(videos):
    low, high = accuracy_interval([c for c, _ in videos], [f"group{g}" for _, g in videos])
    assert 0 <= low <= high <= 1


@settings(deadline=None, max_examples=50, derandomize=True)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=60))
def test_interval_contains_the_mean(correct):
    low, high = accuracy_interval(correct, names(len(correct)))
    assert low - 1e-12 <= np.mean(correct) <= high + 1e-12


@settings(deadline=None, max_examples=30, derandomize=True)
@given(VIDEOS, st.randoms(use_true_random=False))
def test_interval_does_not_depend_on_the_order_of_videos(videos, random):
    shuffled = random.sample(videos, len(videos))
    intervals = [accuracy_interval([c for c, _ in v], [f"group{g}" for _, g in v]) for v in (videos, shuffled)]
    assert intervals[0] == pytest.approx(intervals[1], abs=1e-12)


@pytest.mark.parametrize("value", [0.0, 1.0])
@pytest.mark.parametrize("groups", [names(30), ["a", "b", "b"] * 10])
def test_all_alike_gives_no_width(value, groups):
    assert accuracy_interval([value] * 30, groups) == (value, value)


def test_one_group_gives_its_mean():
    assert accuracy_interval([1, 0, 1, 1], ["only"] * 4) == (0.75, 0.75)


def test_interval_is_the_normal_one_for_many_independent_videos():
    correct = np.random.default_rng(0).random(400) < 0.7
    low, high = accuracy_interval(correct, names(400))
    error = 1.96 * np.sqrt(correct.mean() * (1 - correct.mean()) / 400)
    assert (low, high) == pytest.approx((correct.mean() - error, correct.mean() + error), abs=0.005)


def test_twins_scored_alike_widen_the_interval_by_the_root_of_two():
    correct = np.repeat(np.random.default_rng(0).random(200) < 0.5, 2)
    twins = np.repeat(names(200), 2)
    ratio = width(accuracy_interval(correct, twins)) / width(accuracy_interval(correct, names(400)))
    assert ratio == pytest.approx(np.sqrt(2), rel=0.1)


def test_twins_of_which_one_is_right_leave_no_width():
    assert accuracy_interval([1, 0] * 50, np.repeat(names(50), 2)) == (0.5, 0.5)


def test_interval_narrows_with_more_videos():
    few, many = (accuracy_interval([1, 0] * (n // 2), names(n)) for n in (40, 640))
    assert width(few) > 3 * width(many)


def test_what_is_drawn_in_blocks_is_what_is_drawn_at_once(monkeypatch):
    correct = np.random.default_rng(0).random(40) < 0.7
    at_once = accuracy_interval(correct, names(40))
    monkeypatch.setattr(intervals, "BLOCK", 40 * 777)
    intervals._draws.cache_clear()
    in_blocks = accuracy_interval(correct, names(40))
    intervals._draws.cache_clear()
    assert in_blocks == pytest.approx(at_once, abs=1e-12)


def test_interval_is_the_same_every_time_whatever_the_global_seed():
    correct, groups = [1, 0, 1, 1, 0, 1], ["a", "a", "b", "b", "c", "c"]
    np.random.seed(1)
    first = accuracy_interval(correct, groups)
    np.random.seed(2)
    assert accuracy_interval(correct, groups) == first


# Clips, of which videos have different numbers


def test_clips_count_alike_whichever_video_they_are_of():
    scores = Scores.of_clips([0, 8, 1], [8, 8, 1], most=8, groups=names(3))
    assert scores.accuracy == pytest.approx(9 / 17)
    low, high = scores.interval()
    assert low < 9 / 17 < high


def test_videos_with_as_many_clips_each_have_the_interval_of_their_shares():
    rng = np.random.default_rng(0)
    correct, groups = rng.integers(0, 11, 60), [f"g{i // 3}" for i in range(60)]
    scores = Scores.of_clips(correct, [10] * 60, most=10, groups=groups)
    assert scores.interval() == accuracy_interval(correct / 10, groups)


# Two accuracies on the same videos


@pytest.fixture(scope="module")
def two():
    """Scores of 300 videos, where the second is right wherever the first is, and on 30 more."""
    first = np.random.default_rng(0).random(300) < 0.6
    second = first.copy()
    second[np.flatnonzero(~first)[:30]] = True
    return [Scores.of_videos(correct, names(300)) for correct in (first, second)]


def test_a_paired_interval_tells_what_two_overlapping_ones_do_not(two):
    first, second = two
    low, high = second.difference_interval(first)
    assert 0 < low < 0.1 < high < 0.2
    assert first.interval()[1] > second.interval()[0]


def test_a_paired_interval_turns_with_the_order_and_is_nothing_to_itself(two):
    first, second = two
    low, high = second.difference_interval(first)
    assert first.difference_interval(second) == pytest.approx((-high, -low))
    assert first.difference_interval(first) == (0, 0)


def test_a_paired_interval_is_the_normal_one_of_the_differences():
    rng = np.random.default_rng(1)
    first, second = rng.random((2, 500)) < [[0.5], [0.6]]
    difference = second.astype(float) - first
    error = 1.96 * difference.std() / np.sqrt(500)
    interval = Scores.of_videos(second, names(500)).difference_interval(Scores.of_videos(first, names(500)))
    assert interval == pytest.approx((difference.mean() - error, difference.mean() + error), abs=0.005)


# Videos that are missing


def test_bounds_are_all_missing_wrong_and_all_right():
    assert bounds(0.5, 80, 100) == pytest.approx((0.4, 0.6))
    assert bounds(1, 1, 2) == pytest.approx((0.5, 1))


@settings(deadline=None, max_examples=50, derandomize=True)
@given(st.floats(0, 1), st.integers(1, 500), st.integers(0, 500))
def test_bounds_hold_the_accuracy_and_are_as_far_apart_as_many_are_missing(accuracy, scored, missing):
    ends = bounds(accuracy, scored, scored + missing)
    assert (ends is None) == (100 * missing <= scored + missing)
    if ends:
        low, high = ends
        assert 0 <= low <= accuracy + 1e-12
        assert accuracy - 1e-12 <= high <= 1 + 1e-12
        assert high - low == pytest.approx(missing / (scored + missing))

"""Intervals of accuracies: around the mean, wider where videos hang together or trainings differ; and bounds."""

import statistics

import coverage_of_intervals as simulation
import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from rcn_bench.intervals import Scores, accuracy_interval, bounds, contrast, holm, mean_effect, welch

VIDEOS = st.lists(st.tuples(st.booleans(), st.integers(0, 20)), min_size=1, max_size=60)


def names(count: int) -> list[str]:
    return [f"video{i}" for i in range(count)]


def width(interval: tuple[float, float]) -> float:
    return interval[1] - interval[0]


@settings(max_examples=50)
@given(VIDEOS)
def test_interval_is_ordered_and_within_zero_and_one_and_holds_the_mean(videos):
    correct, groups = [c for c, _ in videos], [f"group{g}" for _, g in videos]
    interval = accuracy_interval(correct, groups)
    assert (interval is None) == (len(set(groups)) < 8)
    if interval:
        assert 0 <= interval[0] - 1e-12 <= np.mean(correct) <= interval[1] + 1e-12 <= 1 + 2e-12


@settings(max_examples=30)
@given(VIDEOS, st.randoms(use_true_random=False))
def test_interval_does_not_depend_on_the_order_of_videos(videos, random):
    shuffled = random.sample(videos, len(videos))
    intervals = [accuracy_interval([c for c, _ in v], [f"group{g}" for _, g in v]) for v in (videos, shuffled)]
    assert intervals[0] == (intervals[1] and pytest.approx(intervals[1], abs=1e-12))


def wilson(accuracy: float, videos: float, quantile: float = 1.96) -> tuple[float, float]:
    """Solved from its definition: accuracies from which the one seen is as far as the quantile allows."""
    truths = np.linspace(0, 1, 100_001)
    far = truths[np.abs(accuracy - truths) <= quantile * np.sqrt(truths * (1 - truths) / videos)]
    return far[0], far[-1]


def test_interval_is_wilsons_for_many_independent_videos():
    correct = np.random.default_rng(0).random(400) < 0.7
    assert accuracy_interval(correct, names(400)) == pytest.approx(wilson(correct.mean(), 399, 1.966), abs=1e-4)


@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("groups", [names(60), ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"] * 6])
def test_where_no_group_differs_from_another_each_counts_as_one_video(value, groups):
    count = len(set(groups))
    low, high = accuracy_interval([value] * 60, groups)
    assert (low, high) == pytest.approx(wilson(value, count, {60: 2.001, 10: 2.262}[count]), abs=1e-4)
    assert high - low > 0.05


def test_twins_of_which_one_is_right_have_a_width():
    low, high = accuracy_interval([1, 0] * 50, np.repeat(names(50), 2))
    assert 0.3 < low < 0.5 < high < 0.7


def test_twins_scored_alike_widen_the_interval_by_the_root_of_two():
    correct = np.repeat(np.random.default_rng(0).random(200) < 0.5, 2)
    twins = np.repeat(names(200), 2)
    ratio = width(accuracy_interval(correct, twins)) / width(accuracy_interval(correct, names(400)))
    assert ratio == pytest.approx(np.sqrt(2), rel=0.1)


def test_interval_narrows_with_more_videos():
    few, many = (accuracy_interval([1, 0] * (n // 2), names(n)) for n in (40, 640))
    assert width(few) > 3 * width(many)


# Several trainings


def trainings(rows: np.ndarray, groups: list[str]) -> Scores:
    return Scores.of_trainings([Scores.of_videos(row, groups) for row in rows])


def test_trainings_that_disagree_widen_the_interval():
    rng = np.random.default_rng(0)
    alike = trainings(rng.random((5, 200)) < 0.6, names(200))
    differing = trainings(rng.random((5, 200)) < [[0.4], [0.5], [0.6], [0.7], [0.8]], names(200))
    assert width(differing.interval()) > 2 * width(alike.interval())
    apart = trainings(np.repeat([[1.0], [0.0]], 40, axis=1), names(40))
    assert apart.interval() == pytest.approx((0, 1), abs=0.05)


def test_interval_of_one_training_is_that_of_a_network():
    correct = np.random.default_rng(0).random(60) < 0.6
    assert trainings(correct[None], names(60)).interval() == accuracy_interval(correct, names(60))


def two_way(values: list[np.ndarray]) -> tuple[float, float]:
    """Variance and degrees of freedom as the two-way t has them, by loops. values: (trainings, groups) of two inits."""
    groups = values[0].shape[1]
    differences = [float(np.mean(values[0][:, g]) - np.mean(values[1][:, g])) for g in range(groups)]
    parts, trained, residuals = [(statistics.variance(differences) / groups, groups - 1)], 0.0, 0.0
    for init in values:
        seeds = len(init)
        part = statistics.variance([float(np.mean(row)) for row in init]) / seeds
        squares = sum(
            (init[s, g] - np.mean(init[s]) - np.mean(init[:, g]) + np.mean(init)) ** 2
            for s in range(seeds)
            for g in range(groups)
        )
        residual = squares / ((seeds - 1) * (groups - 1)) / (seeds * groups)
        parts += [(part, seeds - 1), (residual, (seeds - 1) * (groups - 1))]
        trained, residuals = trained + part, residuals + residual
    variance = max(trained + parts[0][0] - residuals, trained, parts[0][0])
    return variance, variance**2 / sum(part**2 / freedom for part, freedom in parts)


@settings(max_examples=25)
@given(st.integers(0, 10**6), st.integers(2, 5), st.integers(2, 5), st.sampled_from([0.0, 0.1, 0.3]))
def test_the_difference_of_two_inits_is_the_two_way_t(seed, first, second, differ):
    rng = np.random.default_rng(seed)
    inits = [
        np.clip(rng.random((seeds, 20)) + differ * rng.standard_normal((seeds, 1)), 0, 1) for seeds in (first, second)
    ]
    one, other = (trainings(init, names(20)) for init in inits)
    variance, freedom = two_way(inits)
    low, high = one.difference_interval(other)
    assert (low + high) / 2 == pytest.approx(inits[0].mean() - inits[1].mean())
    assert high - low == pytest.approx(2 * scipy.stats.t.ppf(0.975, freedom) * np.sqrt(variance))


@pytest.mark.slow
def test_intervals_hold_the_true_accuracy_as_often_as_they_say():
    for setting in simulation.SETTINGS:
        held, _ = simulation.coverage(setting, repeats=2000)
        assert 0.93 <= held <= 0.99, setting.name
        assert simulation.decided(setting, 0, repeats=1000) <= 0.07, setting.name


# Clips, of which videos have different numbers


def test_clips_count_alike_whichever_video_they_are_of():
    scores = Scores.of_clips([0, 8, 1] * 4, [8, 8, 1] * 4, most=8, groups=names(12))
    assert scores.accuracy == pytest.approx(9 / 17)
    low, high = scores.interval()
    assert low < 9 / 17 < high


def test_videos_with_as_many_clips_each_have_the_interval_of_their_shares():
    rng = np.random.default_rng(0)
    correct, groups = rng.integers(0, 11, 60), [f"g{i // 3}" for i in range(60)]
    scores = Scores.of_clips(correct, [10] * 60, most=10, groups=groups)
    assert scores.interval() == pytest.approx(accuracy_interval(correct / 10, groups))


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


def test_a_paired_interval_turns_with_the_order_and_is_about_zero_to_itself(two):
    first, second = two
    low, high = second.difference_interval(first)
    assert first.difference_interval(second) == pytest.approx((-high, -low))
    low, high = first.difference_interval(first)
    assert 0 < high == -low < 0.02


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


@settings(max_examples=50)
@given(st.floats(0, 1), st.integers(1, 500), st.integers(0, 500))
def test_bounds_hold_the_accuracy_and_are_as_far_apart_as_many_are_missing(accuracy, scored, missing):
    ends = bounds(accuracy, scored, scored + missing)
    assert (ends is None) == (100 * missing <= scored + missing)
    if ends:
        low, high = ends
        assert 0 <= low <= accuracy + 1e-12
        assert accuracy - 1e-12 <= high <= 1 + 1e-12
        assert high - low == pytest.approx(missing / (scored + missing))


# Of the same trainings, asked in two ways


def asked_in_two_ways(rng, count, videos=60, shift=0.0):
    """Some trainings that are right less or more often in the second way, each by another shift, as each video is."""
    of_training, of_video = rng.normal(0, 0.2, (count, 1)), rng.normal(0, 0.1, videos)
    first = 0.5 + of_training + of_video + rng.normal(0, 0.05, (count, videos))
    second = first + shift + rng.normal(0, 0.02, (count, 1)) + rng.normal(0, 0.1, videos)
    groups = [f"g{i // 2}" for i in range(videos)]
    return trainings(first, groups), trainings(second, groups)


def test_a_change_of_one_training_is_a_difference_on_the_same_videos():
    before, after = asked_in_two_ways(np.random.default_rng(0), 1, shift=0.1)
    assert after.change_since(before).change_interval() == pytest.approx(after.difference_interval(before))
    before, after = asked_in_two_ways(np.random.default_rng(0), 1, videos=14)
    assert after.change_since(before).change_interval() is None


def test_what_trainings_have_in_common_is_no_part_of_a_changes_uncertainty():
    before, after = asked_in_two_ways(np.random.default_rng(0), 4, shift=0.1)
    change, difference = after.change_since(before).change_interval(), after.difference_interval(before)
    assert change[0] < after.accuracy - before.accuracy < change[1]
    assert width(change) < width(difference) / 4


def test_a_change_that_is_none_is_found_in_one_case_of_twenty():
    rng, found = np.random.default_rng(0), 0
    for _ in range(1000):
        before, after = asked_in_two_ways(rng, 4)
        low, high = after.change_since(before).change_interval()
        found += not low < 0 < high
    assert 0.025 < found / 1000 < 0.07


# p-values


@settings(max_examples=50)
@given(st.integers(0, 10**6), st.integers(1, 5), st.integers(1, 5), st.sampled_from([0.0, 0.02, 0.2]))
def test_a_p_value_is_at_most_5_percent_exactly_where_the_interval_leaves_out_zero(seed, first, second, differ):
    rng = np.random.default_rng(seed)
    inits = [(rng.random((seeds, 20)) < share).astype(float) for seeds, share in ((first, 0.5), (second, 0.5 + differ))]
    value, (low, high), p = trainings(inits[0], names(20)).difference_test(trainings(inits[1], names(20)))
    assert value == pytest.approx(inits[0].mean() - inits[1].mean())
    assert (p <= 0.05) == (not low <= 0 <= high)


@pytest.mark.parametrize("share", [0, 0.125, 0.375, 1])
def test_where_all_groups_differ_alike_p_and_interval_still_agree(share):
    first, second = (Scores.of_clips([8 * correct] * 12, [8] * 12, 8, names(12)) for correct in (share, 0))
    value, (low, high), p = first.difference_test(second)
    assert value == share
    assert p == pytest.approx(min(2 * (1 - share) ** 12, 1))
    assert (p <= 0.05) == (not low <= 0 <= high)


def test_a_contrast_of_several_accuracies_is_that_of_their_weighted_values():
    """Trainings that are paired by groups alone, of which the sum can be written down."""
    rng = np.random.default_rng(3)
    inits = rng.random((3, 1, 30))
    value, (low, high), p = contrast(
        [(w, trainings(init, names(30))) for w, init in zip((1, -2, 1), inits, strict=True)]
    )
    summed = inits[0, 0] - 2 * inits[1, 0] + inits[2, 0]
    expected = scipy.stats.ttest_1samp(summed, 0)
    assert value == pytest.approx(summed.mean())
    assert p == pytest.approx(expected.pvalue)
    assert (low, high) == pytest.approx(tuple(expected.confidence_interval()))


@settings(max_examples=30)
@given(st.integers(0, 10**6), st.integers(2, 6), st.integers(2, 6))
def test_welchs_and_students_t_are_scipys(seed, first, second):
    rng = np.random.default_rng(seed)
    one, other = rng.normal(0.5, 1, first), rng.normal(0, 3, second)
    for found, expected in (
        (welch(one, other), scipy.stats.ttest_ind(one, other, equal_var=False)),
        (mean_effect(one), scipy.stats.ttest_1samp(one, 0)),
    ):
        assert found.p == pytest.approx(expected.pvalue)
        assert found.interval == pytest.approx(tuple(expected.confidence_interval()))


def test_of_one_value_there_is_a_mean_and_no_interval():
    assert mean_effect([3.0]) == welch([4.0], [1.0, 1.0]) == (3, None, None)


def test_values_that_do_not_differ_are_certain():
    assert mean_effect([2.0, 2.0]) == (2, (2, 2), 0)
    assert welch([0.0, 0.0], [0.0, 0.0]) == (0, (0, 0), 1)


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.5, 0.9]) == [1, 1]
    assert holm([0.04]) == [0.04]


@settings(max_examples=50)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_lies_between_no_correction_and_bonferronis_in_the_same_order(p_values):
    adjusted = holm(p_values)
    order = np.argsort(p_values, kind="stable")
    assert list(np.array(adjusted)[order]) == sorted(adjusted)
    assert all(p <= found <= min(len(p_values) * p, 1) + 1e-12 for p, found in zip(p_values, adjusted, strict=True))
    assert min(adjusted) == pytest.approx(min(len(p_values) * min(p_values), 1))

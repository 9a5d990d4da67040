"""Accuracy while a video is being seen."""

import copy

import numpy as np
import pytest
from table_results import write_online_run
from written import drawn_figure

from rcn_bench.errors import InputError
from rcn_bench.intervals import Scores
from rcn_bench.plan.config import check_config, merged
from rcn_bench.plan.products import find_product
from rcn_bench.plan.run import Run
from rcn_bench.reporting.online import online_accuracy


@pytest.fixture
def experiment(tmp_path):
    """What four videos, two of them twins, came to: a line a video, a digit a tenth of it, - before it can tell."""
    config = merged(["config/mini.yaml"])
    config |= {"seeds": [0, 1], "figures": {"online_accuracy": {"rcn18": [8], "i3d18": [8]}}}
    experiment = check_config(config, "config", tmp_path)
    ones = ["1111111111"] * 4
    carried = ["0000000001", "0000011111", "0101010101", "1111111111"]
    write_online_run(experiment, "rcn18", 0, carried=carried, restarted=ones)
    carried = ["0000000001", "0000000001", "1010101011", "1111111111"]
    write_online_run(experiment, "rcn18", 1, carried=carried, restarted=ones)
    write_online_run(experiment, "i3d18", 0, windows=["--00001111", "-111111111", "---1111111", "-000000000"])
    write_online_run(experiment, "i3d18", 1, windows=["--11110000", "-111111111", "---1111111", "-000000000"])
    return experiment


def draw(experiment):
    """The figure and its numbers, without the seconds that its files take."""
    return online_accuracy(find_product(experiment, "online_accuracy", "figure"))


def test_online_accuracy_is_the_mean_over_videos_and_seeds(experiment):
    table = drawn_figure(experiment, "online_accuracy")
    rcn = table[(table["model"] == "rcn18") & (table["way"] == "carried")]
    np.testing.assert_allclose(rcn["share_of_video"], np.arange(1, 11) / 10)
    by_hand = np.array([3, 3, 3, 3, 3, 4, 4, 4, 4, 8]) / 8
    np.testing.assert_allclose(rcn["accuracy"], by_hand)
    assert rcn[["accuracy_95_low", "accuracy_95_high"]].isna().all(axis=None)  # of three groups
    assert set(rcn["runs"]) == {"rcn18-t8-xh_stills-hh_identity-s0 rcn18-t8-xh_stills-hh_identity-s1"}


def test_its_intervals_are_over_seeds_and_groups_of_videos(tmp_path):
    config = merged(["config/mini.yaml"])
    config |= {"seeds": [0, 1], "figures": {"online_accuracy": {"rcn18": [8]}}}
    experiment = check_config(config, "config", tmp_path)
    groups = [f"g{i // 2}" for i in range(40)]
    columns = {"video": [f"v{i}" for i in range(40)], "group": groups, "label": ["walk"] * 40}
    right = np.random.default_rng(0).random((2, 40)) < [[0.4], [0.7]]
    for seed, of_seed in enumerate(right):
        write_online_run(experiment, "rcn18", seed, columns=columns, carried=[str(int(one)) * 10 for one in of_seed])
    table = draw(experiment).numbers
    scores = Scores.of_trainings([Scores.of_videos(of_seed, groups) for of_seed in right])
    np.testing.assert_allclose(table["accuracy"], scores.accuracy)
    np.testing.assert_allclose(table[["accuracy_95_low", "accuracy_95_high"]].iloc[3], scores.interval(), rtol=1e-5)


@pytest.mark.parametrize(("seeds", "bars"), [(2, 10), (4, 0)])
def test_intervals_of_few_seeds_are_error_bars_and_of_more_a_band(tmp_path, seeds, bars):
    config = merged(["config/mini.yaml"])
    config |= {"seeds": list(range(seeds)), "figures": {"online_accuracy": {"rcn18": [8]}}}
    experiment = check_config(config, "config", tmp_path)
    columns = {
        "video": [f"v{i}" for i in range(40)],
        "group": [f"g{i // 2}" for i in range(40)],
        "label": ["walk"] * 40,
    }
    for seed in range(seeds):
        right = np.random.default_rng(seed).random(40) < 0.3 + 0.1 * seed
        write_online_run(experiment, "rcn18", seed, columns=columns, carried=[str(int(one)) * 10 for one in right])
    drawing = draw(experiment)
    (axis,) = drawing.figure.axes
    (drawn,) = axis.collections
    ends = drawing.numbers[["accuracy_95_low", "accuracy_95_high"]].to_numpy()
    if bars:
        np.testing.assert_allclose([bar[:, 1] for bar in drawn.get_segments()], ends)
        assert "Error bars, as of fewer than 4 seeds, side by side: 95 % intervals" in foot(drawing)
    else:
        assert "Bands: 95 % intervals" in foot(drawing)
    least, most = axis.get_ylim()
    assert least < ends.min() < ends.max() < most  # none is cut off


def test_online_accuracy_starts_where_nearly_every_video_has_had_a_full_window(experiment):
    table = draw(experiment).numbers
    i3d = table[table["model"] == "i3d18"]
    np.testing.assert_allclose(i3d["share_of_video"], np.arange(4, 11) / 10)
    np.testing.assert_allclose(i3d["accuracy"], 5 / 8)  # the first video is right with one of the two seeds


def test_online_accuracy_draws_a_curve_for_every_model_and_way(experiment):
    drawing = draw(experiment)
    (axis,) = drawing.figure.axes
    *curves, ceiling = axis.get_lines()
    assert [line.get_linestyle() for line in curves] == ["-", "--", "-"]
    numbers = drawing.numbers.groupby(["model", "way"], sort=False)
    for line, (_, rows) in zip(curves, numbers, strict=True):
        np.testing.assert_array_equal(line.get_ydata(), rows["accuracy"])
    assert list(ceiling.get_ydata()) == [0.5, 0.5]


def test_curves_are_named_beside_their_ends_from_the_lowest_to_the_highest(experiment):
    drawing = draw(experiment)
    names = drawing.figure.axes[0].texts
    assert [name.get_text() for name in names] == [
        "50%: most if blind to order",
        "i3d18, 8 frames, windows",  # at 5 / 8
        "rcn18, 8 frames, carried",
        "rcn18, 8 frames, restarted",
    ]
    heights = [name.get_position()[1] for name in names]
    assert heights == sorted(heights)
    assert "n: 4 videos, w_xh stills, 2 seeds." in foot(drawing)
    assert "Bands" not in foot(drawing)  # three groups have no interval


def test_the_ceiling_is_drawn_only_where_every_video_has_its_twin(tmp_path):
    config = merged(["config/ucf101.yaml"])  # whose videos have none
    config |= {"seeds": [0], "tables": {}, "figures": {"online_accuracy": {"rcn18": [8]}}}
    config["models"] = {"rcn18": {"w_xh": ["random"], "w_hh": ["identity"]}}
    experiment = check_config(config, "config", tmp_path)
    write_online_run(experiment, "rcn18", 0, w_xh="random", carried=["0101010101"] * 4)
    (axis,) = draw(experiment).figure.axes
    assert len(axis.get_lines()) == 1


def foot(drawing):
    return " ".join(drawing.figure.get_supxlabel().split())


# Videos that are short


@pytest.fixture
def two_lengths(tmp_path):
    """A hundred videos, of which one is short, shown to windows of 8 frames; those of 16 are too long for three more.

    A function of the digits of all others.
    """
    config = merged(["config/mini.yaml"]) | {"seeds": [0], "figures": {"online_accuracy": {"i3d18": [8, 16]}}}
    experiment = check_config(config, "config", tmp_path)

    def write(said, short="---------0"):
        names = [f"v{i}" for i in range(100)]
        for frames, missing in ((8, 0), (16, 3)):
            videos = [said[i % len(said)] for i in range(99 - missing)] + [short]
            kept = names[missing:]
            columns = {"video": kept, "group": kept, "label": kept}
            write_online_run(experiment, "i3d18", 0, frames, columns, names[:missing], windows=videos)
        return experiment

    return write


def test_a_short_video_leaves_the_curve_of_a_hundred_others(two_lengths):
    table = draw(two_lengths(["-011111111", "-000011111"])).numbers
    for frames in (8, 16):
        curve = table[table["frames"] == frames]
        np.testing.assert_allclose(curve["share_of_video"], np.arange(2, 11) / 10)
        assert curve["videos"].to_list() == [96] * 8 + [97]
        np.testing.assert_allclose(curve["accuracy"], [0, *[48 / 96] * 3, *[1] * 4, 96 / 97], rtol=1e-5)


def test_clip_lengths_are_compared_on_the_videos_that_both_were_shown(two_lengths):
    experiment = two_lengths(["1111111111"], "1111111111")
    table = draw(experiment).numbers
    assert set(table["videos"]) == {97}
    assert set(table["videos_listed"]) == {100}
    drawing = draw(experiment)
    names = {name.get_text() for name in drawing.figure.axes[0].texts}
    assert {f"i3d18, {frames} frames, windows" for frames in (8, 16)} < names
    assert "n: 97 of 100 videos, w_xh stills, 1 seed." in foot(drawing)


def test_a_curve_of_fewer_videos_at_its_start_says_so(two_lengths):
    drawing = draw(two_lengths(["-111111111"]))
    assert "n: 96 to 97 of 100 videos" in foot(drawing)


# Results that are not there, or of others


def test_online_accuracy_without_results_says_what_to_run(experiment):
    experiment.paths.online(Run("i3d18", 8, "stills", None, 1)).unlink()
    with pytest.raises(InputError, match="rcn-bench online i3d18-t8-xh_stills-s1"):
        drawn_figure(experiment, "online_accuracy")


@pytest.mark.parametrize(
    ("section", "key", "file"),
    [("clip", "stride", r"online\.json"), ("train", "lr", r"provenance\.json")],
)
def test_results_of_other_settings_are_refused(experiment, section, key, file):
    config = copy.deepcopy(experiment.config)
    config[section][key] = 1
    with pytest.raises(InputError, match=f"{file}: .*{section}.{key} was"):
        drawn_figure(check_config(config, "config", experiment.results), "online_accuracy")

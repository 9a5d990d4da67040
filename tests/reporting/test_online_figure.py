"""Accuracy while a video is being seen."""

import copy

import numpy as np
import pytest
from table_results import write_online_run
from written import written_figure

from rcn_bench.errors import InputError
from rcn_bench.intervals import accuracy_interval
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


def test_online_accuracy_is_the_mean_over_videos_and_seeds(experiment):
    table = written_figure(experiment, "online_accuracy")
    rcn = table[(table["model"] == "rcn18") & (table["way"] == "carried")]
    np.testing.assert_allclose(rcn["share_of_video"], np.arange(1, 11) / 10)
    by_hand = np.array([3, 3, 3, 3, 3, 4, 4, 4, 4, 8]) / 8
    np.testing.assert_allclose(rcn["accuracy"], by_hand)
    # At 60 %, of the twins one is right with one seed, of the others one with one and one with both.
    low, high = accuracy_interval([0.0, 0.5, 0.5, 1.0], ["a", "a", "b", "c"])
    ends = ["accuracy_95_low", "accuracy_95_high"]
    np.testing.assert_allclose(rcn.iloc[5][ends].astype(float), [low, high], rtol=1e-5)
    assert rcn.iloc[9][["accuracy", *ends]].to_list() == [1, 1, 1]
    assert set(rcn["runs"]) == {"rcn18-t8-xh_stills-hh_identity-s0 rcn18-t8-xh_stills-hh_identity-s1"}


def test_online_accuracy_starts_where_every_video_has_had_a_full_window(experiment):
    table = written_figure(experiment, "online_accuracy")
    i3d = table[table["model"] == "i3d18"]
    np.testing.assert_allclose(i3d["share_of_video"], np.arange(4, 11) / 10)
    np.testing.assert_allclose(i3d["accuracy"], 5 / 8)  # the first video is right with one of the two seeds


def test_online_accuracy_draws_a_curve_for_every_model_and_way(experiment):
    drawing = online_accuracy(find_product(experiment, "online_accuracy", "figure"))
    (axis,), (legend,) = drawing.figure.axes, drawing.figure.legends
    assert [text.get_text() for text in legend.get_texts()] == [
        "rcn18, 8 frames, stills, state carried",
        "rcn18, 8 frames, stills, state restarted",
        "i3d18, 8 frames, stills, windows",
    ]
    assert [line.get_linestyle() for line in axis.get_lines()] == ["-", "--", "-"]
    curves = drawing.numbers.groupby(["model", "way"], sort=False)
    for line, (_, rows) in zip(axis.get_lines(), curves, strict=True):
        np.testing.assert_array_equal(line.get_ydata(), rows["accuracy"])


def test_online_accuracy_without_results_says_what_to_run(experiment):
    experiment.paths.online(Run("i3d18", 8, "stills", None, 1)).unlink()
    with pytest.raises(InputError, match="rcn-bench online i3d18-t8-xh_stills-s1"):
        written_figure(experiment, "online_accuracy")


@pytest.mark.parametrize(
    ("section", "key", "file"),
    [("clip", "stride", r"online\.json"), ("train", "lr", r"provenance\.json")],
)
def test_results_of_other_settings_are_refused(experiment, section, key, file):
    config = copy.deepcopy(experiment.config)
    config[section][key] = 1
    with pytest.raises(InputError, match=f"{file}: .*{section}.{key} was"):
        written_figure(check_config(config, "config", experiment.results), "online_accuracy")

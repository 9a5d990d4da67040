"""Accuracy by the age of a state, and its change since the age of a training clip's end."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from matplotlib.text import Text
from table_results import AGES, write_lifetime_run
from written import drawn_figure

from rcn_bench.errors import InputError
from rcn_bench.intervals import Scores
from rcn_bench.plan.config import check_config, merged
from rcn_bench.plan.products import find_product
from rcn_bench.reporting.lifetime import change_with_age, lifetime
from rcn_bench.reporting.style import house_style

LIFETIME = {"videos": 40, "frames": 128}
GROUPS = [f"g{i // 2}" for i in range(40)]
FORTY = {"video": [f"v{i}" for i in range(40)], "group": GROUPS, "label": ["walk"] * 40}


@pytest.fixture
def experiment(tmp_path):
    config = merged(["config/mini.yaml"])
    config |= {"seeds": [0, 1], "figures": {"lifetime": {"rcn18": [8], "i3d18": [8]}}, "lifetime": LIFETIME}
    return check_config(config, "config", tmp_path)


@pytest.fixture
def right(experiment):
    """Which of 40 videos two trainings have right at each age, (2, 40, ages), fewer after 8 frames."""
    chances = np.array([0.3, 0.5, 0.7, 0.8, 0.8, 0.6, 0.5, 0.5])
    drawn = np.random.default_rng(0).random((2, 40, len(AGES))) < chances
    ones = ["1" * len(AGES)] * 40
    for seed, of_seed in enumerate(drawn):
        last = ["".join(str(int(one)) for one in video) for video in of_seed]
        write_lifetime_run(experiment, "rcn18", seed, columns=FORTY, last=last, all=ones, restarted=ones)
        write_lifetime_run(experiment, "i3d18", seed, columns=FORTY, windows=["---" + "1" * 5] * 40)
    return drawn


def scores(right, age):
    return Scores.of_trainings([Scores.of_videos(of_one[:, AGES.index(age)], GROUPS) for of_one in right])


def test_the_figure_has_the_mean_over_videos_and_seeds_with_its_interval(experiment, right):
    table = drawn_figure(experiment, "lifetime")
    last = table[(table["model"] == "rcn18") & (table["way"] == "last")]
    assert last["age"].to_list() == AGES
    np.testing.assert_allclose(last["accuracy"], right.mean((0, 1)), rtol=1e-5)
    for row in last.itertuples():
        now, trained = scores(right, row.age), scores(right, 8)
        assert (row.accuracy_95_low, row.accuracy_95_high) == pytest.approx(now.interval(), rel=1e-5)
        assert row.change == pytest.approx(now.accuracy - trained.accuracy, abs=1e-6)
        if row.age != 8:
            ends = (row.change_95_low, row.change_95_high)
            assert ends == pytest.approx(now.change_since(trained).change_interval(), rel=1e-4)
    windows = table[table["way"] == "windows"]
    assert windows["age"].to_list() == AGES[3:]
    assert set(windows["accuracy"]) == {1.0}


def test_the_figure_has_a_curve_a_way_marks_the_trained_age_and_draws_the_ceiling(experiment, right):
    drawing = lifetime(find_product(experiment, "lifetime", "figure"))
    (axis,) = drawing.figure.axes
    assert {text.get_text() for text in axis.texts} == {
        "50%: most if blind to order",
        *(f"rcn18, {way}" for way in ("last clip", "all frames", "restarted")),
        "i3d18, windows",
    }
    assert axis.get_title() == "trained on clips of 8 frames"
    assert "n: 40 videos, w_xh stills, 2 seeds." in " ".join(drawing.figure.get_supxlabel().split())
    lines = {(*line.get_xdata(), *line.get_ydata()) for line in axis.get_lines() if len(line.get_xdata()) == 2}
    assert lines == {(8, 8, 0, 1), (0, 1, 0.5, 0.5)}
    assert axis.get_xscale() == "log"


def test_a_clip_length_has_a_panel_of_its_own_and_a_model_one_colour(experiment, right):
    figures = {"figures": {"lifetime": {"rcn18": [16, 8], "i3d18": [8]}}}
    both = check_config(experiment.config | figures, "config", experiment.results)
    for seed in both.seeds:
        ways = dict.fromkeys(("last", "all", "restarted"), ["1" * len(AGES)] * 40)
        write_lifetime_run(both, "rcn18", seed, frames=16, columns=FORTY, **ways)
    drawing = lifetime(find_product(both, "lifetime", "figure"))
    eight, sixteen = drawing.figure.axes
    assert [axis.get_title() for axis in (eight, sixteen)] == [f"trained on clips of {n} frames" for n in (8, 16)]
    names = [
        {text.get_text().split(",")[0] for text in axis.texts} - {"50%: most if blind to order"}
        for axis in (eight, sixteen)
    ]
    assert names == [{"rcn18", "i3d18"}, {"rcn18"}]
    colours = [
        {line.get_color() for line in axis.get_lines() if line.get_marker() != "None"} for axis in (eight, sixteen)
    ]
    assert colours[1] < colours[0]
    assert len(colours[0]) == 2
    assert sorted(set(drawing.numbers["frames"])) == [8, 16]


def test_a_panel_of_many_models_is_as_high_as_its_labels(experiment):
    starts = {"w_xh": ["stills"], "w_hh": ["identity"]}
    names = [f"rcn{depth}{option}" for depth in (18, 34, 50) for option in ("", "+sum", "+carried", "+frozen_bn")]
    models = {"models": dict.fromkeys(names, starts), "seeds": [0], "tables": {}}
    models["figures"] = {"lifetime": {name: [8] for name in names} | {"rcn18": [8, 16]}}
    many = check_config(experiment.config | models, "config", experiment.results)
    rng = np.random.default_rng(0)
    for name, frames in [*((name, 8) for name in names), ("rcn18", 16)]:
        right = rng.integers(2, size=(3, 40, len(AGES)))
        ways = [["".join(map(str, video)) for video in way] for way in right]
        ways = dict(zip(("last", "all", "restarted"), ways, strict=True))
        write_lifetime_run(many, name, 0, frames=frames, columns=FORTY, **ways)
    with house_style():
        figure = lifetime(find_product(many, "lifetime", "figure")).figure
        figure.draw_without_rendering()
        labels = [sorted(map(Text.get_window_extent, axis.texts), key=lambda box: box.y0) for axis in figure.axes]
    assert [len(of_panel) for of_panel in labels] == [3 * len(names) + 1, 4]
    below_each_other = [*labels[1], *labels[0]]
    assert all(lower.y1 <= upper.y0 for lower, upper in pairwise(below_each_other))
    assert below_each_other[-1].y1 <= figure.bbox.y1


def test_change_with_age_is_that_of_the_rows(right):
    rows = [
        pd.DataFrame(FORTY | {str(age): of_one[:, place].astype(float) for place, age in enumerate(AGES)})
        for of_one in right
    ]
    change = change_with_age(rows, 8, 16)
    assert change.accuracy == pytest.approx(right[:, :, -1].mean() - right[:, :, 3].mean())
    low, high = change.change_interval()
    assert low < change.accuracy < high
    assert change.difference_interval(change_with_age(rows, 8, 8)) != (low, high)
    assert change_with_age(rows, 8, 32) is None


def test_results_of_other_videos_or_settings_are_refused(experiment, right):
    others = FORTY | {"group": [f"g{i}" for i in range(40)]}
    write_lifetime_run(experiment, "i3d18", 1, columns=others, windows=["---" + "1" * 5] * 40)
    with pytest.raises(InputError, match=r"not of the videos of the other runs; run `rcn-bench lifetime .*` again"):
        drawn_figure(experiment, "lifetime")
    longer = check_config(experiment.config | {"lifetime": LIFETIME | {"frames": 200}}, "config", experiment.results)
    with pytest.raises(InputError, match=r"lifetime.json: .*lifetime.frames was 128, is 200"):
        drawn_figure(longer, "lifetime")


def test_a_figure_of_clips_longer_than_the_videos_or_without_any_is_refused(experiment):
    for lifetime_section, what in ((None, "lifetime: missing; "), ({"videos": 8, "frames": 7}, "lifetime.frames: 7 ")):
        with pytest.raises(InputError, match=f"config: {what}"):
            check_config(experiment.config | {"lifetime": lifetime_section}, "config")

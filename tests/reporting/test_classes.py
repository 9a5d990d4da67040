"""Accuracy by class, and which class is taken for which."""

import numpy as np
import pandas as pd
import pytest
from table_results import model_costs, write_profile
from written import drawn_figure, shown, written_table

from rcn_bench.intervals import Scores
from rcn_bench.plan.config import check_config, merged
from rcn_bench.plan.products import products_of
from rcn_bench.predictions import Videos
from rcn_bench.reporting.classes import MOST_IN_A_MATRIX, MOST_PAIRS, Grid, confusion, twin_classes
from rcn_bench.reporting.style import PAGE, PAGE_HEIGHT, house_style
from results import write_own_scores

PAIRS, CLIPS = 60, 2


def twins(classes):
    """Videos in pairs, one of each two classes that stand next to each other."""
    rng = np.random.default_rng(0)
    first = 2 * rng.integers(0, len(classes) // 2, PAIRS)
    labels = [classes[one + twin] for one in first for twin in (0, 1)]
    names = [f"v{i}" for i in range(2 * PAIRS)]
    return Videos(names, [f"g{i // 2}" for i in range(2 * PAIRS)], labels, [CLIPS] * 2 * PAIRS, CLIPS)


def write(tmp_path, classes, models=("rcn18", "c2d18"), **sections):
    """An experiment of two seeds with random scores, in which the true class and its twin have a lead."""
    of_models = {"models": list(models), "frames": 8}
    config = merged(["config/mini.yaml"]) | {"seeds": [0, 1], "tables": {"per_class": of_models}}
    config |= {"figures": {"confusion": of_models}} | sections
    experiment, rng, videos = check_config(config, "config", tmp_path), np.random.default_rng(1), twins(classes)
    for run in {run for product in products_of(experiment).values() for run in product.runs()}:
        true = np.repeat([classes.index(label) for label in videos.labels], CLIPS)
        scores = rng.normal(size=(len(true), len(classes)))
        scores[np.arange(len(true)), true] += 2
        scores[np.arange(len(true)), true ^ 1] += 1.5
        write_own_scores(experiment, run, scores.astype(np.float16), classes, videos)
    return experiment


CLASSES = ["jump $up_", "jump down", "01", "null"]


def predicted(experiment, model):
    """The rows of predictions of all seeds of a model."""
    runs = products_of(experiment)["confusion"].rows()[model]
    return [pd.read_csv(experiment.paths.predictions(run), dtype=str, keep_default_na=False) for run in runs]


def test_accuracy_by_class_is_that_of_its_videos_over_seeds(tmp_path):
    experiment = write(tmp_path, CLASSES)
    rows, markdown, latex = written_table(experiment, "per_class")
    assert len(rows) == len(CLASSES) * 2
    for row in rows:
        of_class = [table[table["label"] == row["class"]] for table in predicted(experiment, row["model"])]
        right = [table["predicted"] == row["class"] for table in of_class]
        scores = Scores.of_trainings([Scores.of_videos(one, list(of_class[0]["group"])) for one in right])
        assert float(row["video acc %"]) == pytest.approx(100 * scores.accuracy)
        low, high = (float(row[f"video acc 95 % interval {end}"]) for end in ("low", "high"))
        assert (low, high) == pytest.approx(tuple(100 * end for end in scores.interval()))
        assert int(row["videos"]) == len(of_class[0])
        wrong = pd.concat(of_class)["predicted"].value_counts().drop(row["class"], errors="ignore")
        name, share = row["mostly taken for"].rsplit(" (", 1)
        assert wrong[name] == wrong.max()
        assert share == f"{wrong.max() / (2 * len(of_class[0])):.0%})"
        assert row["seeds"] == "0 1"
    means = pd.DataFrame(rows).astype({"video acc %": float}).groupby("class", sort=False)["video acc %"].mean()
    assert list(means) == sorted(means)
    assert "10 clips x 1 crop of a video" in markdown
    assert "jump \\$up\\_" in latex
    assert {row["class"] for row in shown(markdown)} == set(CLASSES)


def test_confusions_are_counted_and_twins_told_from_others(tmp_path):
    experiment = write(tmp_path, CLASSES)
    numbers = drawn_figure(experiment, "confusion", keep_default_na=False, dtype={"label": str, "predicted": str})
    assert set(numbers["kind"]) == {"right", "twin", "other"}
    for model, table in numbers.groupby("model"):
        counts = pd.concat(predicted(experiment, model)).groupby(["label", "predicted"]).size()
        assert table.set_index(["label", "predicted"])["count"].to_dict() == counts.to_dict()
        assert table.groupby("label")["share_of_class"].sum().to_list() == pytest.approx([1] * len(CLASSES), abs=1e-5)
        assert set(table["trainings"]) == {2}
    for label, best, kind in zip(numbers["label"], numbers["predicted"], numbers["kind"], strict=True):
        true, other = CLASSES.index(label), CLASSES.index(best)
        assert kind == ("right" if true == other else "twin" if true ^ 1 == other else "other")


def drawn(experiment):
    figure = confusion(products_of(experiment)["confusion"]).figure
    return [axis for axis in figure.axes if axis.axison], [text.get_text() for text in figure.legends[0].get_texts()]


def test_twins_stand_side_by_side_in_a_matrix(tmp_path):
    axes, legend = drawn(write(tmp_path, ["a", "z", "b", "y"]))
    assert len(axes) == 2
    names = [[tick.get_text() for tick in axis.get_yticklabels()] for axis in axes]
    assert names == [["a", "z", "b", "y"], []]  # once a row
    for axis in axes:
        assert [tick.get_text() for tick in axis.get_xticklabels()] == ["a", "z", "b", "y"]
        assert "% right, " in axis.get_title()
        percent = np.zeros((4, 4))
        for text in axis.texts:
            percent[int(text.get_position()[1]), int(text.get_position()[0])] = float(text.get_text())
        assert percent.sum(1) == pytest.approx([100] * 4, abs=2)  # each is rounded
    assert legend == [
        "right",
        "taken for its twin, the class of the other video in its group",
        "taken for another class",
    ]


def test_of_many_classes_the_most_frequent_confusions_are_shown(tmp_path):
    classes = [f"class {i:03d} with quite a long name, too long" for i in range(2 * MOST_IN_A_MATRIX)]
    experiment = write(tmp_path, classes, ["rcn18"])
    axes, legend = drawn(experiment)
    (axis,) = axes
    assert len(axis.patches) == MOST_PAIRS
    widths = [bar.get_width() for bar in axis.patches]
    assert widths == sorted(widths, reverse=True)
    wrong = pd.concat(predicted(experiment, "rcn18")).query("label != predicted")
    assert widths[0] == wrong.groupby(["label", "predicted"]).size().max() / 2  # a training
    assert legend[0].startswith("taken for its twin")
    assert max(len(tick.get_text()) for tick in axis.get_yticklabels()) <= 2 * 36 + 3


MODELS = ["rcn18", "c2d18", "i3d18", "r2plus1d18"]


def placed(tmp_path, classes):
    """The figure of four models as it is written, its parts in their places."""
    with house_style():
        figure = confusion(products_of(write(tmp_path, classes, MODELS))["confusion"]).figure
        figure.draw_without_rendering()
    assert figure.get_figwidth() <= PAGE
    assert figure.get_figheight() <= PAGE_HEIGHT
    return figure


@pytest.mark.slow
def test_four_matrices_of_twenty_classes_can_be_read_on_a_page(tmp_path):
    figure = placed(tmp_path, [f"move {i // 2} {'up' if i % 2 else 'down'}" for i in range(20)])
    boxes = [axis.get_window_extent() for axis in figure.axes]
    assert len({round(box.x0) for box in boxes}) == len({round(box.y0) for box in boxes}) == 2
    named = [(len(axis.get_yticklabels()), len(axis.get_xticklabels())) for axis in figure.axes]
    assert named == [(20, 0), (0, 0), (20, 20), (0, 20)]  # once a row, once a column
    for axis, box in zip(figure.axes, boxes, strict=True):
        assert axis.texts
        for number in axis.texts:
            assert number.get_fontsize() >= 5
            assert number.get_window_extent().width <= box.width / 20
        for name in axis.get_yticklabels():
            assert name.get_fontsize() * figure.dpi / 72 <= box.height / 20


@pytest.mark.slow
def test_the_names_of_confusions_are_not_cut_off_and_four_models_stay_on_a_page(tmp_path):
    figure = placed(tmp_path, [f"throw_ball{i // 2} {'up' if i % 2 else 'down'}" for i in range(40)])
    assert len(figure.axes) == 4
    names = [name.get_window_extent().x0 for axis in figure.axes for name in axis.get_yticklabels()]
    assert len(names) > 4 * 5
    assert min(names) >= 0


@pytest.mark.parametrize("length", [1, 12, 36])
@pytest.mark.parametrize("classes", [2, 8, 20, MOST_IN_A_MATRIX])
def test_matrices_stand_on_a_page_in_two_columns_unless_names_leave_no_room(length, classes):
    for matrices in (1, 2, 3, 4):
        grid = Grid.of(matrices, ["n" * length] * classes)
        assert grid.columns == (1 if matrices == 1 or (length, classes) == (36, MOST_IN_A_MATRIX) else 2)
        assert grid.cell >= 7 / 72  # as high as a name is
        assert grid.width <= PAGE
        assert grid.height <= PAGE_HEIGHT or (matrices > 2 and length == 36)


@pytest.mark.parametrize(
    ("groups", "labels", "found"),
    [
        ("ggjj", "abab", {"a": "b", "b": "a"}),
        ("ggjjkll", "ababaab", {"a": "b", "b": "a"}),  # a twin may be missing
        ("ggjjkk", "aabbcc", {}),
        ("abcd", "abcd", {}),  # each by itself
        ("ggghhh", "abcabc", {}),  # three together
        ("ggjkl", "abaaa", {}),  # together by chance: b always with a, a mostly alone
        ("ggjj", "abac", {}),
    ],
)
def test_a_twin_is_the_only_other_class_of_most_groups(groups, labels, found):
    videos = pd.DataFrame({"group": list(groups), "label": list(labels)})
    assert twin_classes(videos) == found


def test_table2_has_top5_of_ten_classes_or_more(tmp_path):
    for count in (8, 10):
        classes = [f"class {i}" for i in range(count)]
        tables = {"table2": {"models": ["rcn18"], "frames": 8}}
        experiment = write(tmp_path / str(count), classes, tables=tables)
        write_profile(experiment, "rcn18", [model_costs("rcn18", 8, True)])
        rows, markdown, _ = written_table(experiment, "table2_architectures")
        assert ("Top-5: " in markdown) == ("video top-5 acc %" in rows[0]) == (count == 10)
    for row in rows:
        right, videos = [], twins(classes)
        for name in row["runs"].split():
            table = pd.read_csv(tmp_path / "10" / "mini" / "runs" / name / "predictions.csv")
            right.append(table["rank"] <= 5)
        scores = Scores.of_trainings([Scores.of_videos(one, videos.groups) for one in right])
        assert float(row["video top-5 acc %"]) == pytest.approx(100 * scores.accuracy)
        low, high = (float(row[f"video top-5 acc 95 % interval {end}"]) for end in ("low", "high"))
        assert (low, high) == pytest.approx(tuple(100 * end for end in scores.interval()))
        assert low < 100 * scores.accuracy < high

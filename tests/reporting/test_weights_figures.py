"""Figures 1 to 3, and the table of how far training moves w_hh."""

import copy
import re
import shutil

import numpy as np
import pytest
from written import drawn_figure

from rcn_bench.errors import InputError
from rcn_bench.plan.config import check_config, merged, update
from rcn_bench.plan.products import find_product, products_of
from rcn_bench.plan.run import Run
from rcn_bench.records.products import FigureRecord
from rcn_bench.reporting.weights import change_table, figure1, figure2, figure3
from rcn_bench.reporting.write import write_product
from results import own_origin, write_own_hidden_state, write_training

OF_FIGURE3 = "rcn18-t8-xh_stills-hh_identity-s0"
LAYERS = {"rcn18": 4, "rcn34": 12}
RANDOM_ONLY = {
    "pretrained": None,
    "pretrain": None,
    "tables": {"table2": {"models": ["rcn18"]}, "table4": {"models": ["rcn18"]}},
    "models": {
        "rcn18": {"w_xh": ["random"]},
        "rcn34": {"w_xh": ["random"]},
        "c2d18": None,
        "i3d18": None,
        "r2plus1d18": None,
    },
    "figures": {"online_accuracy": None},
}


def with_matrices(results, changes=None):
    """An experiment like mini; of its figures' runs small random w_hh, and what they started from."""
    config = merged(["config/mini.yaml"])
    update(config, copy.deepcopy(changes or {}))
    experiment = check_config(config, "config", results)
    shown = [product for name, product in products_of(experiment).items() if name in ("figure1", "figure2", "figure3")]
    for run in sorted({run for figure in shown for run in figure.runs()}):
        write_own_hidden_state(experiment, run, *matrices(run))
    return experiment


def matrices(run):
    """Those of a run at the start and after training; every run has others."""
    rng = np.random.default_rng([len(run.w_xh), len(run.w_hh), run.frames, run.seed])
    shapes = [(8 + place, 8 + place) for place in range(LAYERS[run.model])]
    return [[rng.normal(size=shape).astype(np.float32) for shape in shapes] for _ in range(2)]


@pytest.fixture(scope="module")
def experiment(tmp_path_factory):
    return with_matrices(tmp_path_factory.mktemp("results"))


def test_figure1_numbers_are_those_of_the_four_inits_before_and_after_training(experiment):
    table = figure1(find_product(experiment, "figure1", "figure")).numbers
    assert list(table["panel"].unique()) == ["a", "b", "c", "d"]
    columns = ["mean", "std", "diagonal_mean", "diagonal_std"]
    changes = ["diagonal_mean_change", "off_diagonal_mean_change", "relative_change"]
    values = [*columns, *(f"start_{name}" for name in columns), *changes]
    assert list(table) == ["layer", "channels", *values, "panel", "run"]
    for _, panel in table.groupby("panel"):
        (name,) = panel["run"].unique()
        start, trained = matrices(Run.parse(name))
        for prefix, shown in (("", trained), ("start_", start)):
            expected = [[w.mean(), w.std(), np.diagonal(w).mean(), np.diagonal(w).std()] for w in shown]
            found = panel[[prefix + name for name in columns]].to_numpy()
            np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)
        expected = [change(*of_layer) for of_layer in zip(start, trained, strict=True)]
        np.testing.assert_allclose(panel[changes].to_numpy(), expected, rtol=1e-4, atol=1e-6)


def change(start, trained):
    """Of the mean of the diagonal, of the mean off it, and of the whole, by its norm."""
    added = trained.astype(float) - start
    off_diagonal = added[~np.eye(len(added), dtype=bool)]
    return [np.diagonal(added).mean(), off_diagonal.mean(), np.linalg.norm(added) / np.linalg.norm(start)]


def test_figure1_of_several_seeds_draws_their_means_and_keeps_each_in_its_numbers(tmp_path):
    experiment = with_matrices(tmp_path, {"seeds": [0, 1, 2]})
    drawing = figure1(products_of(experiment)["figure1"])
    panel = drawing.numbers[drawing.numbers["panel"] == "a"]
    assert panel["run"].nunique() == 3
    value, diagonal, off_diagonal, norm = drawing.figure.axes[:4]
    (line,) = (line for line in value.lines if line.get_label() == "std of w_hh")
    np.testing.assert_allclose(line.get_ydata(), panel.groupby("layer")["std"].mean())
    drawn = {"diagonal_mean_change": diagonal, "off_diagonal_mean_change": off_diagonal, "relative_change": norm}
    for column, axis in drawn.items():
        by_layer = (100 if axis is norm else 1) * panel.groupby("layer")[column].agg(["mean", "min", "max"])
        np.testing.assert_allclose(axis.lines[-1].get_ydata(), by_layer["mean"])
        (band,) = axis.collections
        corners = band.get_paths()[0].vertices
        assert {*by_layer["min"], *by_layer["max"]} <= set(corners[:, 1])
    assert "Means over 3 seeds" in foot(drawing)


def test_figure1_says_how_far_training_moved_w_hh(experiment):
    drawing = figure1(find_product(experiment, "figure1", "figure"))
    told = re.findall(r"\((.)\) ([0-9.e+]+) to ([0-9.e+]+) %", foot(drawing))
    assert [letter for letter, *_ in told] == list("abcd")
    for letter, *ends in told:
        percent = 100 * drawing.numbers.loc[drawing.numbers["panel"] == letter, "relative_change"]
        assert list(map(float, ends)) == pytest.approx([percent.min(), percent.max()], rel=0.05)


def test_layers_of_one_width_are_told_apart_with_their_channels(experiment):
    value, change = figure1(find_product(experiment, "figure1", "figure")).figure.axes[:2]
    assert [text.get_text() for text in value.texts] == ["8", "9", "10", "11"]
    assert (len(value.patches), len(change.patches)) == (2, 2)  # of four widths


def foot(drawing):
    return " ".join(drawing.figure.get_supxlabel().split())


def test_figure2_draws_both_readings_of_its_caption(experiment):
    table = figure2(find_product(experiment, "figure2", "figure")).numbers
    runs = table.groupby("panel")["run"].first()
    assert runs["a"] == "rcn18-t16-xh_random-hh_identity-s0"
    assert runs["b"] == "rcn34-t16-xh_random-hh_identity-s0"
    assert runs["b'"] == "rcn34-t16-xh_stills-hh_identity-s0"
    assert table.groupby("panel")["layer"].max()["b"] == LAYERS["rcn34"]


def test_figure2_of_one_model_shows_both_of_its_starts(tmp_path):
    experiment = with_matrices(tmp_path, {"figures": {"figure2": {"models": ["rcn18"]}}})
    table = figure2(find_product(experiment, "figure2", "figure")).numbers
    assert table.groupby("panel")["run"].first().to_dict() == {
        "a": "rcn18-t16-xh_random-hh_identity-s0",
        "a'": "rcn18-t16-xh_stills-hh_identity-s0",
    }


def test_figure3_numbers_are_the_matrices(experiment):
    table = figure3(find_product(experiment, "figure3", "figure")).numbers
    _, trained = matrices(Run.parse("rcn18-t8-xh_stills-hh_identity-s0"))
    shown = table[table["layer"] == 3].pivot(index="row", columns="column", values="value").to_numpy()
    np.testing.assert_allclose(shown, trained[2].astype(np.float16), rtol=1e-5)


def test_figure3_has_w_hh_and_what_is_left_less_the_identity_each_on_a_scale_about_zero(experiment):
    drawing = figure3(find_product(experiment, "figure3", "figure"))
    _, trained = matrices(Run.parse(OF_FIGURE3))
    images = [image for axis in drawing.figure.axes for image in axis.images]
    assert len(images) == 2 * len(trained)
    halves = images[: len(trained)], images[len(trained) :]
    for half, taken in zip(halves, (0, 1), strict=True):
        for image, w_hh in zip(half, trained, strict=True):
            np.testing.assert_allclose(image.get_array(), w_hh - taken * np.eye(len(w_hh)), atol=2e-3)
            low, high = image.get_clim()
            assert low == -high
    bars = [axis for axis in drawing.figure.axes if not axis.images]
    assert len(bars) == len(images)  # all these layers differ in width, so that each is a row


def test_a_row_of_layers_shares_a_scale_and_of_512_channels_every_part_of_the_diagonal_is_seen(tmp_path):
    experiment = with_matrices(tmp_path)
    wide = [np.eye(512, dtype=np.float32) + np.float32(0.01) for _ in range(2)]
    write_own_hidden_state(experiment, Run.parse(OF_FIGURE3), wide, wide)
    images = [
        image for axis in figure3(find_product(experiment, "figure3", "figure")).figure.axes for image in axis.images
    ]
    assert len({image.get_clim() for image in images}) == 2  # one of w_hh, one of what is left
    for image in images[:2]:
        shown = image.get_array()
        assert len(shown) == 64
        assert np.diagonal(shown).min() > 1
        assert shown[~np.eye(64, dtype=bool)].max() < 0.02


@pytest.mark.slow
def test_without_pretrained_weights_the_figures_have_only_random_starts(tmp_path):
    experiment = with_matrices(tmp_path, RANDOM_ONLY)
    runs = drawn_figure(experiment, "figure1").groupby("panel")["run"].first()
    assert runs.to_dict() == {"a": "rcn18-t8-xh_random-hh_random-s0", "b": "rcn18-t8-xh_random-hh_identity-s0"}
    assert list(drawn_figure(experiment, "figure2")["panel"].unique()) == ["a", "b"]
    write_product(experiment, "figure", "figure3")
    record = FigureRecord.read(experiment.paths.figure("figure3").with_suffix(".json"))
    assert record.runs == ["rcn18-t8-xh_random-hh_identity-s0"]


def test_a_figure_has_no_empty_panels(tmp_path):
    experiment = with_matrices(tmp_path, {"figures": {"figure2": {"models": ["rcn18"]}}})
    drawing = figure2(find_product(experiment, "figure2", "figure"))
    assert len(drawing.figure.axes) == 8  # four of each start
    assert all(axis.lines for axis in drawing.figure.axes)
    titles = [axis.get_title() for axis in drawing.figure.axes if axis.get_title()]
    assert titles == [
        f"({panel}) rcn18, 16 frames,\nw_xh {w_xh}, w_hh identity"
        for panel, w_xh in (("a", "random"), ("a'", "stills"))
    ]


@pytest.fixture
def copied(experiment, tmp_path):
    """The experiment with results that a test may change, and the run of Figure 3."""
    shutil.copytree(experiment.results, tmp_path / "results")
    return check_config(experiment.config, "config", tmp_path / "results"), Run.parse(OF_FIGURE3)


def test_a_missing_record_says_what_to_do(copied):
    experiment, run = copied
    experiment.paths.hidden_state(run).unlink()
    with pytest.raises(InputError, match=rf"w_hh\.json: not there; run `rcn-bench w-hh {OF_FIGURE3}` first"):
        drawn_figure(experiment, "figure3")


def test_a_record_of_weights_that_were_trained_anew_is_refused(copied):
    experiment, run = copied
    write_training(experiment, run, weights_sha256="others")
    with pytest.raises(InputError, match=r"of other weights than were evaluated; run `rcn-bench w-hh "):
        drawn_figure(experiment, "figure3")


def test_weights_trained_with_other_settings_are_refused(experiment):
    changed = copy.deepcopy(experiment.config)
    changed["train"]["lr"] = 0.5
    with pytest.raises(InputError, match=r"provenance\.json: .*train\.lr was 0\.02, is 0\.5"):
        drawn_figure(check_config(changed, "config", experiment.results), "figure3")


def test_the_figures_record_names_its_runs_and_what_it_read(tmp_path):
    experiment = with_matrices(tmp_path, {"figures": {"figure2": {"models": ["rcn18"]}}})
    write_product(experiment, "figure", "figure2")
    record = FigureRecord.read(experiment.paths.figure("figure2").with_suffix(".json"))
    assert record.runs == [run.name for run in find_product(experiment, "figure2", "figure").runs()]
    files = ("w_hh.json", "provenance.json")
    assert set(record.origin.inputs) == {f"mini/runs/{name}/{file}" for name in record.runs for file in files}
    assert record.origin.settings == own_origin(experiment, "figure", "figure2").settings


def test_the_table_of_w_hh_has_the_change_by_layer_its_mean_and_range_over_seeds(tmp_path):
    experiment = with_matrices(tmp_path, {"seeds": [3, 4], "tables": {"w_hh": {"model": "rcn18", "frames": 8}}})
    product = find_product(experiment, "w_hh", "table")
    for run in product.runs():
        write_own_hidden_state(experiment, run, *matrices(run))
    rows = change_table(product).rows
    assert list(rows["layer"]) == [1, 2, 3, 4]
    assert list(rows["channels"]) == [8, 9, 10, 11]
    for (w_xh, w_hh), runs in product.rows().items():
        changes = []
        for run in runs:
            start, trained = (matrices(run)[which][2].astype(float) for which in (0, 1))
            changes.append(100 * np.linalg.norm(trained - start) / np.linalg.norm(start))
        name = f"w_xh {w_xh}, w_hh {w_hh}: change"
        shown = rows.loc[2, [f"{name} %", f"{name}, of seeds low", f"{name}, of seeds high"]]
        assert list(shown) == pytest.approx([sum(changes) / 2, min(changes), max(changes)], rel=1e-9)

"""Figures 1 to 3, and the table of how far training moves w_hh."""

import copy
import shutil

import numpy as np
import pytest
from written import written_figure

from rcn_bench.errors import InputError
from rcn_bench.plan.config import check_config, merged, update
from rcn_bench.plan.products import find_product, products_of
from rcn_bench.plan.run import Run
from rcn_bench.records.products import FigureRecord
from rcn_bench.reporting.weights import change_table, figure1, figure2
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
    table = written_figure(experiment, "figure1")
    assert list(table["panel"].unique()) == ["a", "b", "c", "d"]
    columns = ["mean", "std", "diagonal_mean", "diagonal_std"]
    assert list(table) == ["layer", "channels", *columns, *(f"start_{name}" for name in columns), "panel", "run"]
    for _, panel in table.groupby("panel"):
        (name,) = panel["run"].unique()
        start, trained = matrices(Run.parse(name))
        for prefix, shown in (("", trained), ("start_", start)):
            expected = [[w.mean(), w.std(), np.diagonal(w).mean(), np.diagonal(w).std()] for w in shown]
            found = panel[[prefix + name for name in columns]].to_numpy()
            np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


def test_figure1_of_several_seeds_draws_their_means_and_keeps_each_in_its_numbers(tmp_path):
    experiment = with_matrices(tmp_path, {"seeds": [0, 1, 2]})
    drawing = figure1(products_of(experiment)["figure1"])
    panel = drawing.numbers[drawing.numbers["panel"] == "a"]
    assert panel["run"].nunique() == 3
    axis = drawing.figure.axes[0]
    assert axis.get_title().endswith(", 3 seeds")
    (line,) = (line for line in axis.lines if line.get_label() == "std of w_hh")
    np.testing.assert_allclose(line.get_ydata(), panel.groupby("layer")["std"].mean())


def test_figure2_draws_both_readings_of_its_caption(experiment):
    table = written_figure(experiment, "figure2")
    runs = table.groupby("panel")["run"].first()
    assert runs["a"] == "rcn18-t16-xh_random-hh_identity-s0"
    assert runs["b"] == "rcn34-t16-xh_random-hh_identity-s0"
    assert runs["b'"] == "rcn34-t16-xh_stills-hh_identity-s0"
    assert table.groupby("panel")["layer"].max()["b"] == LAYERS["rcn34"]


def test_figure2_of_one_model_shows_both_of_its_starts(tmp_path):
    experiment = with_matrices(tmp_path, {"figures": {"figure2": {"models": ["rcn18"]}}})
    table = written_figure(experiment, "figure2")
    assert table.groupby("panel")["run"].first().to_dict() == {
        "a": "rcn18-t16-xh_random-hh_identity-s0",
        "a'": "rcn18-t16-xh_stills-hh_identity-s0",
    }


def test_figure3_numbers_are_the_matrices(experiment):
    table = written_figure(experiment, "figure3")
    _, trained = matrices(Run.parse("rcn18-t8-xh_stills-hh_identity-s0"))
    shown = table[table["layer"] == 3].pivot(index="row", columns="column", values="value").to_numpy()
    np.testing.assert_allclose(shown, trained[2].astype(np.float16), rtol=1e-5)


@pytest.mark.slow
def test_without_pretrained_weights_the_figures_have_only_random_starts(tmp_path):
    experiment = with_matrices(tmp_path, RANDOM_ONLY)
    runs = written_figure(experiment, "figure1").groupby("panel")["run"].first()
    assert runs.to_dict() == {"a": "rcn18-t8-xh_random-hh_random-s0", "b": "rcn18-t8-xh_random-hh_identity-s0"}
    assert list(written_figure(experiment, "figure2")["panel"].unique()) == ["a", "b"]
    written_figure(experiment, "figure3")
    record = FigureRecord.read(experiment.paths.figure("figure3").with_suffix(".json"))
    assert record.runs == ["rcn18-t8-xh_random-hh_identity-s0"]


def test_a_figure_has_no_empty_panels(tmp_path):
    experiment = with_matrices(tmp_path, {"figures": {"figure2": {"models": ["rcn18"]}}})
    drawing = figure2(find_product(experiment, "figure2", "figure"))
    assert [axis.get_title()[:4] for axis in drawing.figure.axes] == ["(a) ", "(a')"]


@pytest.fixture
def copied(experiment, tmp_path):
    """The experiment with results that a test may change, and the run of Figure 3."""
    shutil.copytree(experiment.results, tmp_path / "results")
    return check_config(experiment.config, "config", tmp_path / "results"), Run.parse(OF_FIGURE3)


def test_a_missing_record_says_what_to_do(copied):
    experiment, run = copied
    experiment.paths.hidden_state(run).unlink()
    with pytest.raises(InputError, match=rf"w_hh\.json: not there; run `rcn-bench w-hh {OF_FIGURE3}` first"):
        written_figure(experiment, "figure3")


def test_a_record_of_weights_that_were_trained_anew_is_refused(copied):
    experiment, run = copied
    write_training(experiment, run, weights_sha256="others")
    with pytest.raises(InputError, match=r"of other weights than were evaluated; run `rcn-bench w-hh "):
        written_figure(experiment, "figure3")


def test_weights_trained_with_other_settings_are_refused(experiment):
    changed = copy.deepcopy(experiment.config)
    changed["train"]["lr"] = 0.5
    with pytest.raises(InputError, match=r"provenance\.json: .*train\.lr was 0\.02, is 0\.5"):
        written_figure(check_config(changed, "config", experiment.results), "figure3")


def test_the_figures_record_names_its_runs_and_what_it_read(experiment):
    written_figure(experiment, "figure2")
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

"""Figures 1 to 3."""

import copy
import shutil

import numpy as np
import pytest
from written import written_figure

from rcn_bench.analysis.hidden_state import hidden_matrices
from rcn_bench.errors import InputError
from rcn_bench.plan.config import check_config, merged, update
from rcn_bench.plan.products import find_product, products_of
from rcn_bench.plan.run import Run
from rcn_bench.records.products import FigureRecord
from rcn_bench.records.weights import Card
from rcn_bench.reporting.weights import figure2
from results import an_example, own_origin, save_with_card, write_own_weights

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


def with_weights(results, changes=None):
    """An experiment like mini; of its figures' runs small random w_hh, in layers whose names do not sort as text."""
    config = merged(["config/mini.yaml"])
    update(config, copy.deepcopy(changes or {}))
    experiment, rng = check_config(config, "config", results), np.random.default_rng(0)
    figures = [
        product for name, product in products_of(experiment).items() if name in ("figure1", "figure2", "figure3")
    ]
    for run in sorted({run for figure in figures for run in figure.runs()}):
        layers = {
            f"trunk.layer1.{i}.conv1.w_hh": rng.normal(size=(8 + i, 8 + i)).astype(np.float32)
            for i in range(LAYERS[run.model])
        }
        write_own_weights(experiment, run, layers)
    return experiment


@pytest.fixture(scope="module")
def experiment(tmp_path_factory):
    return with_weights(tmp_path_factory.mktemp("results"))


def weights(experiment, name):
    return experiment.paths.weights(Run.parse(name))


def test_layers_come_in_the_order_of_the_network(experiment):
    matrices = hidden_matrices(weights(experiment, "rcn34-t16-xh_random-hh_identity-s0"))
    assert [len(w_hh) for w_hh in matrices] == list(range(8, 20))


@pytest.mark.parametrize(
    "layers",
    [
        [
            "features.norm0.w_hh",
            "features.denseblock1.denselayer2.conv2.w_hh",
            "features.denseblock1.denselayer10.w_hh",
        ],
        ["stem.w_hh", "trunk_output.block1.block1-0.f.b.w_hh", "trunk_output.block1.block1-10.w_hh", "a_last.w_hh"],
        ["layer4.w_hh", "layer3.w_hh"],
    ],
)
def test_layers_of_any_network_come_in_the_order_that_its_card_has(tmp_path, layers):
    # As text denselayer10 comes before denselayer2, and a stem after the blocks that follow it.
    path = tmp_path / "model.safetensors"
    state = {name: np.full((2, 2), place, np.float32) for place, name in enumerate(layers)}
    save_with_card(state, path, an_example(Card, recurrent_layers=layers))
    assert [matrix[0, 0] for matrix in hidden_matrices(path)] == list(range(len(layers)))


def test_figure1_numbers_are_those_of_the_four_inits(experiment):
    table = written_figure(experiment, "figure1")
    assert list(table["panel"].unique()) == ["a", "b", "c", "d"]
    for _, panel in table.groupby("panel"):
        (name,) = panel["run"].unique()
        matrices = hidden_matrices(weights(experiment, name))
        expected = [[w.mean(), w.std(), np.diagonal(w).mean(), np.diagonal(w).std()] for w in matrices]
        shown = panel[["mean", "std", "diagonal_mean", "diagonal_std"]].to_numpy()
        np.testing.assert_allclose(shown, expected, rtol=1e-4, atol=1e-6)


def test_start_of_training_is_that_of_the_init(experiment):
    table = written_figure(experiment, "figure1").set_index(["panel", "layer"])
    assert table.loc[("b", 1), "start_std"] == pytest.approx(np.eye(8).std(), rel=1e-4)
    assert table.loc[("a", 1), "start_std"] == pytest.approx(np.sqrt(2 / 8), rel=1e-4)
    assert table.loc[("d", 1), "start_diagonal_mean"] == 1


def test_figure2_draws_both_readings_of_its_caption(experiment):
    table = written_figure(experiment, "figure2")
    runs = table.groupby("panel")["run"].first()
    assert runs["a"] == "rcn18-t16-xh_random-hh_identity-s0"
    assert runs["b"] == "rcn34-t16-xh_random-hh_identity-s0"
    assert runs["b'"] == "rcn34-t16-xh_stills-hh_identity-s0"
    assert table.groupby("panel")["layer"].max()["b"] == LAYERS["rcn34"]


def test_figure2_of_one_model_shows_both_of_its_starts(tmp_path):
    experiment = with_weights(tmp_path, {"figures": {"figure2": {"models": ["rcn18"]}}})
    table = written_figure(experiment, "figure2")
    assert table.groupby("panel")["run"].first().to_dict() == {
        "a": "rcn18-t16-xh_random-hh_identity-s0",
        "a'": "rcn18-t16-xh_stills-hh_identity-s0",
    }


def test_figure3_numbers_are_the_matrices(experiment):
    table = written_figure(experiment, "figure3")
    w_hh = hidden_matrices(weights(experiment, "rcn18-t8-xh_stills-hh_identity-s0"))[2]
    shown = table[table["layer"] == 3].pivot(index="row", columns="column", values="value").to_numpy()
    np.testing.assert_allclose(shown, w_hh, rtol=1e-4)


@pytest.mark.slow
def test_without_pretrained_weights_the_figures_have_only_random_starts(tmp_path):
    experiment = with_weights(tmp_path, RANDOM_ONLY)
    runs = written_figure(experiment, "figure1").groupby("panel")["run"].first()
    assert runs.to_dict() == {"a": "rcn18-t8-xh_random-hh_random-s0", "b": "rcn18-t8-xh_random-hh_identity-s0"}
    assert list(written_figure(experiment, "figure2")["panel"].unique()) == ["a", "b"]
    written_figure(experiment, "figure3")
    record = FigureRecord.read(experiment.paths.figure("figure3").with_suffix(".json"))
    assert record.runs == ["rcn18-t8-xh_random-hh_identity-s0"]


def test_a_figure_has_no_empty_panels(tmp_path):
    experiment = with_weights(tmp_path, {"figures": {"figure2": {"models": ["rcn18"]}}})
    drawing = figure2(find_product(experiment, "figure2", "figure"))
    assert [axis.get_title()[:4] for axis in drawing.figure.axes] == ["(a) ", "(a')"]


def test_missing_weights_say_what_to_do(experiment, tmp_path):
    shutil.copytree(experiment.results, tmp_path / "results")
    copied = check_config(experiment.config, "config", tmp_path / "results")
    weights(copied, "rcn18-t8-xh_stills-hh_identity-s0").unlink()
    with pytest.raises(InputError, match=r"xh_stills-hh_identity-s0/model\.safetensors: no such weights file"):
        written_figure(copied, "figure3")


def test_weights_trained_with_other_settings_are_refused(experiment):
    changed = copy.deepcopy(experiment.config)
    changed["train"]["lr"] = 0.5
    with pytest.raises(InputError, match=r"model\.safetensors: .*train\.lr was 0\.02, is 0\.5"):
        written_figure(check_config(changed, "config", experiment.results), "figure3")


def test_the_figures_record_names_its_runs_and_what_it_read(experiment):
    written_figure(experiment, "figure2")
    record = FigureRecord.read(experiment.paths.figure("figure2").with_suffix(".json"))
    assert record.runs == [run.name for run in find_product(experiment, "figure2", "figure").runs()]
    assert set(record.origin.inputs) == {f"mini/runs/{name}/model.safetensors" for name in record.runs}
    assert record.origin.settings == own_origin(experiment, "figure", "figure2").settings

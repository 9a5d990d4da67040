import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import save_file

from rcn_bench.analysis.hidden_state import hidden_matrices
from rcn_bench.config import load_config
from rcn_bench.experiment import all_runs
from rcn_bench.layout import Layout
from rcn_bench.reporting.figures import write_figure

LAYERS = {"rcn18": 4, "rcn34": 12}


@pytest.fixture(scope="module")
def config():
    return load_config("config/mini.yaml")


@pytest.fixture(scope="module")
def layout(config, tmp_path_factory):
    """Weights of every RCN run: small random w_hh in blocks whose numbers do not sort as text."""
    layout, rng = Layout(tmp_path_factory.mktemp("results")), np.random.default_rng(0)
    for run in all_runs(config):
        if run.w_hh is not None:
            layout.run(run).mkdir(parents=True)
            state = {
                f"trunk.layer1.{i}.conv1.w_hh": rng.normal(size=(8 + i, 8 + i)).astype(np.float32)
                for i in range(LAYERS[run.model])
            }
            save_file({**state, "trunk.fc.weight": np.zeros((2, 2), np.float32)}, layout.weights(run))
    return layout


def numbers(name, config, layout):
    write_figure(name, config, layout)
    for suffix, magic in ((".png", b"\x89PNG"), (".pdf", b"%PDF")):
        assert layout.figure(name).with_suffix(suffix).read_bytes().startswith(magic)
    return pd.read_csv(layout.figure(name).with_suffix(".csv"))


def test_layers_come_in_the_order_of_the_network(config, layout):
    run = next(run for run in all_runs(config) if run.model == "rcn34")
    assert [len(w_hh) for w_hh in hidden_matrices(layout.weights(run))] == list(range(8, 20))


def test_figure1_numbers_are_those_of_the_four_inits(config, layout):
    table = numbers("figure1", config, layout)
    assert list(table["panel"].unique()) == ["a", "b", "c", "d"]
    for _, panel in table.groupby("panel"):
        (name,) = panel["run"].unique()
        matrices = hidden_matrices(layout.root / "runs" / name / "model.safetensors")
        expected = [[w.mean(), w.std(), np.diagonal(w).mean(), np.diagonal(w).std()] for w in matrices]
        shown = panel[["mean", "std", "diagonal_mean", "diagonal_std"]].to_numpy()
        np.testing.assert_allclose(shown, expected, rtol=1e-4, atol=1e-6)


def test_start_of_training_is_that_of_the_init(config, layout):
    table = numbers("figure1", config, layout).set_index(["panel", "layer"])
    assert table.loc[("b", 1), "start_std"] == pytest.approx(np.eye(8).std(), rel=1e-4)
    assert table.loc[("a", 1), "start_std"] == pytest.approx(np.sqrt(2 / 8), rel=1e-4)
    assert table.loc[("d", 1), "start_diagonal_mean"] == 1


def test_figure2_draws_both_readings_of_its_caption(config, layout):
    table = numbers("figure2", config, layout)
    runs = table.groupby("panel")["run"].first()
    assert runs["a"] == "rcn18-t16-xh_random-hh_identity-s0"
    assert runs["b"] == "rcn34-t16-xh_random-hh_identity-s0"
    assert runs["b'"] == "rcn34-t16-xh_stills-hh_identity-s0"
    assert table.groupby("panel")["layer"].max()["b"] == LAYERS["rcn34"]


def test_figure3_numbers_are_the_matrices(config, layout):
    table = numbers("figure3", config, layout)
    w_hh = hidden_matrices(layout.root / "runs/rcn18-t8-xh_stills-hh_identity-s0/model.safetensors")[2]
    shown = table[table["layer"] == 3].pivot(index="row", columns="column", values="value").to_numpy()
    np.testing.assert_allclose(shown, w_hh, rtol=1e-4)

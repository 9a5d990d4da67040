"""The w_hh of a trained run and those that it started from, measured on a tiny data set."""

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file
from tiny import C2D, RCN, changed, linked

from rcn_bench.analysis.hidden_state import hidden_matrices, measure_hidden_state
from rcn_bench.engine.train import train
from rcn_bench.errors import InputError
from rcn_bench.files import file_hash
from rcn_bench.plan.run import Run
from rcn_bench.records.hidden_state import HiddenState
from rcn_bench.records.weights import Card
from results import save_with_card

pytestmark = pytest.mark.slow


def measured(experiment, run):
    measure_hidden_state(run, experiment)
    return HiddenState.read_of(experiment.paths.hidden_state(run), run.name)


@pytest.mark.parametrize(
    "run",
    [
        Run("rcn18", 4, "stills", "random", 3),
        pytest.param(Run("rcn18", 4, "random", "random", 0), marks=pytest.mark.slow),
        pytest.param(RCN, marks=pytest.mark.slow),
    ],
)
def test_the_start_is_that_of_the_training_itself(fresh, run):
    # Steps so small that weights stay where they start; drawn anew, random ones would be further away than their norm.
    still = changed(fresh, {"train.lr": 1e-9, "train.epochs": 1, "seeds": [run.seed]})
    train(run, still)
    changes = [layer.relative_change for layer in measured(still, run).layers]
    assert len(changes) == 16
    assert max(changes) < 1e-5


def test_a_record_has_statistics_by_layer_and_the_matrices_as_float16(trained_anew):
    record, weights = measured(trained_anew, RCN), trained_anew.paths.weights(RCN)
    matrices = hidden_matrices(weights)
    assert [layer.layer for layer in record.layers] == list(range(1, 17))
    assert [layer.name for layer in record.layers] == Card.of(weights).recurrent_layers
    assert record.weights_sha256 == file_hash(weights)
    assert record.origin.inputs == {f"tiny/runs/{RCN.name}/model.safetensors": record.weights_sha256}
    kept = record.matrices(trained_anew.paths.hidden_state(RCN).with_suffix(".safetensors"))
    for layer, w_hh, half in zip(record.layers, matrices, kept, strict=True):
        identity, exact = np.eye(layer.channels), w_hh.astype(np.float64)
        assert half.dtype == np.float16
        np.testing.assert_array_equal(half, w_hh.astype(np.float16))
        assert layer.start.diagonal_mean == 1
        assert layer.trained.mean == pytest.approx(exact.mean(), rel=1e-9)
        assert layer.relative_change == pytest.approx(np.linalg.norm(exact - identity) / np.linalg.norm(identity))
        assert layer.relative_change > 0


def test_a_run_without_a_recurrence_is_refused(trained):
    with pytest.raises(InputError, match=f"{C2D.name}: c2d18 has no w_hh; take a run of a recurrent model"):
        measure_hidden_state(C2D, trained)


def test_weights_of_another_training_are_refused(trained):
    with pytest.raises(InputError, match=r"model\.safetensors: made with other settings: train\.lr was 0\.01, is 0\.5"):
        measure_hidden_state(RCN, changed(trained, {"train.lr": 0.5}))


def test_values_beyond_float16_are_refused_and_nothing_is_written(trained, tmp_path):
    experiment = linked(trained, tmp_path / "results", "pretrained")
    path = trained.paths.weights(RCN)
    state, name = load_file(path), "trunk.layer2.0.conv1.w_hh"
    state[name][3, 4] = -1e5
    other = experiment.paths.weights(RCN)
    other.parent.mkdir(parents=True)
    save_with_card(state, other, Card.of(path))
    with pytest.raises(InputError, match=rf"{name}: 100000 is beyond float16's 65504; train the run again"):
        measure_hidden_state(RCN, experiment)
    assert {file.name for file in other.parent.iterdir()} == {"model.safetensors"}


def test_matrices_that_changed_or_are_of_other_layers_are_refused(trained_anew):
    record = measured(trained_anew, RCN)
    path = trained_anew.paths.hidden_state(RCN).with_suffix(".safetensors")
    with safe_open(path, "numpy") as file:
        assert sorted(file.keys()) == sorted(layer.name for layer in record.layers)
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    with pytest.raises(InputError, match=r"w_hh\.safetensors: has changed since it was written; run `rcn-bench w-hh "):
        record.matrices(path)

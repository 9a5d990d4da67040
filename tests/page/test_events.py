"""Learning curves for TensorBoard, read back by TensorBoard itself."""

import shutil
import sys
from pathlib import Path

import pytest
from torch import nn, optim

from rcn_bench import cli
from rcn_bench.engine.resume import save_checkpoint
from rcn_bench.errors import InputError
from rcn_bench.page.events import write_events
from rcn_bench.plan.config import check_config, merged
from rcn_bench.plan.products import all_runs, products_of
from rcn_bench.plan.stages import dependencies
from rcn_bench.records.runs import Epoch
from results import an_example, an_origin, write_own_run, write_training

KEPT = Path("results/reference/mini")


@pytest.fixture
def experiment(tmp_path):
    config = merged(["config/mini.yaml"]) | {"tables": {"table1": {"model": "rcn18", "frames": 8}}, "figures": {}}
    return check_config(config, "config", tmp_path)


@pytest.fixture
def read():
    """A function: the points of a run's folder, (step, value) by tag."""
    package = "tensorboard.backend.event_processing.event_accumulator"
    events = pytest.importorskip(package, reason="the package tensorboard is not installed here")

    def points(folder):
        found = events.EventAccumulator(str(folder))
        found.Reload()
        return {tag: [(p.step, pytest.approx(p.value)) for p in found.Scalars(tag)] for tag in found.Tags()["scalars"]}

    return points


def test_epochs_and_the_evaluation_are_there(experiment, read, tmp_path):
    run, other, *_ = all_runs(products_of(experiment).values())
    write_own_run(experiment, run, [True, True, False, True], [1, 1, 0, 1], clips_per_video=1)
    write_training(experiment, run, [0.25, 0.5, 0.75], validation={2: 0.4})
    write_training(experiment, other, [0.25])
    assert write_events(experiment, tmp_path / "logs") == 2
    points = read(tmp_path / "logs" / run.name)
    assert points["training/clip accuracy"] == [(1, 0.25), (2, 0.5), (3, 0.75)]
    assert points["training/loss"] == [(1, 0.5), (2, 0.5), (3, 0.5)]
    assert points["validation/clip accuracy"] == [(2, 0.4)]
    assert points["evaluation/video accuracy"] == [(3, 0.75)]
    assert "evaluation/video accuracy" not in read(tmp_path / "logs" / other.name)


def test_a_training_that_goes_on_takes_the_place_of_what_was_written(experiment, read, tmp_path):
    run = all_runs(products_of(experiment).values())[0]
    for accuracies in ([0.25], [0.25, 0.5]):
        write_training(experiment, run, accuracies)
        write_events(experiment, tmp_path / "logs")
    assert len(list((tmp_path / "logs" / run.name).iterdir())) == 1
    assert read(tmp_path / "logs" / run.name)["training/clip accuracy"] == [(1, 0.25), (2, 0.5)]


def test_a_run_in_training_is_told_by_its_checkpoint(experiment, read, tmp_path):
    run = all_runs(products_of(experiment).values())[0]
    model = nn.BatchNorm1d(3)
    parts = {"model": model, "optimizer": optim.SGD(model.parameters(), 0.1)}
    epochs = [an_example(Epoch, epoch=number, accuracy=number / 4) for number in (1, 2)]
    identity, path = dependencies(experiment, "train", run.name), experiment.paths.checkpoint(run)
    path.parent.mkdir(parents=True)
    save_checkpoint(path, identity, an_origin().starts, epochs, parts)
    assert write_events(experiment, tmp_path / "logs") == 1
    assert read(tmp_path / "logs" / run.name)["training/clip accuracy"] == [(1, 0.25), (2, 0.5)]


def test_kept_results_are_written_by_the_command(read, tmp_path, capsys):
    kept = tmp_path / "kept"
    shutil.copytree(KEPT, kept, ignore=shutil.ignore_patterns("*.safetensors", "figures"))
    assert cli.main(["tensorboard", str(kept), "--output", str(tmp_path / "logs")]) == 0
    assert "20 runs; tensorboard --logdir" in capsys.readouterr().out
    assert len(read(tmp_path / "logs" / "rcn18-t8-xh_stills-hh_identity-s0")["training/loss"]) == 4


def test_without_the_package_a_line_says_what_to_install(experiment, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "tensorboard.compat.proto.event_pb2", None)
    write_training(experiment, all_runs(products_of(experiment).values())[0])
    with pytest.raises(InputError, match=r"tensorboard is not installed here; pip install 'rcn_bench\[tensorboard\]'"):
        write_events(experiment, tmp_path / "logs")


def test_without_a_training_there_is_nothing_to_write(experiment, tmp_path):
    with pytest.raises(InputError, match="no run has been trained for an epoch yet"):
        write_events(experiment, tmp_path / "logs")

"""The same on two GPUs, in the fastest way: compiled, in one CUDA graph, gradients added up by NCCL in it."""

import os
import subprocess
import sys

import pytest
import torch
import yaml
from started import sha256_of
from tiny import changed, linked, metrics_without_times

from rcn_bench.plan.run import Run
from rcn_bench.records.runs import Trained

pytestmark = [pytest.mark.slow, pytest.mark.skipif(torch.cuda.device_count() < 2, reason="needs two GPUs")]

RUN = Run("rcn_pocket", 4, "random", "random", 0)
WAYS = {"train.deterministic": True, "train.compile": True, "train.cuda_graph": True}


@pytest.fixture
def trained_as(noise, tmp_path):
    """Trains the run by the command, with other values in its config."""

    def train(name, changes):
        few = {"train.epochs": 3, "train.frames_per_batch": 16, "train.workers": 1}
        experiment = changed(linked(noise, tmp_path / name, "cache"), few | WAYS | changes)
        (config := tmp_path / f"{name}.yaml").write_text(yaml.safe_dump(experiment.config))
        command = [sys.executable, "-m", "rcn_bench.cli", "train", RUN.name, "--config", str(config)]
        paths = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
        done = subprocess.run(
            [*command, "--results", str(experiment.results)], env=paths, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        assert "goes on without" not in done.stderr
        return experiment

    return train


def test_two_gpus_train_as_one_does_with_synchronised_statistics(trained_as):
    one = trained_as("one", {})
    two = trained_as("two", {"train.gpus": 2, "train.batch_norm": "synchronised"})
    for line, other in zip(metrics_without_times(one, RUN), metrics_without_times(two, RUN), strict=True):
        assert line["samples"] == other["samples"]
        assert line["loss"] == pytest.approx(other["loss"], rel=1e-2)


def test_two_gpus_give_the_same_bits_again(trained_as):
    first, second = (trained_as(name, {"train.gpus": 2}) for name in ("first", "second"))
    assert Trained.read(first.paths.training(RUN)).batch_norm == "per_gpu"
    assert sha256_of(first.paths.weights(RUN)) == sha256_of(second.paths.weights(RUN))

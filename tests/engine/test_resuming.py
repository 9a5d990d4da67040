"""Trainings that are interrupted: the same command goes on, unless anything has changed that the weights depend on."""

import os
import re
import shutil
import signal
import subprocess
import sys

import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny import (
    C2D,
    RCN,
    REPOSITORY,
    changed,
    interrupt,
    interrupt_after,
    metrics_without_times,
    refuse_to_train,
)
from torch import nn

import rcn_bench.engine.train as training
from rcn_bench.engine.train import train
from rcn_bench.errors import InputError
from rcn_bench.files import locked
from rcn_bench.models.network2d import network2d
from rcn_bench.plan.run import Run
from rcn_bench.records.runs import Trained


@pytest.fixture
def interrupted(monkeypatch):
    """Trains a run for one epoch only."""

    def interrupted(run, experiment):
        with monkeypatch.context() as patch:
            interrupt_after(patch, epochs=1)
            with pytest.raises(KeyboardInterrupt):
                train(run, experiment)

    return interrupted


def assert_same_weights(experiment, other, run):
    mine, theirs = load_file(experiment.paths.weights(run)), load_file(other.paths.weights(run))
    assert mine.keys() == theirs.keys()
    for key, value in theirs.items():
        assert torch.equal(mine[key], value), key


def refusal(run, experiment):
    """The one line by which a training is refused that would go on from a checkpoint of another."""
    with pytest.raises(InputError) as error:
        train(run, experiment)
    line, path = str(error.value), experiment.paths.checkpoint(run)
    assert "\n" not in line
    assert line.startswith(f"{path}: ")
    assert "delete it to train anew" in line
    assert path.is_file()
    return line


def save_other(state, file):
    """Weights of the same names and shapes."""
    save_file({**state, "conv1.weight": torch.ones_like(state["conv1.weight"])}, file)


# It goes on


def test_resumed_training_ends_with_the_weights_of_an_uninterrupted_one(trained, fresh, interrupted):
    interrupted(RCN, fresh)
    assert fresh.paths.checkpoint(RCN).is_file()
    assert not fresh.paths.weights(RCN).exists()
    train(RCN, fresh)
    assert_same_weights(fresh, trained, RCN)
    assert metrics_without_times(fresh, RCN) == metrics_without_times(trained, RCN)
    assert not fresh.paths.checkpoint(RCN).exists()


def test_every_start_of_a_resumed_training_is_recorded(fresh, interrupted, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["rcn-bench", "train", "first"])
    interrupted(C2D, fresh)
    monkeypatch.setattr(sys, "argv", ["rcn-bench", "train", "second"])
    train(C2D, fresh)
    starts = Trained.read(fresh.paths.training(C2D)).origin.starts
    assert [start.command for start in starts] == ["rcn-bench train first", "rcn-bench train second"]


def test_training_goes_on_when_recomputing_activations_is_switched_on(trained, fresh, interrupted):
    interrupted(C2D, fresh)
    train(C2D, changed(fresh, {"train.recompute_activations": True}))
    assert_same_weights(fresh, trained, C2D)
    mine, theirs = (Trained.read(each.paths.training(C2D)).origin for each in (fresh, trained))
    assert (mine.settings, mine.code, mine.inputs) == (theirs.settings, theirs.code, theirs.inputs)


@pytest.mark.slow
def test_training_interrupted_after_its_last_epoch_only_writes_its_results(trained, fresh, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(training, "write_bytes", interrupt)
        with pytest.raises(KeyboardInterrupt):
            train(C2D, fresh)
    assert not fresh.paths.weights(C2D).exists()
    for file in fresh.paths.run(C2D).iterdir():
        file.unlink()  # as Snakemake does with the outputs of a job that failed
    monkeypatch.setattr(training, "train_one_epoch", refuse_to_train)
    train(C2D, fresh)
    assert_same_weights(fresh, trained, C2D)
    assert metrics_without_times(fresh, C2D) == metrics_without_times(trained, C2D)


# It is refused


def test_a_changed_setting_is_named(fresh, interrupted):
    interrupted(C2D, fresh)
    line = refusal(C2D, changed(fresh, {"train.lr": 0.02, "clip.crop": 18}))
    assert ": checkpoint of another training: clip.crop was 16, is 18, train.lr was 0.01, is 0.02; " in line
    assert line.endswith("; delete it to train anew, or undo the change")


def test_a_change_of_the_training_videos_is_named(fresh, interrupted, monkeypatch):
    interrupted(C2D, fresh)
    whole = training.Cache

    class OtherCache(whole):
        def __init__(self, path):
            super().__init__(path)
            self.fingerprint = "0123456789ab"

    monkeypatch.setattr(training, "Cache", OtherCache)
    assert re.search(r"training: file of the training cache was \w{12}, is 0123456789ab; ", refusal(C2D, fresh))


def test_other_initial_weights_under_the_same_name_are_named(fresh, interrupted):
    interrupted(RCN, fresh)
    file = fresh.paths.pretrained("resnet18")
    state = load_file(file)
    (fresh.paths.root / "pretrained").unlink()
    file.parent.mkdir()
    save_other(state, file)
    assert re.search(r"training: file of the initial weights was \w+, is \w+; ", refusal(RCN, fresh))


IMAGENET = Run("c2d18", 4, "imagenet", None, 0)


@pytest.fixture
def from_imagenet(fresh, tmp_path):
    """An experiment from a user's files in the place of ImageNet weights."""
    files = {network: str(tmp_path / f"{network}.safetensors") for network in ("resnet18", "resnet34")}
    for network, file in files.items():
        save_file(network2d(network, 5).state_dict(), file)
    models = {"c2d18": {"w_xh": ["imagenet"]}}
    return changed(fresh, {"pretrained": "imagenet", "weights_files": files, "models": models, "tables": {}})


@pytest.mark.slow
def test_only_the_weights_file_of_the_runs_own_network_counts(from_imagenet, interrupted, tmp_path):
    interrupted(IMAGENET, from_imagenet)
    (tmp_path / "resnet34.safetensors").write_bytes(b"another file")
    moved = shutil.move(tmp_path / "resnet18.safetensors", tmp_path / "moved.safetensors")  # the same bytes elsewhere
    train(IMAGENET, changed(from_imagenet, {"weights_files": {"resnet18": str(moved)}}))
    record = Trained.read(from_imagenet.paths.training(IMAGENET))
    assert record.initial_weights.source.endswith("moved.safetensors")
    assert not any("resnet34" in name for name in record.origin.inputs)


def test_a_weights_file_with_other_bytes_is_named(from_imagenet, interrupted, tmp_path):
    interrupted(IMAGENET, from_imagenet)
    save_other(network2d("resnet18", 5).state_dict(), tmp_path / "resnet18.safetensors")
    line = refusal(IMAGENET, from_imagenet)
    assert re.search(r"another training: file of the initial weights was \w+, is \w+; ", line)


OWN_MODEL = """
    from torch import nn

    from rcn_bench.models import register


    @register
    def own3d(num_classes):
        pool = nn.AdaptiveAvgPool3d((1, 2, 2))
        return nn.Sequential(nn.Conv3d(3, {channels}, 3, padding=1), nn.{activation}(), pool, nn.Flatten(),
                             nn.Linear(4 * {channels}, num_classes))
"""
OWN = Run("own3d", 4, "random", None, 0)


@pytest.mark.parametrize(
    "edit", [{"channels": 8, "activation": "GELU"}, {"channels": 9, "activation": "ReLU"}], ids=["same", "other"]
)
def test_an_edited_plugin_is_refused_whether_its_weights_still_fit_or_not(fresh, interrupted, plugin, edit):
    name = plugin("own_models", OWN_MODEL.format(channels=8, activation="ReLU"))
    experiment = changed(fresh, {"plugins": [name], "models": {"own3d": {"w_xh": ["random"]}}, "tables": {}})
    interrupted(OWN, experiment)
    plugin("own_models", OWN_MODEL.format(**edit))
    line = refusal(OWN, changed(experiment, {}))  # one experiment reads the sources once
    assert re.search(r": checkpoint of another training: code was \w{12}, is \w{12}; ", line)
    plugin("own_models", "    # A comment." + OWN_MODEL.format(channels=8, activation="ReLU"))
    train(OWN, changed(experiment, {}))


def test_a_checkpoint_of_an_earlier_version_is_refused(fresh):
    path = fresh.paths.checkpoint(C2D)
    path.parent.mkdir()
    torch.save({"config_hash": "0123456789ab", "epoch": 1, "metrics": []}, path)
    assert ": checkpoint of an earlier version; " in refusal(C2D, fresh)


def test_a_checkpoint_that_does_not_fit_is_refused(fresh, interrupted):
    interrupted(C2D, fresh)
    path = fresh.paths.checkpoint(C2D)
    content = torch.load(path, weights_only=True)
    torch.save({**content, "model": nn.Linear(2, 2).state_dict()}, path)
    assert ": checkpoint that does not fit this model (" in refusal(C2D, fresh)
    torch.save({key: value for key, value in content.items() if key != "model"}, path)
    assert ": checkpoint that does not fit this model (" in refusal(C2D, fresh)


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", b"PK\x03\x04" + b"\0" * 100], ids=repr)
def test_damaged_checkpoint_is_refused(fresh, monkeypatch, content):
    monkeypatch.setattr(training, "train_one_epoch", refuse_to_train)
    fresh.paths.checkpoint(C2D).parent.mkdir()
    fresh.paths.checkpoint(C2D).write_bytes(content)
    assert "damaged checkpoint" in refusal(C2D, fresh)


def test_lock_of_a_killed_process_is_released(tmp_path):
    program = "import sys; from pathlib import Path; from rcn_bench.files import locked\n"
    program += "with locked(Path(sys.argv[1])): print('held', flush=True); sys.stdin.read()"
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    command = [sys.executable, "-c", program, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment) as holder:
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(InputError), locked(tmp_path):
            pass
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        with locked(tmp_path):
            pass

"""Trainings that are interrupted: the same command goes on, unless anything has changed that the weights depend on."""

import hashlib
import io
import os
import re
import shutil
import signal
import subprocess
import sys
import textwrap
from dataclasses import replace

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
from rcn_bench.engine.resume import MARK
from rcn_bench.engine.train import train
from rcn_bench.errors import InputError
from rcn_bench.files import file_hash, locked, replacing
from rcn_bench.models.network2d import network2d
from rcn_bench.plan.run import Run
from rcn_bench.records.runs import Pretrained, Trained

POCKET = Run("c2d_pocket", 4, "random", None, 0)


@pytest.fixture
def pocket(fresh):
    """The same data, and no runs, for a network whose checkpoints are small."""
    return changed(fresh, {"plugins": ["pocket_models"], "models.c2d_pocket": {"w_xh": ["random"]}})


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


def checkpoint_content(path):
    return torch.load(io.BytesIO(path.read_bytes()[len(MARK) + 32 :]), weights_only=True)


def write_checkpoint(path, content):
    """Whole, whatever it holds."""
    buffer = io.BytesIO()
    torch.save(content, buffer)
    path.write_bytes(MARK + hashlib.sha256(buffer.getvalue()).digest() + buffer.getvalue())


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


def test_every_start_of_a_resumed_training_is_recorded(pocket, interrupted, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["rcn-bench", "train", "first"])
    interrupted(POCKET, pocket)
    monkeypatch.setattr(sys, "argv", ["rcn-bench", "train", "second"])
    train(POCKET, pocket)
    starts = Trained.read(pocket.paths.training(POCKET)).origin.starts
    assert [start.command for start in starts] == ["rcn-bench train first", "rcn-bench train second"]


@pytest.mark.slow
@pytest.mark.skipif(torch.cuda.is_available(), reason="a GPU's algorithms are chosen by timing")
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


def test_a_changed_setting_is_named(pocket, interrupted):
    interrupted(POCKET, pocket)
    line = refusal(POCKET, changed(pocket, {"train.lr": 0.02, "clip.crop": 18}))
    assert ": checkpoint of another training: clip.crop was 16, is 18, train.lr was 0.01, is 0.02; " in line
    assert line.endswith("; delete it to train anew, or undo the change")


def test_a_change_of_the_training_videos_is_named(pocket, interrupted, monkeypatch):
    interrupted(POCKET, pocket)
    whole = training.Cache

    class OtherCache(whole):
        def __init__(self, path):
            super().__init__(path)
            self.fingerprint = "0123456789ab"

    monkeypatch.setattr(training, "Cache", OtherCache)
    assert re.search(r"training: file of the training cache was \w{12}, is 0123456789ab; ", refusal(POCKET, pocket))


@pytest.mark.slow
def test_other_initial_weights_under_the_same_name_are_named(fresh, interrupted):
    interrupted(RCN, fresh)
    file = fresh.paths.pretrained("resnet18")
    state, record = load_file(file), Pretrained.read(file.with_suffix(".json"))
    (fresh.paths.root / "pretrained").unlink()
    file.parent.mkdir()
    save_other(state, file)
    replace(record, weights_sha256=file_hash(file)).write(file.with_suffix(".json"))
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


@pytest.mark.slow
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
    assert "or of an earlier version; " in refusal(C2D, fresh)
    write_checkpoint(path, {"config_hash": "0123456789ab", "epoch": 1, "metrics": []})
    assert ": checkpoint of an earlier version; " in refusal(C2D, fresh)


def test_a_checkpoint_that_does_not_fit_is_refused(pocket, interrupted):
    interrupted(POCKET, pocket)
    path = pocket.paths.checkpoint(POCKET)
    content = checkpoint_content(path)
    write_checkpoint(path, {**content, "model": nn.Linear(2, 2).state_dict()})
    assert ": checkpoint that does not fit this model (" in refusal(POCKET, pocket)
    write_checkpoint(path, {key: value for key, value in content.items() if key != "model"})
    assert ": checkpoint that does not fit this model (" in refusal(POCKET, pocket)
    write_checkpoint(path, {**content, "optimizer": 3})
    assert ": checkpoint that does not fit this model (" in refusal(POCKET, pocket)


def flip_a_byte(path, place):
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)


@pytest.fixture
def interrupted_twice(pocket, monkeypatch):
    """A run after two of its three epochs, with the experiment."""
    experiment = changed(pocket, {"train.epochs": 3})
    with monkeypatch.context() as patch:
        interrupt_after(patch, epochs=2)
        with pytest.raises(KeyboardInterrupt):
            train(POCKET, experiment)
    return experiment


@pytest.mark.parametrize("place", [30, -500])
def test_after_a_flipped_byte_the_checkpoint_before_is_taken_with_a_line(interrupted_twice, capsys, place):
    path = interrupted_twice.paths.checkpoint(POCKET)
    flip_a_byte(path, place)
    train(POCKET, interrupted_twice)
    printed = capsys.readouterr()
    assert f"{path}: damaged checkpoint" in printed.err
    assert "going on from the one before it" in printed.err
    assert "resuming after epoch 1\n" in printed.out


def test_after_a_kill_between_two_checkpoints_the_older_is_taken(interrupted_twice, capsys):
    interrupted_twice.paths.checkpoint(POCKET).unlink()
    train(POCKET, interrupted_twice)
    assert "resuming after epoch 1\n" in capsys.readouterr().out


def test_with_both_checkpoints_damaged_nothing_is_guessed(interrupted_twice):
    for path in interrupted_twice.paths.checkpoint(POCKET).parent.iterdir():
        flip_a_byte(path, -500)
    with pytest.raises(InputError, match="damaged checkpoint"):
        train(POCKET, interrupted_twice)


@pytest.mark.slow
def test_a_finished_training_whose_results_were_deleted_writes_them_again(trained, fresh, monkeypatch):
    train(C2D, fresh)
    for file in fresh.paths.run(C2D).iterdir():
        file.unlink()  # as Snakemake does when it was killed before the job ended
    with monkeypatch.context() as patch:
        patch.setattr(training, "train_one_epoch", refuse_to_train)
        train(C2D, fresh)
    assert_same_weights(fresh, trained, C2D)
    train(C2D, changed(fresh, {"train.lr": 0.02}))  # another training is not held up by what has ended
    assert not torch.equal(
        load_file(fresh.paths.weights(C2D))["trunk.conv1.weight"],
        load_file(trained.paths.weights(C2D))["trunk.conv1.weight"],
    )


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", b"PK\x03\x04" + b"\0" * 100], ids=repr)
def test_damaged_checkpoint_is_refused(fresh, monkeypatch, content):
    monkeypatch.setattr(training, "train_one_epoch", refuse_to_train)
    fresh.paths.checkpoint(C2D).parent.mkdir()
    fresh.paths.checkpoint(C2D).write_bytes(content)
    assert "damaged checkpoint" in refusal(C2D, fresh)


def test_lock_of_a_killed_process_is_released(tmp_path):
    program = "import sys; from pathlib import Path; from rcn_bench.files import locked, replacing\n"
    program += "with locked(Path(sys.argv[1])): print('held', flush=True); sys.stdin.read()"
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    command = [sys.executable, "-c", program, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment) as holder:
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(InputError, match=rf"another process \(PID {holder.pid} on "), locked(tmp_path):
            pass
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        with locked(tmp_path):
            pass


def test_a_lock_ends_with_its_process_though_a_fork_of_it_lives_on(tmp_path):
    program = """
        import os, sys, time
        from pathlib import Path
        from rcn_bench.files import locked, replacing
        with locked(Path(sys.argv[1])):
            if os.fork() == 0:
                print(os.getpid(), flush=True)  # from the fork itself, which has let go by then
            time.sleep(60)
    """
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    command = [sys.executable, "-c", textwrap.dedent(program), str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as holder:
        worker = int(holder.stdout.readline())
        holder.kill()
        holder.wait()
        try:
            with locked(tmp_path):
                pass
        finally:
            os.kill(worker, signal.SIGKILL)


def test_what_killed_processes_left_of_a_file_is_swept_when_it_is_written_again(tmp_path):
    path = tmp_path / "run.pt"
    program = """
        import os, signal, sys
        from pathlib import Path
        from rcn_bench.files import replacing
        with replacing(Path(sys.argv[1])) as temporary:
            temporary.write_bytes(b"half")
            os.kill(os.getpid(), signal.SIGKILL)
    """
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    subprocess.run([sys.executable, "-c", textwrap.dedent(program), str(path)], env=environment, check=False)
    assert len(list(tmp_path.iterdir())) == 1
    with replacing(path) as temporary:
        temporary.write_bytes(b"whole")
    assert [file.name for file in tmp_path.iterdir()] == ["run.pt"]

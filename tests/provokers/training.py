"""Trainings that cannot begin, end or go on."""

from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError, ProcessFailure

from provokers.user import RUN, WINDOWED, Met, User, interrupted_after, provoker, slow, weights_of
from rcn_bench.data import batches
from rcn_bench.engine import build, processes
from rcn_bench.engine import train as training
from rcn_bench.engine.step import TrainingStep

CHECKPOINT = Path("results", "own", "checkpoints", f"{RUN}.pt")
LONGER = {"train.epochs": 4}
TWO = {"train.gpus": 2, "train.frames_per_batch": 16}


@provoker
def loss_that_is_not_finite(user: User) -> Met:
    user.has_finished()
    return user.trains({"train.lr": 1000, "train.epochs": 30}).naming(RUN)


@provoker
def batch_of_more_than_the_usable_videos(user: User) -> Met:
    user.has_finished()
    return user.trains({"train.frames_per_batch": 64}).naming("train.frames_per_batch", 64)


@provoker
def processes_of_another_number(user: User) -> Met:
    for name, value in {"TORCHELASTIC_RUN_ID": "own", "WORLD_SIZE": "4", "RANK": "1"}.items():
        user.monkeypatch.setenv(name, value)
    return user.trains(TWO).naming("train.gpus: 2", 4)


@provoker
def more_processes_than_gpus(user: User) -> Met:
    user.monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    user.monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    return user.trains(TWO).naming("train.gpus: 2", 1)


@provoker
def runs_of_different_numbers_of_gpus(user: User) -> Met:
    longer = RUN.replace("t4", "t8")
    own = {"train.gpus_by_frames": {"4": 2}, "train.frames_per_batch": 16}
    return user.trains(own, RUN, longer).naming(f"{RUN} takes 2", f"{longer} 1")


@provoker
def process_that_was_killed(user: User) -> Met:
    user.has_finished()

    def kill(folder: Path, *arguments: object) -> None:
        failure = ProcessFailure(1, 4711, -9, error_file=str(folder / "none.json"))
        raise ChildFailedError("train", {1: failure})

    user.monkeypatch.setattr(processes, "elastic_launch", lambda *arguments: kill)
    return user.trains(TWO).naming("process 2 of 2", "SIGKILL")


@provoker
def process_that_lost_another(user: User) -> Met:
    user.has_finished()

    def lose(*arguments: object) -> None:
        raise RuntimeError("[third_party/gloo/gloo/pair.cc:561] Connection closed by peer")

    for name, value in {"TORCHELASTIC_RUN_ID": "own", "WORLD_SIZE": "2", "RANK": "1"}.items():
        user.monkeypatch.setenv(name, value)
    user.monkeypatch.setattr(processes, "SECONDS_TO_BE_ENDED", 0)
    user.monkeypatch.setattr(processes.distributed, "init_process_group", lambda *group, **options: None)
    user.monkeypatch.setattr(processes, "train_runs", lose)
    return user.trains(TWO).naming("Connection closed by peer")


@provoker
def videos_too_short_to_train(user: User) -> Met:
    user.has_finished()
    return user.trains({"clip.stride": 6}).naming("train.json", 19)


@provoker
def run_given_twice(user: User) -> Met:
    return user.trains({}, RUN, RUN).naming(RUN)


@provoker
def several_that_could_not_all_be_trained(user: User) -> Met:
    user.has_finished()
    return user.trains({"train.lr": 1000, "train.epochs": 30}, RUN, WINDOWED).naming(RUN, WINDOWED)


@provoker
def unknown_model_of_a_run(user: User) -> Met:
    user.has_finished()
    return user.trains({}, "rcn_packet-t4-xh_random-s0").naming("rcn_packet")


@provoker
def start_that_a_model_lacks(user: User) -> Met:
    user.has_finished()
    return user.trains({}, "pocket3d-t4-xh_stills-s0").naming("pocket3d")


@provoker
def recurrence_that_a_model_lacks(user: User) -> Met:
    user.has_finished()
    return user.trains({}, "pocket3d-t4-xh_random-hh_identity-s0").naming("pocket3d")


@provoker
def no_pretrained_weights(user: User) -> Met:
    user.has_finished()
    return user.trains({}, "rcn_pocket-t4-xh_stills-hh_identity-s0").naming("pocket-stills.safetensors")


@provoker
def weights_of_another_architecture(user: User) -> Met:
    user.has_finished()
    save_file({"conv.weight": torch.zeros(1)}, "other.safetensors")
    changes = {"weights_files": {"pocket": "other.safetensors"}, "pretrained": "imagenet"}
    return user.trains(changes, "rcn_pocket-t4-xh_imagenet-hh_identity-s0").naming("other.safetensors")


@provoker
def weights_that_cannot_be_read(user: User) -> Met:
    user.has_finished()
    user.file("other.pth", "no weights")
    changes = {"weights_files": {"pocket": "other.pth"}, "pretrained": "imagenet"}
    return user.trains(changes, "rcn_pocket-t4-xh_imagenet-hh_identity-s0").naming("other.pth")


@provoker
def no_stills(user: User) -> Met:
    return user.runs("pretrain", "resnet18", "--config", user.config({})).naming("results/smoke/data/stills.npz")


@provoker
def unknown_2d_network(user: User) -> Met:
    return user.runs("pretrain", "resnet19", "--config", user.config({})).naming("resnet19")


@provoker
def shared_memory_too_small(user: User) -> Met:
    user.has_finished()
    disk = Path("full")
    disk.mkdir()
    user.monkeypatch.setattr(batches, "SHARED_MEMORY", disk)
    user.monkeypatch.setattr(batches, "disk_usage", lambda _: type("Usage", (), {"free": 100}))
    return user.trains({"train.workers": 2, **LONGER}).naming("train.workers", 2, "full")


def _interrupted(user: User) -> None:
    """A training killed after its third epoch."""
    user.has_finished()
    with interrupted_after(user.monkeypatch, 3):
        assert user.trains(LONGER).code == 130


@provoker
@slow
def damaged_checkpoint(user: User) -> Met:
    _interrupted(user)
    before = CHECKPOINT.with_suffix(".before.pt")
    for path in (CHECKPOINT, before):
        content = bytearray(path.read_bytes())
        content[-1000] ^= 1
        path.write_bytes(content)
    return user.trains(LONGER).naming(before)


@provoker
@slow
def checkpoint_of_another_training(user: User) -> Met:
    _interrupted(user)
    return user.trains({**LONGER, "train.lr": 0.02}).naming(CHECKPOINT, "train.lr", 0.01, 0.02)


@provoker
def weights_changed_while_they_were_read(user: User) -> Met:
    user.has_finished()
    path = weights_of(RUN)
    other = load_file(path)

    def changed(*_: object) -> dict[str, torch.Tensor]:
        path.write_bytes(path.read_bytes() + b" ")
        return other

    user.monkeypatch.setattr(build, "read_state_dict", changed)
    return user.evaluates({}).naming(path)


@provoker
def weights_that_diverged(user: User) -> Met:
    """By the very last update of an epoch, behind a loss that was finite."""
    user.has_finished()
    whole = TrainingStep.__call__

    def last_update(step: TrainingStep, *arguments: Any) -> torch.Tensor:
        told = whole(step, *arguments)
        next(step.model.parameters()).data.fill_(torch.inf)
        return told

    user.monkeypatch.setattr(TrainingStep, "__call__", last_update)
    return user.trains({"train.frames_per_batch": 32, "train.epochs": 1}).naming(RUN, "trunk.0.weight")


@provoker
def one_class(user: User) -> Met:
    user.has_videos()
    rows = Path("train.csv").read_text().replace("down", "up")
    user.file("train.csv", rows)
    assert user.caches({}).code == 0
    return user.trains({}).naming("train.json", "up")


def _fails(user: User, error: BaseException) -> Met:
    """A training whose first epoch ends by an error of torch or of Python."""
    user.has_finished()

    def fail(*_: object) -> None:
        raise error

    user.monkeypatch.setattr(training, "train_one_epoch", fail)
    return user.trains(LONGER).naming(RUN, "train.workers")


@provoker
def too_little_memory(user: User) -> Met:
    return _fails(user, MemoryError()).naming("train.frames_per_batch", "2 clips of 4 frames of 16x16")


@provoker
def too_little_memory_on_a_gpu(user: User) -> Met:
    user.monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "NVIDIA H100")
    return _fails(user, torch.OutOfMemoryError("CUDA out of memory")).naming("train.frames_per_batch", "NVIDIA H100")


@provoker
def worker_without_shared_memory(user: User) -> Met:
    return _fails(user, RuntimeError("DataLoader worker (pid 7) is killed by signal: Bus error.")).naming("/dev/shm")


@provoker
def worker_that_was_killed(user: User) -> Met:
    return _fails(user, RuntimeError("DataLoader worker (pid 7) is killed by signal: Killed."))

"""Caches that cannot be made, are not the experiment's own, or were damaged; splits that are not apart."""

import fcntl
import os
import shutil
from collections import namedtuple
from pathlib import Path

from provokers.user import OWN, RUN, WINDOWED, Met, User, provoker
from rcn_bench.analysis.steps import step_settings
from rcn_bench.data.cache import space
from rcn_bench.plan.config import load_experiment
from rcn_bench.plan.writers import writing
from rcn_bench.records.costs import StepTime, StepTimes
from results import an_example, an_origin

CACHE = Path("results", "own", "cache")


def _shard(split: str = "train") -> Path:
    return next((CACHE / split).glob("*.shard"))


def _flip(path: Path, place: int) -> None:
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)


@provoker
def no_cache(user: User) -> Met:
    return user.runs("train", RUN, "--config", user.has_videos()).naming(CACHE / "train.json")


@provoker
def cache_of_other_data(user: User) -> Met:
    user.has_finished()
    return user.trains({"data.short_side": 24}).naming(CACHE / "train.json", "short_side")


@provoker
def damaged_index(user: User) -> Met:
    user.has_finished()
    (CACHE / "train.json").write_text("{}")
    return user.trains({}).naming(CACHE / "train.json")


@provoker
def shard_missing(user: User) -> Met:
    user.has_finished()
    (shard := _shard()).unlink()
    return user.trains({}).naming(shard)


@provoker
def shard_cut_off(user: User) -> Met:
    user.has_finished()
    shard = _shard()
    shard.write_bytes(shard.read_bytes()[:-100])
    return user.trains({}).naming(shard)


@provoker
def frame_changed(user: User) -> Met:
    user.has_finished()
    for place in range(0, FRAMES_BYTES, FRAME_BYTES):
        _flip(_shard(), place)
    return user.trains({"train.epochs": 3}).naming(_shard())


FRAME_BYTES = 20 * 20 * 3
FRAMES_BYTES = 8 * 12 * FRAME_BYTES


@provoker
def shard_that_there_is_not(user: User) -> Met:
    user.has_videos()
    return user.caches({}, "train", "--shard", 7).naming("train.csv", 7)


@provoker
def no_usable_video(user: User) -> Met:
    user.has_videos()
    shutil.rmtree("videos/train")
    return user.caches({"data.max_bad": 1}).naming("train.csv", "videos/train/0.mp4")


@provoker
def too_many_bad_videos(user: User) -> Met:
    user.has_videos()
    Path("videos/train/3.mp4").unlink()
    return user.caches({}).naming("train.csv", "1 of 8", "data.max_bad", "videos/train/3.mp4")


@provoker
def validation_trained_on(user: User) -> Met:
    user.has_finished()
    shutil.copy("videos/train/0.mp4", "videos/val/0.mp4")
    return user.caches({}, "val").naming("data.max_overlap", "val/0.mp4", "train/0.mp4")


@provoker
def frames_that_would_be_lost(user: User) -> Met:
    user.has_finished()
    shutil.rmtree("videos/train")
    return user.caches({"data.short_side": 16, "data.max_bad": 1}).naming(CACHE / "train", "train/")


@provoker
def too_little_room(user: User) -> Met:
    user.has_videos()
    usage = namedtuple("usage", "total used free")
    user.monkeypatch.setattr(space, "disk_usage", lambda _: usage(10**6, 10**6 - 100, 100))
    return user.caches({}).naming(CACHE / "train", "data.jpeg_quality")


def _held(folder: Path) -> object:
    """A lock as another process has it, which ends when it is forgotten."""
    folder.mkdir(parents=True, exist_ok=True)
    file = (folder / ".lock").open("a+")
    file.write("PID 4321 on another\n")
    file.flush()
    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return file


@provoker
def another_process(user: User) -> Met:
    user.has_videos()
    lock = _held(CACHE / "train")
    met = user.caches({}).naming(CACHE / "train", "PID 4321")
    del lock
    return met


@provoker
def no_locks_on_this_disk(user: User) -> Met:
    user.has_videos()

    def refuse(*_: object) -> None:
        raise OSError(95, os.strerror(95))

    user.monkeypatch.setattr(fcntl, "flock", refuse)
    return user.caches({}).naming("results/own", "Operation not supported")


def _step_times() -> Path:
    """Those of another machine."""
    settings = step_settings(load_experiment(["own.yaml"]))
    rows = [an_example(StepTime, model=model, frames=4) for model in ("rcn_pocket", "pocket3d")]
    StepTimes(origin=an_origin(), settings=settings, rows=rows).write(path := Path("step_times.json"))
    return path


@provoker
def no_list_to_estimate(user: User) -> Met:
    user.has_finished()
    Path("val.csv").unlink()
    steps = _step_times()
    return user.runs("estimate", "--config", user.config({}, OWN), "--step-times", steps).naming("val.csv")


@provoker
def step_times_of_other_settings(user: User) -> Met:
    user.has_finished()
    steps, config = _step_times(), user.config({"clip.crop": 20}, OWN)
    return user.runs("estimate", "--config", config, "--step-times", steps).naming(steps, "crop", 16, 20)


@provoker
def run_that_was_not_timed(user: User) -> Met:
    user.has_finished()
    steps, config = _step_times(), user.config({"tables.table3.frames": [2]}, OWN)
    return user.runs("estimate", "--config", config, "--step-times", steps).naming(steps, "pocket3d at 2 frames")


@provoker
def another_config_at_work(user: User) -> Met:
    user.has_finished()
    with writing(load_experiment(["own.yaml"]), f"train {WINDOWED}"):
        return user.trains({"train.lr": 0.02}).naming("results/own", WINDOWED, "PID", "train.lr")


@provoker
def the_same_at_work(user: User) -> Met:
    user.has_finished()
    with writing(load_experiment(["own.yaml"]), f"train {RUN}"):
        return user.trains({}).naming(RUN, "PID")

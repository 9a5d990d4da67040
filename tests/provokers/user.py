"""Somebody who makes mistakes, in a folder of their own, and what the command line answers."""

import copy
import importlib
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import chdir, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from changes import with_changes

from rcn_bench import cli
from rcn_bench.data import check
from rcn_bench.data.cache import build, space
from rcn_bench.data.media.files import write_lossless
from rcn_bench.data.processes import in_processes
from rcn_bench.engine import train as training
from rcn_bench.errors import InputError, one_line
from rcn_bench.lists import formats
from rcn_bench.models import network2d, registry
from rcn_bench.plan.products import base
from rcn_bench.records import origins

REPOSITORY = Path(__file__).parents[2]
RUN = "rcn_pocket-t4-xh_random-hh_identity-s0"
WINDOWED = "pocket3d-t4-xh_random-s0"
FRAMES, SIDE, RATE = 12, 20, 8
SMOKE: dict[str, Any] = yaml.safe_load((REPOSITORY / "config" / "smoke.yaml").read_text())
OWN: dict[str, Any] = {
    "name": "own",
    "plugins": ["pocket_models"],
    "data": {"annotations": {"train": "train.csv", "val": "val.csv"}, "videos": "videos", "short_side": SIDE},
    "clip": {"crop": 16, "evaluation_clips": 2},
    "train": {"epochs": 2, "frames_per_batch": 8, "lr": 0.01},
    "models": {"rcn_pocket": {"w_xh": ["random"], "w_hh": ["identity"]}, "pocket3d": {"w_xh": ["random"]}},
    "tables": {"table3": {"models": ["rcn_pocket", "pocket3d"], "frames": [4]}},
    "figures": {"online_accuracy": {"rcn_pocket": [4]}},
}


@dataclass(frozen=True)
class Met:
    """How a command ended. names: what its last line must name."""

    code: int
    stderr: str
    names: tuple[str, ...] = ()

    def naming(self, *parts: object) -> "Met":
        return Met(self.code, self.stderr, (*self.names, *map(str, parts)))


Provoker = Callable[["User"], Met]
PROVOKERS: dict[str, Provoker] = {}
SLOW: set[str] = set()


def provoker(function: Provoker) -> Provoker:
    """Of the row of the function's name."""
    name = function.__name__.strip("_").replace("_", " ")
    assert name not in PROVOKERS, f"{name}: two of them"
    PROVOKERS[name] = function
    return function


def slow(function: Provoker) -> Provoker:
    SLOW.add(function.__name__.strip("_").replace("_", " "))
    return function


class User:
    """Works in a folder, which is the working directory."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any, finished: Callable[[], Path]):
        self.folder, self.monkeypatch, self._capsys, self._finished = folder, monkeypatch, capsys, finished

    def runs(self, *arguments: object) -> Met:
        """rcn-bench with these arguments."""
        self._capsys.readouterr()
        try:
            code = cli.main([str(argument) for argument in arguments])
        except SystemExit as end:  # as argparse ends
            code = int(end.code or 0)
        return Met(code, self._capsys.readouterr().err)

    def calls(self, function: Callable[..., Any], *arguments: Any, **options: Any) -> Met:
        """A function of the package, whose error the command line would show."""
        try:
            function(*arguments, **options)
        except InputError as error:
            return Met(2, f"rcn-bench: {one_line(error)}\n")
        return Met(0, "")

    def file(self, name: str, content: str | bytes = "") -> Path:
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def config(self, changes: dict[str, Any], base: dict[str, Any] = SMOKE) -> Path:
        """own.yaml: a config with other values at dotted keys, or without those that are MISSING."""
        return self.file("own.yaml", yaml.safe_dump(with_changes(base, changes)))

    def shows(self, changes: dict[str, Any]) -> Met:
        """A command on a config that differs from smoke in these keys."""
        return self.runs("show", "--config", self.config(changes)).naming("own.yaml")

    def checks(self, changes: dict[str, Any]) -> Met:
        """What Snakemake calls before the first job."""
        return self.runs("check", "--config", self.config(changes)).naming("own.yaml")

    def lists(self, content: str | bytes, name: str = "train.csv", *options: object) -> Met:
        """data check of a list."""
        Path("videos").mkdir(exist_ok=True)
        return self.runs("data", "check", "--annotations", self.file(name, content), "--root", "videos", *options)

    def caches(self, changes: dict[str, Any], split: str = "train", *options: object) -> Met:
        """data cache of the experiment's own videos, with other values in its config."""
        return self.runs("data", "cache", "--config", self.config(changes, OWN), "--split", split, *options)

    def trains(self, changes: dict[str, Any], *runs: str) -> Met:
        """train of a run of the same, or of several, with other values in its config."""
        return self.runs("train", *(runs or [RUN]), "--config", self.config(changes, OWN))

    def evaluates(self, changes: dict[str, Any], run: str = RUN) -> Met:
        return self.runs("evaluate", run, "--config", self.config(changes, OWN))

    def makes(self, kind: str, name: str, changes: dict[str, Any]) -> Met:
        """A table or figure of the same."""
        return self.runs(kind, name, "--config", self.config(changes, OWN))

    def streams(self, video: object, *options: object) -> Met:
        return self.runs("stream", video, "--weights", weights_of(RUN), *options)

    def predicts(self, videos: object) -> Met:
        return self.runs("evaluate", "--weights", weights_of(RUN), "--videos", videos)

    def has_finished(self) -> None:
        """The folder holds an experiment with two videos of two classes a split, cached, trained, evaluated."""
        shutil.copytree(self._finished(), self.folder, dirs_exist_ok=True)

    def has_videos(self) -> Path:
        """The same without results; returns its config."""
        self.has_finished()
        shutil.rmtree("results")
        return Path("own.yaml")


def weights_of(run: str) -> Path:
    return Path("results", "own", "runs", run, "model.safetensors")


def write_videos() -> None:
    """Eight videos for each split, whose files differ, with their lists."""
    rng = np.random.default_rng(0)
    for split, count in (("train", 8), ("val", 4)):
        rows = ["path,label"]
        for number in range(count):
            path = Path("videos", split, f"{number}.mp4")
            path.parent.mkdir(parents=True, exist_ok=True)
            write_lossless(path, rng.integers(0, 256, (FRAMES, SIDE, SIDE)).astype(np.uint8), RATE)
            rows.append(f"{split}/{number}.mp4,{('down', 'up')[number % 2]}")
        Path(f"{split}.csv").write_text("\n".join(rows) + "\n")


def finish(folder: Path) -> None:
    """The experiment own.yaml in a folder, from its videos to a figure, by the commands that a user calls."""
    with chdir(folder):
        write_videos()
        Path("own.yaml").write_text(yaml.safe_dump(OWN))
        commands = [f"data cache --split {split}" for split in ("train", "val")]
        for run in (RUN, WINDOWED):
            commands += [f"train {run}", f"evaluate {run}"]
        for command in (*commands, f"online {RUN}"):
            assert cli.main([*command.split(), "--config", "own.yaml"]) == 0, command


def decode_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Videos are decoded in this process: one that is started for them takes a second."""
    for module in (check, build, space):
        monkeypatch.setattr(module, "in_processes", lambda function, items, _: in_processes(function, items, 0))


REGISTRIES = (registry, "_BUILDERS"), (network2d, "_REGISTERED"), (base, "_PRODUCTS"), (formats, "_FORMATS")


@contextmanager
def forgetting(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What plugins register, and what has been told once, is forgotten afterwards."""
    formats.list_formats()  # finds those of the package, which stay
    for module, name in REGISTRIES:
        monkeypatch.setattr(module, name, copy.deepcopy(getattr(module, name)))  # nested by module
    monkeypatch.setattr(origins, "_told", set())
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    importlib.invalidate_caches()
    yield
    for name in [name for name in sys.modules if name.startswith(("my_", "pocket_models"))]:
        del sys.modules[name]


@contextmanager
def interrupted_after(monkeypatch: pytest.MonkeyPatch, epochs: int) -> Iterator[None]:
    """Trainings end as by Ctrl-C after so many epochs."""
    whole, left = training.train_one_epoch, [None] * epochs

    def one_epoch(*arguments: Any) -> Any:
        if not left:
            raise KeyboardInterrupt
        left.pop()
        return whole(*arguments)

    with monkeypatch.context() as patched:
        patched.setattr(training, "train_one_epoch", one_epoch)
        yield

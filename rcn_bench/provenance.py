"""Where a result comes from: command, commit, packages, machine, settings, code and the files read.

No record holds a path of the machine, nor a name of its user or host.
"""

import json
import os
import platform
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

PACKAGES = ("rcn_bench", "torch", "torchvision", "numpy", "av", "fvcore", "pandas", "snakemake", "mlxtend")
PACKAGE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Machine:
    """device: the GPU that torch sees, else cpu. cores: that this process may use. threads: that torch uses."""

    device: str
    cpu: str
    cores: int
    threads: int
    system: str
    python: str

    @property
    def name(self) -> str:
        """Of its GPU, or of its processor."""
        return self.cpu if self.device == "cpu" else self.device

    @property
    def what_computes(self) -> str:
        """Its name, and of a processor the threads that compute."""
        threads = f", {self.threads} thread{'' if self.threads == 1 else 's'}" if self.device == "cpu" else ""
        return f"{self.name}{threads}"


@dataclass(frozen=True)
class Start:
    """A start of a job; one that is resumed has several. processes: that shared it.

    time: in UTC. command: as typed. commit, dirty: of the checkout that the package runs from, None for an installed
    copy.
    """

    time: str
    command: str
    commit: str | None
    dirty: bool | None
    packages: dict[str, str | None]
    machine: Machine
    processes: int = 1


@dataclass(frozen=True)
class Origin:
    """What produced a file.

    stage: of the workflow, such as train. settings: the values of the config that the result depends on. code: hash of
    the code that it depends on. inputs: of every file read its sha256, of a cache its fingerprint, by ``named`` path.
    """

    stage: str
    settings: dict[str, Any]
    code: str
    inputs: dict[str, str]
    starts: list[Start]

    def check(self) -> None:
        """Of one that is read. Errors: ValueError."""
        if not self.starts:
            raise ValueError("starts: there are none")

    @classmethod
    def begin(
        cls,
        stage: str,
        settings: Mapping[str, Any],
        code: str,
        inputs: Mapping[str, str],
        earlier: Sequence[Start] = (),
        *,
        with_torch: bool = True,
    ) -> "Origin":
        """Of a job that starts now. earlier: its starts before, if it is resumed. with_torch: see ``start``."""
        as_read_back = json.loads(json.dumps(settings))  # lists for tuples
        return cls(stage, as_read_back, code, dict(inputs), [*earlier, start(with_torch=with_torch)])


def start(*, with_torch: bool = True) -> Start:
    """The start of the job of this process, to be taken once torch's threads are set.

    with_torch: whether the job computes with torch; else torch is not loaded for it, and its device is the cpu.
    """
    commit, dirty = _commit()
    return Start(
        time=datetime.now(UTC).isoformat(timespec="seconds"),
        command=shlex.join([_program(sys.argv[0]), *map(_without_absolute_path, sys.argv[1:])]),
        commit=commit,
        dirty=dirty,
        packages={package: installed_version(package) for package in PACKAGES},
        machine=_machine(with_torch=with_torch),
    )


def _machine(*, with_torch: bool = True) -> Machine:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    device, threads = "cpu", cores
    if with_torch:
        import torch

        threads = torch.get_num_threads()
        if torch.cuda.is_available():
            device = torch.cuda.get_device_name()
    return Machine(device, _cpu_name(), cores, threads, platform.platform(), platform.python_version())


def named(path: Path, root: Path) -> str:
    """How a record names a file: from the results' root if it lies below, else as given, without an absolute path."""
    absolute = Path(os.path.abspath(path))
    if absolute.is_relative_to(os.path.abspath(root)):
        return absolute.relative_to(os.path.abspath(root)).as_posix()
    return _relative(str(path)) if path.is_absolute() else path.as_posix()


def _program(path: str) -> str:
    """rcn-bench, however it was called; a script of the user's own by its name."""
    own = Path(path).name == "rcn-bench" or PACKAGE in Path(path).resolve().parents
    return "rcn-bench" if own else Path(path).name


def _without_absolute_path(argument: str) -> str:
    """Of an argument, also of --option=/path."""
    if os.path.isabs(argument):
        return _relative(argument)
    option, equals, path = argument.partition("=/")
    return f"{option}={_relative('/' + path)}" if equals else argument


def _relative(path: str) -> str:
    """From the working directory on; of what lies far from it only the name, since the way there names the machine."""
    relative = os.path.relpath(path)
    return f".../{Path(path).name}" if relative.startswith("../..") else relative


def _cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _commit() -> tuple[str | None, bool | None]:
    """Of the checkout, and whether a tracked file has changed."""
    try:
        _git("ls-files", "--error-unmatch", Path(__file__).name)  # a copy may be installed inside another checkout
        return _git("rev-parse", "HEAD"), bool(_git("status", "--porcelain", "--untracked-files=no"))
    except (OSError, subprocess.CalledProcessError):
        return None, None


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=PACKAGE, capture_output=True, text=True, check=True).stdout.strip()


def installed_version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None

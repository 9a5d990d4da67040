"""The processes of one workflow, wherever they went: known by a variable of their environment, which all inherit."""

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

MARK = "RCN_SOAK"


@dataclass(frozen=True)
class Running:
    """A process, as /proc has it."""

    pid: int
    parent: int
    arguments: tuple[str, ...]

    @property
    def stage(self) -> str | None:
        """Which of the workflow's stages it works on; None for Snakemake, shells and workers that were spawned."""
        names = [Path(argument).name for argument in self.arguments[:3]]
        start = next((place for place, name in enumerate(names) if name in ("rcn-bench", "rcn_bench.cli")), None)
        if start is None:
            return None
        command, *rest = self.arguments[start + 1 :]
        if command == "data":
            return "digits" if "make-digits" in rest else "shard" if "--shard" in rest else "cache"
        return command


def marked(mark: str) -> dict[int, Running]:
    """All living processes that were started with this mark in their environment, by PID."""
    found = {}
    for folder in Path("/proc").iterdir():
        with suppress(OSError, IndexError):
            if folder.name.isdecimal() and f"{MARK}={mark}".encode() in (folder / "environ").read_bytes().split(b"\0"):
                arguments = (folder / "cmdline").read_bytes().decode(errors="replace").split("\0")[:-1]
                parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
                found[int(folder.name)] = Running(int(folder.name), parent, tuple(arguments))
    return found


def jobs(running: dict[int, Running]) -> list[Running]:
    """The processes that carry out a stage; their workers, which may be their forks, are left out."""
    return [
        one
        for one in running.values()
        if one.stage and not (one.parent in running and running[one.parent].stage == one.stage)
    ]


def workers(running: dict[int, Running], job: Running) -> list[Running]:
    return [one for one in running.values() if one.parent == job.pid]


def send(signal: int, processes: list[Running]) -> None:
    for one in processes:
        with suppress(ProcessLookupError):
            os.kill(one.pid, signal)

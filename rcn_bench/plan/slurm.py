"""Whether a SLURM cluster has room for what jobs ask: told before the first is submitted.

SLURM itself refuses some jobs that no node of theirs can hold, after each was submitted; others, of more cores or time
than there are, it lets wait for ever.
"""

import re
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from rcn_bench.errors import InputError

SINFO = ("sinfo", "--noheader", "--Node", "--format=%P|%c|%m|%l|%G")


@dataclass(frozen=True)
class Ask:
    """What a job asks for. partition: empty for the cluster's default. memory: MB. runtime: minutes."""

    rule: str
    partition: str
    cores: int
    memory: int
    runtime: int
    gpus: int

    def __str__(self) -> str:
        return f"{self.cores} cores, {self.memory} MB, {self.runtime} minutes and {self.gpus} GPUs"


def asked_of_slurm(job: Any) -> Ask:
    """What Snakemake will ask for, for one of its jobs."""
    asked = job.resources.get
    memory, runtime, gpus = (asked(name, 0) for name in ("mem_mb", "runtime", "gpu"))
    return Ask(job.rule.name, asked("slurm_partition", ""), job.threads, memory, runtime, gpus)


@dataclass(frozen=True)
class Node:
    """A node in one of its partitions. runtime: the partition's limit in minutes, infinite without one."""

    partition: str
    is_default: bool
    cores: int
    memory: int
    runtime: float
    gpus: int

    def __str__(self) -> str:
        limit = f"{self.runtime:g} minutes" if self.runtime < float("inf") else "any time"
        return f"{self.cores} cores, {self.memory} MB, {limit} and {self.gpus} GPUs"

    def holds(self, ask: Ask) -> bool:
        return (
            ask.cores <= self.cores
            and ask.memory <= self.memory
            and ask.runtime <= self.runtime
            and ask.gpus <= self.gpus
        )


def require_room(asks: Iterable[Ask]) -> None:
    """Errors: InputError, one line, for a partition that is not there and a job that no node of its partition holds."""
    nodes = _nodes()
    for ask in dict.fromkeys(asks):
        own = [node for node in nodes if (node.partition == ask.partition if ask.partition else node.is_default)]
        if not own and ask.partition:
            names = ", ".join(sorted({node.partition for node in nodes}))
            raise InputError(
                f"slurm_partition: {ask.partition!r} is none of {names}; correct default-resources or set-resources of "
                "the profile"
            )
        if own and not any(node.holds(ask) for node in own):
            largest = max(own, key=lambda node: (node.gpus, node.cores, node.memory))
            raise InputError(
                f"{ask.rule}: asks SLURM for {ask}, and no node of partition {own[0].partition} has as much, such as "
                f"{largest}; give it another partition, or less, by set-resources and max-threads of the profile"
            )


def _nodes() -> list[Node]:
    """Errors: InputError where SLURM does not answer."""
    try:
        told = subprocess.run(SINFO, capture_output=True, text=True)
    except FileNotFoundError:
        raise InputError("sinfo: not there; start Snakemake on a machine with SLURM's commands") from None
    if told.returncode:
        why = (told.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise InputError(f"sinfo: SLURM does not answer ({why})")
    return [_node(*line.split("|")) for line in told.stdout.splitlines()]


def _node(partition: str, cores: str, memory: str, limit: str, gres: str) -> Node:
    """Of a line of sinfo, such as main*|64|512000|1-00:00:00|gpu:a100:4(S:0-1)."""
    gpus = sum(int(count) for count in re.findall(r"\bgpu(?::[^:,(]+)?:(\d+)", gres))
    name = partition.removesuffix("*")
    return Node(name, name != partition, _number(cores), _number(memory), _minutes(limit), gpus)


def _number(text: str) -> int:
    return int(text.rstrip("+"))


def _minutes(limit: str) -> float:
    """Of SLURM's days-hours:minutes:seconds, whose beginning may be left out; infinite for a word."""
    days, _, clock = limit.rpartition("-")
    parts = [int(part) for part in clock.split(":") if part.isdecimal()]
    if not parts:
        return float("inf")
    hours, minutes, seconds = [0] * (3 - len(parts)) + parts
    return 1440 * int(days or 0) + 60 * hours + minutes + seconds / 60

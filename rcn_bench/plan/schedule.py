"""Jobs laid out in time on some GPUs and cores, before any is started: list scheduling, the longest job first."""

import heapq
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from rcn_bench.errors import InputError

Name = TypeVar("Name", bound=Hashable)


@dataclass(frozen=True)
class Task(Generic[Name]):
    """A job. seconds: that it takes. gpus, cores: that it has to itself meanwhile. after: those that it waits for."""

    seconds: float
    gpus: int
    cores: int
    after: tuple[Name, ...] = ()


@dataclass(frozen=True)
class Slot:
    """When a job runs, in seconds from the start of all."""

    start: float
    end: float


def schedule(tasks: Mapping[Name, Task[Name]], gpus: int, cores: int) -> dict[Name, Slot]:
    """Start, whenever something ends, the longest of the jobs that wait for nothing and fit into what is free.

    What ends at the same time is all free before anything starts, so that jobs of one GPU do not take, one by one, what
    a longer one of several waits for.
    Errors: InputError for a job that asks for more GPUs than there are. One that asks for more cores gets all of them,
    as from Snakemake.
    """
    for name, task in tasks.items():
        if task.gpus > gpus:
            raise InputError(f"{name} takes {task.gpus} GPUs, and there are {gpus}; plan with as many")
    waiting = {name: len(task.after) for name, task in tasks.items()}
    then = _followers(tasks)
    order = {name: number for number, name in enumerate(sorted(tasks, key=lambda name: -tasks[name].seconds))}
    ready = sorted((order[name], name) for name, count in waiting.items() if not count)
    running: list[tuple[float, int, Name]] = []
    slots: dict[Name, Slot] = {}
    now, free_gpus, free_cores = 0.0, gpus, cores
    while ready or running:
        left = []
        for number, name in ready:
            task, wanted = tasks[name], min(tasks[name].cores, cores)
            if task.gpus <= free_gpus and wanted <= free_cores:
                slots[name] = Slot(now, now + task.seconds)
                heapq.heappush(running, (now + task.seconds, number, name))
                free_gpus, free_cores = free_gpus - task.gpus, free_cores - wanted
            else:
                left.append((number, name))
        ready = left
        now = running[0][0]
        while running and running[0][0] == now:
            _, _, ended = heapq.heappop(running)
            free_gpus += tasks[ended].gpus
            free_cores += min(tasks[ended].cores, cores)
            for name in then[ended]:
                waiting[name] -= 1
                if not waiting[name]:
                    ready.append((order[name], name))
        ready.sort()
    return slots


def critical_path(tasks: Mapping[Name, Task[Name]]) -> list[Name]:
    """The chain of jobs that takes longest, however many GPUs and cores there are."""
    before: dict[Name, Name | None] = {}
    ends: dict[Name, float] = {}
    for name in _in_order(tasks):
        last = max(tasks[name].after, key=ends.__getitem__, default=None)
        before[name] = last
        ends[name] = tasks[name].seconds + (ends[last] if last is not None else 0)
    chain = [max(ends, key=ends.__getitem__)] if ends else []
    while chain and (previous := before[chain[-1]]) is not None:
        chain.append(previous)
    return chain[::-1]


def _followers(tasks: Mapping[Name, Task[Name]]) -> dict[Name, list[Name]]:
    then: dict[Name, list[Name]] = {name: [] for name in tasks}
    for name, task in tasks.items():
        for each in task.after:
            then[each].append(name)
    return then


def _in_order(tasks: Mapping[Name, Task[Name]]) -> list[Name]:
    """Each after those that it waits for."""
    waiting, then = {name: len(task.after) for name, task in tasks.items()}, _followers(tasks)
    found = [name for name, count in waiting.items() if not count]
    for name in found:  # which grows meanwhile
        for each in then[name]:
            waiting[each] -= 1
            if not waiting[each]:
                found.append(each)
    return found

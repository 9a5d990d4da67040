"""What the workflow's jobs ask of an executor: memory of the machine and time, by model and clip length."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from math import ceil
from typing import Any

from rcn_bench.analysis.step_times import read_steps
from rcn_bench.errors import InputError
from rcn_bench.plan.experiment import Experiment
from rcn_bench.plan.run import Run
from rcn_bench.plan.work import GPU_RATE, Work
from rcn_bench.records.costs import StepTime

Asked = Callable[[Any, int], int]  # by a job of these wildcards, at its so many-th attempt


@dataclass(frozen=True)
class Least:
    """memory: MB at the first attempt. runtime: minutes."""

    memory: int
    runtime: int


# Generous, for executors that stop a job that takes more; the next attempt gets more of both.
LEAST = {
    "digits": Least(2000, 60),
    "shard": Least(4000, 240),
    "cache": Least(4000, 60),
    "pretrain": Least(8000, 240),
    "train": Least(16000, 24 * 60),
    "evaluate": Least(8000, 240),
    "online": Least(8000, 240),
    "w_hh": Least(4000, 30),
    "lifetime": Least(8000, 240),
    "profile": Least(16000, 120),
    "throughput": Least(16000, 240),
    "league": Least(16000, 240),
    "causality": Least(8000, 120),
    "product": Least(2000, 30),
}
PROGRAM = 4000  # MB of a process with torch and CUDA, its weights and its batches
# MB that a training step keeps in float32 for each 10**9 multiply-accumulates of its forward pass, at most: S3D's 27
# are the most of the profiles in results/reference. On a GPU they lie there, on a CPU in the memory that is asked for.
A_GMAC = 30
# Times that of arithmetic for an H100, or of steps measured here: for slower cards, reading, compiling, other work.
BY_ARITHMETIC, BY_STEPS = 3, 1.5


class Needs:
    """Of an experiment's jobs, each twice as much at its second attempt, and so on."""

    def __init__(self, experiment: Experiment, videos: Mapping[str, int | None]) -> None:
        """videos: of each split; None where the list is not there yet, which is then taken for empty."""
        self.experiment = experiment
        self.work = Work(experiment, {split: count or 0 for split, count in videos.items()})

    def memory(self, stage: str) -> Asked:
        """In MB, of the machine; no less than ``LEAST`` for each process of a training."""
        if stage == "train":
            return lambda wildcards, attempt: self._memory(_network(wildcards.run)) * attempt
        return lambda wildcards, attempt: LEAST[stage].memory * attempt

    def runtime(self, stage: str) -> Asked:
        """In minutes, no less than ``LEAST``."""
        if stage in ("train", "evaluate", "online"):
            return lambda wildcards, attempt: self._minutes(stage, _network(wildcards.run)) * attempt
        return lambda wildcards, attempt: LEAST[stage].runtime * attempt

    @cache  # noqa: B019 - one workflow a process
    def _memory(self, run: Run) -> int:
        processes, gmacs = self.experiment.gpus_of(run), self.work.gmacs(run) or 0
        step = A_GMAC * gmacs * self.experiment.clips_per_batch(run) / processes
        return processes * max(LEAST["train"].memory, ceil(PROGRAM + step))

    @cache  # noqa: B019
    def _minutes(self, stage: str, run: Run) -> int:
        processes = self.experiment.gpus_of(run) if stage == "train" else 1
        if step := self._steps.get((run.variant, run.frames)):
            measured = step.training_seconds if stage == "train" else step.evaluation_seconds
            seconds = BY_STEPS * measured * (self.work.clips(stage, run) or 0) / step.clips
        else:
            seconds = BY_ARITHMETIC * (self.work.operations(stage, run) or 0) / GPU_RATE
        return max(LEAST[stage].runtime, ceil(seconds / processes / 60))

    @cached_property
    def _steps(self) -> Mapping[tuple[str, int], StepTime]:
        """Those that ``rcn-bench estimate`` has timed of this experiment as it is now, if it has."""
        path = self.experiment.paths.step_times
        try:
            return read_steps(path, self.experiment)[0] if path.is_file() else {}
        except InputError:  # of other settings: what this takes is not known from them
            return {}


@cache
def _network(name: str) -> Run:
    """Of all runs of a network the same: what they take hangs neither on their start nor on their seed."""
    run = Run.parse(name)
    return Run.of(run.variant, run.frames, "random", None, 0)

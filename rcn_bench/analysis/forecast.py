"""What an experiment takes on some GPUs, told before anything starts: time, disk, and what its tables wait for."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from rcn_bench.analysis.durations import ARITHMETIC, UNKNOWN, Duration, Durations
from rcn_bench.files import size_text
from rcn_bench.plan.jobs import Job, Waits, all_before, cores_of, gpus_of, jobs_of
from rcn_bench.plan.run import Run
from rcn_bench.plan.schedule import Slot, Task, critical_path, schedule

WEIGHT, CHECKPOINT = 4, 12  # bytes a parameter: in float32; beside its momentum and the weights so far
SCORE = 2  # bytes a class of a clip: float16


@dataclass(frozen=True)
class Wait:
    """A table or figure. ready: in seconds from the start. last: the job that it waits for longest. jobs: by stage."""

    ready: float
    last: str
    jobs: dict[str, int]


@dataclass(frozen=True)
class Forecast:
    """Of an experiment on so many GPUs and cores. seconds: in a row, and of GPUs all together.

    path: the critical path, each job with its seconds: no number of GPUs makes it shorter. disk: bytes by what they
    hold, and how they are known. sources: seconds of jobs by how they are known. unknown: jobs by stage that count for
    nothing here. jobs: each with its start and end.
    """

    name: str
    gpus: int
    cores: int
    wall_seconds: float
    gpu_seconds: float
    path: list[tuple[str, float]]
    disk: dict[str, tuple[float, str]]
    waits: dict[str, Wait]
    sources: dict[str, float]
    unknown: dict[str, int]
    jobs: dict[str, Slot]

    def content(self) -> dict[str, Any]:
        """As JSON has it."""
        return asdict(self)

    def text(self) -> str:
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        on = f"{self.gpus} GPU{'' if self.gpus == 1 else 's'} and " if self.gpus else ""
        yield f"{self.name} on {on}{self.cores} cores, each job as soon as there is room for it, the longest first:"
        yield f"  wall time: {time_text(self.wall_seconds)}"
        if self.gpus:
            busy = self.gpu_seconds / (self.gpus * self.wall_seconds) if self.wall_seconds else 0
            yield f"  GPU-hours: {self.gpu_seconds / 3600:.3g}; GPUs are at work {busy:.0%} of the time"
        for source, seconds in self.sources.items():
            without = " (without starting, compiling and reading: --measured)" if source.startswith(ARITHMETIC) else ""
            yield f"  {source}{without}: {time_text(seconds)} of jobs, one after the other"
        if self.unknown:
            counts = ", ".join(f"{count} {stage}" for stage, count in self.unknown.items())
            yield f"  {UNKNOWN}, and counted as nothing: {counts}"
        for what, (size, source) in self.disk.items():
            yield f"  disk, {what}: {size_text(size)} ({source})"
        path = " -> ".join(f"{job} ({time_text(seconds)})" for job, seconds in self.path if seconds)
        yield f"  critical path, however many GPUs there are: {time_text(sum(s for _, s in self.path))}: {path}"
        for name, wait in self.waits.items():
            jobs = ", ".join(f"{count} {stage}" for stage, count in wait.jobs.items())
            last = f"; last for {wait.last}" if wait.last else ""
            yield f"  {name}: after {time_text(wait.ready)}; it waits for {jobs or 'nothing'}{last}"


def forecast(durations: Durations, gpus: int, cores: int | None) -> Forecast:
    """gpus: 0 where all is trained on the CPU. cores: None for as many as these GPUs' jobs take.

    Errors: InputError for a job of more GPUs than there are.
    """
    experiment = durations.experiment
    waits = jobs_of(experiment, durations.shards)
    known = {job: durations.of(job) for job in waits}
    tasks = {job: _task(job, known[job], waits, durations, gpus) for job in waits}
    cores = cores or max(gpus, 1) * max(task.cores for task in tasks.values())
    slots = schedule(tasks, gpus, cores)
    sources: dict[str, float] = {}
    for duration in known.values():
        if duration.source != UNKNOWN:
            sources[duration.source] = sources.get(duration.source, 0) + duration.seconds
    return Forecast(
        name=experiment.name,
        gpus=gpus,
        cores=cores,
        wall_seconds=max((slot.end for slot in slots.values()), default=0),
        gpu_seconds=sum(task.gpus * task.seconds for task in tasks.values()),
        path=[(str(job), tasks[job].seconds) for job in critical_path(tasks)],
        disk=_disk(durations, waits, gpus),
        waits={str(job): _wait(job, waits, slots) for job in waits if job.stage in ("table", "figure")},
        sources=sources,
        unknown=dict(Counter(job.stage for job in waits if known[job].source == UNKNOWN)),
        jobs={str(job): slot for job, slot in slots.items()},
    )


def _task(job: Job, duration: Duration, waits: Waits, durations: Durations, gpus: int) -> Task[Job]:
    taken = gpus_of(job, durations.experiment) if gpus else 0
    return Task(duration.seconds, taken, cores_of(job, durations.experiment), tuple(waits[job]))


def _wait(job: Job, waits: Waits, slots: Mapping[Job, Slot]) -> Wait:
    before = all_before(job, waits)
    last = max(waits[job], key=lambda each: slots[each].end, default=None)
    stages = dict(Counter(each.stage for each in sorted(before)))
    return Wait(slots[job].end, str(last or ""), stages)


def _disk(durations: Durations, waits: Waits, gpus: int) -> dict[str, tuple[float, str]]:
    experiment, found = durations.experiment, {}
    runs = {stage: [Run.parse(job.target) for job in waits if job.stage == stage] for stage in ("train", "evaluate")}
    parameters = sorted((durations.work.parameters(run) or 0 for run in runs["train"]), reverse=True)
    clip, digits = experiment.clip, experiment.data.digits
    clips = durations.videos["val"] * clip.evaluation_clips * clip.evaluation_crops
    classes = len(digits.digits) * 4 if digits else experiment.profile.num_classes
    if cache := durations.cache_bytes():
        found["cache"] = cache
    found["weights"] = WEIGHT * sum(parameters), ARITHMETIC
    found["checkpoints at a time"] = CHECKPOINT * sum(parameters[: max(gpus, 1)]), ARITHMETIC
    found["scores"] = SCORE * classes * clips * len(runs["evaluate"]), f"{ARITHMETIC}, of {classes} classes"
    return found


def time_text(seconds: float) -> str:
    """Such as 12.4 hours, or 3.1 minutes."""
    for unit, name in ((3600, "hours"), (60, "minutes")):
        if seconds >= 2 * unit:
            return f"{seconds / unit:.3g} {name}"
    return f"{seconds:.3g} seconds"

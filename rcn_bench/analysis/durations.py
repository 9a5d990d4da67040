"""How long each job of an experiment will take: by what was measured, else by arithmetic, else unknown."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from rcn_bench.analysis.step_times import count_videos, read_steps, step_settings
from rcn_bench.data.cache.source import Source
from rcn_bench.data.cache.space import Need, is_built, need_of
from rcn_bench.errors import InputError
from rcn_bench.plan.experiment import Experiment
from rcn_bench.plan.jobs import SHARD_CORES, Job, gpus_of
from rcn_bench.plan.paths import Paths
from rcn_bench.plan.run import Run
from rcn_bench.plan.stages import pretraining
from rcn_bench.plan.work import BACKWARD, Work
from rcn_bench.records.base import Record
from rcn_bench.records.runs import Evaluation, Pretrained, Trained

# Of a video of ten seconds, as docs/data.md has it: seconds of a core of an Intel Xeon at 2.50 GHz, and bytes as JPEG
# of quality 90, at 15 frames a second, 128 pixels high.
VIDEO_SECONDS, VIDEO_BYTES, VIDEO_RATE, VIDEO_SIDE = 0.20, 0.94e6, 15, 128
ARITHMETIC, UNKNOWN = "arithmetic", "not estimated"

Network = tuple[str, int]  # a model with its options, and the frames of a clip


@dataclass(frozen=True)
class Duration:
    """source: "measured on" a machine, whose times are taken for so many clips, ``ARITHMETIC`` or ``UNKNOWN``."""

    seconds: float
    source: str


@dataclass
class Measured:
    """What was measured: the seconds of a clip of each network on one GPU, and of each 2D network's pretraining."""

    training: dict[Network, Duration] = field(default_factory=dict)
    evaluation: dict[Network, Duration] = field(default_factory=dict)
    pretraining: dict[str, Duration] = field(default_factory=dict)


def read_measured(paths: Iterable[Path], experiment: Experiment) -> Measured:
    """paths: files of step times, and folders of results with trained runs; of a network the first one counts.

    Errors: InputError for a file or folder without times of an experiment that trains in this way.
    """
    found = Measured()
    for path in paths:
        added = _of_results(path, experiment) if path.is_dir() else _of_steps(path, experiment)
        found.training = added.training | found.training
        found.evaluation = added.evaluation | found.evaluation
        found.pretraining = added.pretraining | found.pretraining
    return found


def _of_steps(path: Path, experiment: Experiment) -> Measured:
    steps, machine = read_steps(path, experiment)

    def a_clip(seconds: str) -> dict[Network, Duration]:
        return {network: _measured(getattr(step, seconds) / step.clips, machine) for network, step in steps.items()}

    return Measured(a_clip("training_seconds"), a_clip("evaluation_seconds"))


def _of_results(folder: Path, experiment: Experiment) -> Measured:
    found = Measured()
    training: dict[Network, list[tuple[float, str]]] = {}
    evaluation: dict[Network, list[tuple[float, str]]] = {}
    for path in sorted(folder.glob("runs/*/provenance.json")):
        trained = Trained.read(path)
        run = Run.parse(trained.run)
        if not _trains_alike(trained.origin.settings, experiment):
            continue
        processes = trained.origin.starts[-1].processes
        of_run = processes * trained.training_seconds / trained.clips_trained, _machine(trained)
        training.setdefault((run.variant, run.frames), []).append(of_run)
        if (file := path.with_name("eval.json")).is_file():
            scored = Evaluation.read(file)
            of_clip = scored.evaluation_seconds / (scored.clips * scored.crops), _machine(scored)
            evaluation.setdefault((run.variant, run.frames), []).append(of_clip)
    if not training and (times := Paths(folder).step_times).is_file() and not (folder / "runs").is_dir():
        raise InputError(f"{folder}: no run in it, but step times; give {times}")
    if not training:
        raise InputError(
            f"{folder}: no run in it was trained as this experiment does (crop, batch, stem, autocast, compile)"
        )
    found.training, found.evaluation = _medians(training), _medians(evaluation)
    for path in sorted(folder.glob("pretrained/*.json")):
        network = Pretrained.read(path)
        if experiment.pretrain and network.origin.settings == pretraining(experiment, network.network).settings:
            found.pretraining[network.network] = _measured(network.training_seconds, _machine(network))
    return found


def _trains_alike(settings: Any, experiment: Experiment) -> bool:
    """Whether a record is of steps like the experiment's, as far as it says so."""
    trained = {**settings, **settings.get("train", {}), "crop": settings.get("clip", {}).get("crop")}
    return all(trained.get(name, value) == value for name, value in vars(step_settings(experiment)).items())


def _machine(record: Record) -> str:
    return record.origin.starts[-1].machine.name


def _measured(seconds: float, machine: str) -> Duration:
    return Duration(seconds, f"measured on {machine}")


def _medians(times: dict[Network, list[tuple[float, str]]]) -> dict[Network, Duration]:
    return {
        network: _measured(median(seconds for seconds, _ in found), " and ".join(sorted({name for _, name in found})))
        for network, found in times.items()
    }


class Durations:
    """Of the jobs of an experiment."""

    def __init__(
        self, experiment: Experiment, measured: Measured, train_videos: int | None, val_videos: int | None, rate: float
    ) -> None:
        """train_videos, val_videos: how many there will be, where lists are not there. rate: operations a second.

        Errors: InputError if neither a list nor a number is there.
        """
        self.experiment, self.measured, self.rate = experiment, measured, rate
        given = {"train": train_videos, "val": val_videos}
        self.videos = {split: count_videos(experiment, split, number) for split, number in given.items()}
        self.shards = {split: -(-count // experiment.data.shard_videos) for split, count in self.videos.items()}
        self.needs = {split: cache_need(experiment, split) for split in self.videos}
        self.work = Work(experiment, self.videos)

    def of(self, job: Job) -> Duration:
        match job.stage:
            case "train":
                return self._shared(job, self._of_run(job, self.measured.training))
            case "evaluate" | "online":
                return self._of_run(job, self.measured.evaluation)
            case "pretrain":
                return self.measured.pretraining.get(job.target) or self._pretraining(job.target)
            case "shard":
                return self._shard(job.target.split()[0])
        return Duration(0, UNKNOWN)

    def _of_run(self, job: Job, measured: dict[Network, Duration]) -> Duration:
        run = Run.parse(job.target)
        clips = self.work.clips(job.stage, run)
        if clips is not None and (known := measured.get((run.variant, run.frames))):
            return Duration(clips * known.seconds, known.source)
        operations = self.work.operations(job.stage, run)
        return Duration(0, UNKNOWN) if operations is None else Duration(operations / self.rate, ARITHMETIC)

    def _shared(self, job: Job, alone: Duration) -> Duration:
        """Of a training on one GPU, by as many as share it."""
        gpus = gpus_of(job, self.experiment)
        if gpus == 1 or alone.source == UNKNOWN:
            return alone
        return Duration(alone.seconds / gpus, f"{alone.source}, by {gpus} GPUs as if gradients travelled in no time")

    def _pretraining(self, network: str) -> Duration:
        """By the cheapest model on that network, whose clips are stills to it."""
        digits, pretrain, sources = self.experiment.data.digits, self.experiment.pretrain, self.experiment.model_sources
        on_it = [claims for name, claims in self.work.claims.items() if claims and sources[name].trunk == network]
        if digits is None or pretrain is None or not on_it:
            return Duration(0, UNKNOWN)
        operations = 2e9 * min(claims.gmacs_a_pixel for claims in on_it) * self.experiment.clip.crop**2
        return Duration(pretrain.epochs * digits.stills * BACKWARD * operations / self.rate, ARITHMETIC)

    def _shard(self, split: str) -> Duration:
        need = self.needs[split]
        if need is not None:
            return Duration(need.seconds / SHARD_CORES / (need.shards or 1), "guessed from a few videos here")
        if self.experiment.data.digits is not None:
            return Duration(0, UNKNOWN)
        return Duration(self.videos[split] / self.shards[split] * VIDEO_SECONDS / SHARD_CORES, ARITHMETIC)

    def cache_bytes(self) -> tuple[float, str] | None:
        """Of both splits' caches, and where that is known from; None if it is not."""
        data, videos = self.experiment.data, sum(self.videos.values())
        if data.digits is not None:
            return videos * data.digits.video_frames * data.digits.canvas**2 * 3, ARITHMETIC
        needs: Sequence[Need | None] = list(self.needs.values())
        if all(needs):
            return sum(need.bytes for need in needs if need), "guessed from a few videos here"
        if data.frame_rate is None or data.short_side is None or data.jpeg_quality is None:
            return None
        scale = data.frame_rate / VIDEO_RATE * (data.short_side / VIDEO_SIDE) ** 2
        return videos * VIDEO_BYTES * scale, f"{ARITHMETIC}, for videos of ten seconds"


def cache_need(experiment: Experiment, split: str) -> Need | None:
    """What a split's cache takes, nothing if it is built; None of videos that are not there yet, or of digits."""
    dataset = experiment.dataset
    if experiment.data.digits is not None:
        return None
    if not (dataset.videos.is_dir() and all(map(dataset.is_there, (split, "train")))):
        return None
    source = Source.of(experiment, split)
    return Need(0, 0, 0.0) if is_built(source) else need_of(source, workers=1)

"""Times of training steps as ``steps`` wrote them, read without torch, and the videos that they are held against."""

from dataclasses import asdict
from pathlib import Path

from rcn_bench.errors import InputError
from rcn_bench.plan.experiment import Experiment
from rcn_bench.records.costs import StepSettings, StepTime, StepTimes


def step_settings(experiment: Experiment) -> StepSettings:
    train = experiment.train
    return StepSettings(
        frames_per_batch=train.frames_per_batch,
        autocast=train.autocast,
        compile=train.compile,
        deterministic=train.deterministic,
        cuda_graph=train.cuda_graph,
        recompute_activations=train.recompute_activations,
        crop=experiment.clip.crop,
        stem_pool=experiment.stem_pool,
    )


def read_steps(path: Path, experiment: Experiment) -> tuple[dict[tuple[str, int], StepTime], str]:
    """The times by model and frames, and the name of the machine."""
    times = StepTimes.read(path)
    timed_with = asdict(times.settings)
    for name, value in asdict(step_settings(experiment)).items():
        if timed_with[name] != value:
            raise InputError(f"{path}: timed with {name} {timed_with[name]}, the config has {value}; time it anew")
    machine = times.origin.starts[-1].machine
    by_model = {(row.model, row.frames): row for row in times.rows}
    return by_model, machine.name


def count_videos(experiment: Experiment, split: str, given: int | None) -> int:
    """How many there are, or will be. Errors: InputError if neither a list nor a number is there."""
    videos = experiment.dataset.count(split) if given is None else given
    if videos is None:
        path = experiment.dataset.annotations(split)
        raise InputError(f"data.annotations.{split}: {path}: not there yet; say how many with --{split}-videos NUMBER")
    return videos

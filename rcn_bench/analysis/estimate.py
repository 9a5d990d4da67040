"""What an experiment will take, before it is run: disk, hours of each run and memory."""

from functools import cache
from pathlib import Path

import pandas as pd

from rcn_bench.analysis.memory import GIB, estimate_memory
from rcn_bench.analysis.step_times import count_videos, read_steps
from rcn_bench.analysis.steps import network_of
from rcn_bench.data.cache.source import Source
from rcn_bench.data.cache.space import is_built, need_of
from rcn_bench.errors import InputError
from rcn_bench.files import size_text
from rcn_bench.models.recompute import recompute_activations
from rcn_bench.plan.experiment import Experiment
from rcn_bench.plan.products import all_runs, products_of
from rcn_bench.plan.run import Run
from rcn_bench.plan.targets import evaluated_runs
from rcn_bench.records.costs import StepTime

ESTIMATED = "in float32, estimated from tensor shapes: mixed precision takes less"


def estimate(
    experiment: Experiment, steps_path: Path, train_videos: int | None = None, val_videos: int | None = None
) -> str:
    """Markdown: what the cache, each run and all of them take.

    steps_path: of measured steps. train_videos, val_videos: how many there will be, where the lists are not there yet.
    Errors: InputError if neither a list nor a number is there, or for models that were not timed in this way.
    """
    steps, machine = read_steps(steps_path, experiment)
    videos = {
        split: count_videos(experiment, split, given) for split, given in (("train", train_videos), ("val", val_videos))
    }
    runs = all_runs(products_of(experiment).values())
    for run in runs:
        if (run.variant, run.frames) not in steps:
            raise InputError(f"{steps_path}: {run.variant} at {run.frames} frames was not timed there")
    table = _table(experiment, runs, steps, videos)
    hours, largest = table[["training h", "evaluation h"]].sum().sum(), table["memory GiB"].max()
    shared = any(experiment.gpus_of(run) > 1 for run in runs)
    measured = all(steps[run.variant, run.frames].peak_memory_bytes for run in runs)
    budget = experiment.profile.memory_gib
    lines = [
        f"# What {experiment.name} takes",
        "",
        f"- Videos: {videos['train']} to train on, {videos['val']} to validate on.",
        *(_disk(experiment, split) for split in ("train", "val")),
        f"- Time: {hours:.3g} hours for {len(runs)} runs, one after the other, if reading the clips keeps up"
        f"{' and gradients travel in no time' if shared else ''}; by steps timed on {machine} ({steps_path}).",
        f"- Memory: {largest:.2g} GiB at most, {'more' if largest > budget else 'no more'} than the {budget:g} GiB of "
        f"profile.memory_gib; of a training step, {'measured there' if measured else ESTIMATED}.",
        "",
        table.to_markdown(index=False, floatfmt=".3g"),
    ]
    return "\n".join(lines)


def _disk(experiment: Experiment, split: str) -> str:
    dataset = experiment.dataset
    if not (dataset.videos.is_dir() and all(map(dataset.is_there, (split, "train")))):
        return f"- Cache of {split}: not known before a few of its videos are in {dataset.videos}."
    source = Source.of(experiment, split)
    if is_built(source):
        return f"- Cache of {split}: built."
    need = need_of(source, workers=1)
    return (
        f"- Cache of {split}: {size_text(need.bytes)} in {need.shards} shards, which take {need.seconds / 3600:.3g} "
        "hours of a core; guessed from a few videos."
    )


def _table(
    experiment: Experiment, runs: list[Run], steps: dict[tuple[str, int], StepTime], videos: dict[str, int]
) -> pd.DataFrame:
    """A row a run."""
    estimated = cache(lambda variant, frames: estimated_peak(experiment, variant, frames))  # alike of all its starts
    evaluated = evaluated_runs(experiment)
    rows = []
    for run in runs:
        step, batch = steps[run.variant, run.frames], experiment.clips_per_batch(run)
        seconds = step.training_seconds * experiment.clips_per_gpu(run) / step.clips  # if gradients travel in no time
        updates = experiment.train.epochs * (videos["train"] // batch)
        views = experiment.clip.evaluation_clips * experiment.clip.evaluation_crops
        clips = videos["val"] * views if run in evaluated else 0
        peak = step.peak_memory_bytes
        rows.append(
            {
                "run": run.name,
                "updates": updates,
                "clips an update": batch,
                "ms an update": 1000 * seconds,
                "training h": updates * seconds / 3600,
                "evaluation h": clips * step.evaluation_seconds / step.clips / 3600,
                "memory GiB": (estimated(run.variant, run.frames) if peak is None else peak) / GIB,
            }
        )
    return pd.DataFrame(rows)


def estimated_peak(experiment: Experiment, variant: str, frames: int) -> int:
    """Bytes of a training step on a GPU's share of a batch, as it would be run."""
    run = Run.of(variant, frames, "random", None, 0)
    model = recompute_activations(network_of(run, experiment), experiment.train.recompute_activations)
    crop = experiment.clip.crop
    return estimate_memory(model, (experiment.clips_per_gpu(run), 3, frames, crop, crop)).training

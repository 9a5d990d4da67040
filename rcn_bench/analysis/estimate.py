"""What an experiment will take, before it is run: disk, hours of each run and memory."""

import gc
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from rcn_bench.analysis.cost import median_seconds
from rcn_bench.analysis.memory import GIB, estimate_memory
from rcn_bench.data.annotations import read_annotations
from rcn_bench.data.source import Source
from rcn_bench.data.space import is_built, need_of
from rcn_bench.data.transforms import Augmentation
from rcn_bench.engine.build import architecture
from rcn_bench.engine.device import pick_device, place, room_for
from rcn_bench.engine.optimisation import build_step
from rcn_bench.engine.training_step import Autocast
from rcn_bench.errors import InputError
from rcn_bench.experiment import Config, Run, all_runs, table_runs
from rcn_bench.files import read_json, size_text, write_json
from rcn_bench.layout import Layout
from rcn_bench.models import create_model
from rcn_bench.provenance import provenance

ESTIMATED = "in float32, estimated from tensor shapes: mixed precision takes less"
CLIPS_ON_A_CPU = 4  # timed in place of a whole batch, which can take minutes there


@dataclass(frozen=True)
class StepTime:
    """A model at a clip length, timed: seconds of a training step and of evaluation, each on ``clips`` clips.

    model: with its options, as in a run's name. peak_memory_bytes: of the training step, on a GPU.
    """

    model: str
    frames: int
    clips: int
    training_seconds: float
    evaluation_seconds: float
    peak_memory_bytes: int | None


def measure_steps(config: Config, path: Path, progress: Callable[[str], None] = print) -> None:
    """Time every model of an experiment at its clip lengths on this machine, trained as it would be, on resident clips.

    Writes path, after each of them.
    """
    torch.set_num_threads(config["train"]["threads"])
    torch.backends.cudnn.benchmark = True
    rows = []
    for run in sorted({(_model(run), run.frames): run for run in all_runs(config)}.values()):
        with room_for(f"a training step of {_model(run)} at {run.frames} frames"):
            step = _measured(run, config, pick_device())
        progress(" ".join(f"{key} {value}" for key, value in asdict(step).items()))
        rows.append(asdict(step))
        write_json(path, {"rows": rows, "settings": _settings(config), **provenance()})


def _settings(config: Config) -> dict[str, Any]:
    """What the time of a step depends on, beside its model, its frames and the machine."""
    names = ("frames_per_batch", "autocast", "compile", "cuda_graph", "activation_checkpointing")
    return {name: config["train"][name] for name in names} | {
        "crop": config["clip"]["crop"],
        "stem_pool": config["stem_pool"],
    }


def _model(run: Run) -> str:
    return "+".join([run.model, *run.options])


def _network(run: Run, config: Config) -> torch.nn.Module:
    return create_model(run.model, config["profile"]["num_classes"], **architecture(run, config))


def _measured(run: Run, config: Config, device: torch.device) -> StepTime:
    torch._dynamo.reset()
    crop, box = config["clip"]["crop"], Augmentation.of(config).box
    clips = config["train"]["frames_per_batch"] // run.frames
    if device.type == "cpu":
        clips = min(clips, CLIPS_ON_A_CPU)
    model = place(_network(run, config), device)
    boxes = torch.randint(0, 256, (clips, run.frames, box, box, 3), dtype=torch.uint8, device=device)
    maps = torch.eye(2, 3, device=device).expand(clips, 2, 3)
    classes = torch.zeros(clips, dtype=torch.long, device=device)
    seconds = config["profile"]["seconds"]
    if device.type == "cuda":
        gc.collect()  # the model before, its step and its graph, which hold each other
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    step = build_step(model.train(), config, device)
    training = median_seconds(partial(step, [boxes, maps, classes], 1e-4), seconds, device)
    peak = torch.cuda.max_memory_allocated() if device.type == "cuda" else None
    autocast = Autocast(config["train"]["autocast"], device)
    inputs = torch.randn(clips, 3, run.frames, crop, crop, device=device)

    @torch.inference_mode()
    def infer() -> None:
        with autocast.context():
            model(inputs)

    model.eval()
    return StepTime(_model(run), run.frames, clips, training, median_seconds(infer, seconds, device), peak)


def estimate(config: Config, layout: Layout, steps_path: Path, train_videos: int | None, val_videos: int | None) -> str:
    """Markdown: what the cache, each run and all of them take.

    steps_path: of measured steps. train_videos, val_videos: how many there will be, where the lists are not there yet.
    Errors: InputError if neither a list nor a number is there, or for models that were not timed in this way.
    """
    steps, machine = _read_steps(steps_path, config)
    videos = {
        split: _videos(config, layout, split, given) for split, given in (("train", train_videos), ("val", val_videos))
    }
    runs = all_runs(config)
    for run in runs:
        if (_model(run), run.frames) not in steps:
            raise InputError(f"{steps_path}: {_model(run)} at {run.frames} frames was not timed there")
    table = pd.DataFrame([_row(run, config, videos, steps[_model(run), run.frames]) for run in runs])
    hours, largest = table[["training h", "evaluation h"]].sum().sum(), table["memory GiB"].max()
    measured = all(steps[_model(run), run.frames].peak_memory_bytes for run in runs)
    budget = config["profile"]["memory_gib"]
    lines = [
        f"# What {config['name']} takes",
        "",
        f"- Videos: {videos['train']} to train on, {videos['val']} to validate on.",
        *(_disk(config, layout, split) for split in ("train", "val")),
        f"- Time: {hours:.3g} hours for {len(runs)} runs, one after the other, if reading the clips keeps up; by steps "
        f"timed on {machine} ({steps_path}).",
        f"- Memory: {largest:.2g} GiB at most, {'more' if largest > budget else 'no more'} than the {budget:g} GiB of "
        f"profile.memory_gib; of a training step, {'measured there' if measured else ESTIMATED}.",
        "",
        table.to_markdown(index=False, floatfmt=".3g"),
    ]
    return "\n".join(lines)


def _read_steps(path: Path, config: Config) -> tuple[dict[tuple[str, int], StepTime], str]:
    """The times by model and frames, and the name of the machine."""
    try:
        content = read_json(path)
        rows = [StepTime(**row) for row in content["rows"]]
        machine, settings = content["machine"], content["settings"]
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"{path}: no step times ({error}); without --step-times they are taken on this machine"
        ) from error
    for name, value in _settings(config).items():
        if settings.get(name) != value:
            raise InputError(f"{path}: timed with {name} {settings.get(name)}, the config has {value}; time it anew")
    times = {(row.model, row.frames): row for row in rows}
    return times, machine["cpu"] if machine["device"] == "cpu" else machine["device"]


def _videos(config: Config, layout: Layout, split: str, given: int | None) -> int:
    if given is not None:
        return given
    if "digits" in config["data"]:
        return config["data"]["digits"][f"{split}_videos"]
    path = layout.annotations(config, split)
    if not path.exists():
        raise InputError(f"data.annotations.{split}: {path}: not there yet; say how many with --{split}-videos NUMBER")
    return len(read_annotations(path, layout.videos(config)))


def _disk(config: Config, layout: Layout, split: str) -> str:
    lists = [layout.annotations(config, of) for of in (split, "train")]
    if not (layout.videos(config).is_dir() and all(path.exists() for path in lists)):
        return f"- Cache of {split}: not known before a few of its videos are in {layout.videos(config)}."
    source = Source.of(config, layout, split)
    if is_built(source):
        return f"- Cache of {split}: built."
    need = need_of(source, workers=1)
    return (
        f"- Cache of {split}: {size_text(need.bytes)} in {need.shards} shards, which take {need.seconds / 3600:.3g} "
        "hours of a core; guessed from a few videos."
    )


def _row(run: Run, config: Config, videos: dict[str, int], step: StepTime) -> dict[str, Any]:
    batch = config["train"]["frames_per_batch"] // run.frames
    updates = config["train"]["epochs"] * (videos["train"] // batch)
    clips = videos["val"] * config["clip"]["evaluation_clips"] if run in table_runs(config) else 0
    peak = step.peak_memory_bytes
    if peak is None:
        crop = config["clip"]["crop"]
        peak = estimate_memory(_network(run, config), (batch, 3, run.frames, crop, crop)).training
    return {
        "run": run.name,
        "updates": updates,
        "clips an update": batch,
        "ms an update": 1000 * step.training_seconds * batch / step.clips,
        "training h": updates * step.training_seconds * batch / step.clips / 3600,
        "evaluation h": clips * step.evaluation_seconds / step.clips / 3600,
        "memory GiB": peak / GIB,
    }

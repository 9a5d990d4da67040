"""What tests of training share: runs on the smallest embedded digits, changed configs, interruptions, cards."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml
from changes import with_changes
from safetensors.torch import save
from torch import Tensor, nn

import rcn_bench.engine.train as training
from rcn_bench.models.frames import recurrent_layers
from rcn_bench.plan.config import check_config
from rcn_bench.plan.experiment import Experiment
from rcn_bench.plan.run import Run
from rcn_bench.records.weights import Card, sealed
from results import an_example

REPOSITORY = Path(__file__).parents[2]
RCN = Run("rcn18", 4, "stills", "identity", 0)
C2D = Run("c2d18", 4, "random", None, 0)
RUNS = [RCN, C2D]
VIDEOS, EPOCHS, CLIPS = 16, 2, 4
SKIPPED = "brief_000000_000001"
TIMES = {"seconds", "waiting_for_clips"}  # of an epoch, which are others every time
# Clips of 4 frames span 7 of a video's 25, so that three clips are symmetric under reversal.
TINY: dict[str, Any] = {
    "name": "tiny",
    "data.digits": {
        **{"digits": [1, 4], "canvas": 20, "video_frames": 25, "frame_rate": 8, "speed": [0.03, 0.06], "seed": 0},
        **{"train_videos": VIDEOS, "val_videos": VIDEOS, "stills": 64, "clutter": 1},
    },
    "clip": {"stride": 2, "crop": 16, "evaluation_clips": CLIPS},
    "train.epochs": EPOCHS,
    "train.frames_per_batch": 32,
    "train.lr": 0.01,
    "pretrain.epochs": 1,
    "tables": {"table1": {"model": "rcn18", "frames": 4}},
    "figures": {},
}


def tiny_experiment(results: Path) -> Experiment:
    mini = yaml.safe_load((REPOSITORY / "config" / "mini.yaml").read_text())
    return check_config(with_changes(mini, TINY), "tiny", results)


def changed(experiment: Experiment, changes: dict[str, Any]) -> Experiment:
    """The experiment with other values at dotted keys, such as train.lr."""
    return check_config(with_changes(experiment.config, changes), "changed", experiment.results)


def linked(experiment: Experiment, results: Path, *parts: str) -> Experiment:
    """The same experiment with results of its own, but for parts of those that are there."""
    other = replace(experiment, results=results)
    other.paths.root.mkdir(parents=True)
    for part in parts:
        (other.paths.root / part).symlink_to(experiment.paths.root / part)
    return other


def metrics_without_times(experiment: Experiment, run: Run) -> list[dict[str, Any]]:
    lines = experiment.paths.metrics(run).read_text().splitlines()
    return [{key: value for key, value in json.loads(line).items() if key not in TIMES} for line in lines]


def save_weights(experiment: Experiment, run: Run, model: nn.Module, labels: list[str], **changes: Any) -> None:
    """Write a model's weights as if the run had been trained."""
    card = an_example(
        Card,
        **{
            "run": run.name,
            "labels": labels,
            "stem_pool": experiment.stem_pool,
            "frames": run.frames,
            "stride": experiment.clip.stride,
            "crop": experiment.clip.crop,
            "evaluation_clips": experiment.clip.evaluation_clips,
            "evaluation_crops": experiment.clip.evaluation_crops,
            "short_side": experiment.dataset.short_side,
            "frame_rate": experiment.dataset.frame_rate,
            "autocast": experiment.train.autocast,
            "plugins": experiment.plugins,
            "recurrent_layers": recurrent_layers(model),
            **changes,
        },
    )
    path = experiment.paths.weights(run)
    path.parent.mkdir(parents=True, exist_ok=True)
    save_with_card(model.state_dict(), path, card)


def save_with_card(state: Mapping[str, Tensor], path: Path, card: Card) -> None:
    path.write_bytes(sealed(save({k: v.contiguous() for k, v in state.items()}, card.to_metadata())))


def silent(line: str) -> None:
    pass


def refuse_to_train(*args):
    raise AssertionError("training started")


def interrupt(*args, **options):
    raise KeyboardInterrupt


def interrupt_after(monkeypatch, epochs: int) -> None:
    """Stop training as Ctrl-C would, after some epochs."""
    whole, calls = training.train_one_epoch, []

    def interrupted(*args):
        calls.append(args)
        if len(calls) > epochs:
            raise KeyboardInterrupt
        return whole(*args)

    monkeypatch.setattr(training, "train_one_epoch", interrupted)

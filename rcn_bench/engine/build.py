"""From a run to its model: options, initial weights, and the plugins that register a user's own models."""

import importlib
import json
import os
import sys
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from torch import nn

from rcn_bench.errors import InputError
from rcn_bench.experiment import OPTION_WORDS, Config, Run, all_runs, base_network, profiled_clips
from rcn_bench.layout import Layout
from rcn_bench.models import create_model, model_options, shortest_clip
from rcn_bench.models.init import read_state_dict


def load_plugins(config: Config) -> None:
    """Import the modules under ``plugins`` of the config; the working directory is searched too."""
    for module in config.get("plugins", []):
        if os.getcwd() not in sys.path:
            sys.path.insert(0, os.getcwd())
        try:
            importlib.import_module(module)
        except ImportError as error:
            raise InputError(f"plugins: cannot import {module} ({error})") from error


def check_runs(config: Config, layout: Layout) -> None:
    """Find before the first job what would stop a later one.

    Errors: InputError for a model or an init that cannot be built, or for files of the user's that are not there.
    """
    load_plugins(config)
    for model in {run.model for run in all_runs(config)} | {
        *profiled_clips(config),
        *config["tables"]["table5"]["models"],
    }:
        model_options(model)
    for run in all_runs(config):
        _options(run, config, layout)
        _require_frames(run.name, run.model, run.frames)
        path = initial_weights_file(run, config, layout) if run.w_xh == "imagenet" else None
        if path is not None and not path.is_file():
            raise InputError(f"weights_files.{base_network(run.model)}: {path}: no such weights file")
    of = config["tables"]["table5"]
    for model in of["models"]:
        _require_frames("tables.table5.frames", model, of["frames"])
    if "videos" in config["data"]:
        for key, path in (
            ("annotations.train", layout.annotations(config, "train")),
            ("annotations.val", layout.annotations(config, "val")),
            ("videos", layout.videos(config)),
        ):
            if not path.exists():
                raise InputError(f"data.{key}: {path}: no such file or folder")


def _require_frames(source: str, model: str, frames: int) -> None:
    shortest = shortest_clip(model)
    if frames < shortest:
        raise InputError(f"{source}: {model} needs clips of {shortest} frames or more")


def initial_weights_file(run: Run, config: Config, layout: Layout) -> Path | None:
    """The file that a run's w_xh comes from: None for random weights and for a download by torchvision."""
    if run.w_xh == "stills":
        return layout.pretrained(base_network(run.model))
    if run.w_xh == "imagenet":
        files = config.get("weights_files")
        path = files.get(base_network(run.model)) if files else None
        return None if path is None else Path(path)
    return None


def build_model(run: Run, config: Config, layout: Layout, num_classes: int) -> nn.Module:
    """The model of a run with its initial weights; draws from torch's global generator.

    Errors: InputError for an unknown model or init, or a weights file that is missing or of another architecture.
    """
    return create_model(run.model, num_classes, **_options(run, config, layout))


def _options(run: Run, config: Config, layout: Layout) -> dict[str, Any]:
    options = architecture(run, config)
    if "w_xh" in model_options(run.model):
        options |= {"w_xh": run.w_xh, "weights_file": initial_weights_file(run, config, layout)}
    elif run.w_xh != "random":
        raise InputError(f"{run.name}: {run.model} has no 2D weights to start from; its only w_xh is random")
    if run.w_hh is not None:
        if "w_hh" not in model_options(run.model):
            raise InputError(f"{run.name}: {run.model} has no recurrence; leave w_hh out of models.{run.model}")
        options["w_hh"] = run.w_hh
    return options


def trained_model(run: Run, config: Config, path: Path, num_classes: int) -> nn.Module:
    """The model of a run with the weights in a file. Errors: InputError if they are missing or do not fit."""
    model = create_model(run.model, num_classes, **architecture(run, config))
    try:
        model.load_state_dict(read_state_dict(path))
    except RuntimeError as error:
        raise InputError(f"{path}: not the weights of {run.name} ({str(error).splitlines()[-1].strip()})") from error
    return model


def load_checkpoint(path: Path) -> tuple[nn.Module, Run, list[str], Config]:
    """The network of a run's model.safetensors, its run, labels and config. Errors: InputError for any other file."""
    if not path.is_file():
        raise InputError(f"{path}: no such weights file")
    try:
        with safe_open(path, "pt") as file:
            card = file.metadata() or {}
        run, config, labels = Run.parse(card["run"]), json.loads(card["config"]), json.loads(card["labels"])
    except (SafetensorError, KeyError, ValueError, InputError) as error:
        raise InputError(f"{path}: not the model.safetensors of a run") from error
    return trained_model(run, config, path, len(labels)), run, labels, config


def architecture(run: Run, config: Config) -> dict[str, Any]:
    """The options of a run that shape its network, whatever its weights."""
    load_plugins(config)
    options: dict[str, Any] = {}
    if "stem_pool" in model_options(run.model):
        options["stem_pool"] = config["stem_pool"]
    for word in run.options:
        options |= OPTION_WORDS[word]
    return options

"""What each model of an experiment costs, at every clip length, with and without the stem's pool."""

import os
from collections.abc import Iterator
from typing import Any

import torch
from torch import nn

from rcn_bench.analysis.cost import (
    clips_per_second,
    count_gmacs,
    count_parameters,
    estimate_activation_memory,
    measure_activation_memory,
)
from rcn_bench.engine.build import load_plugins
from rcn_bench.engine.device import pick_device, place
from rcn_bench.experiment import Config, clip_lengths, timed_models
from rcn_bench.files import write_json
from rcn_bench.layout import Layout
from rcn_bench.models import create_model, model_options
from rcn_bench.provenance import provenance


def profile(model_name: str, config: Config, layout: Layout) -> None:
    """Write what can be counted of a model: parameters, GMACs and activation memory, at the profile's size and classes.

    Memory is estimated on a machine without a GPU and measured on one with.
    Errors: InputError for an unknown model, or one with an operator that has no count.
    """
    load_plugins(config)
    device = pick_device()
    rows = [_counts(*variant, config, device) for variant in _variants(model_name, config)]
    write_json(layout.profile(model_name), {"model": model_name, "rows": rows, **provenance()})
    _print(rows)


def time_models(config: Config, layout: Layout, threads: int) -> None:
    """Write the clips/s of every model that a table times, in training and inference, all in this one process.

    Timed in float32 at the experiment's own crop.
    """
    load_plugins(config)
    torch.set_num_threads(min(threads, os.cpu_count() or 1))
    device = pick_device()
    rows = [
        _throughput(*variant, config, device)
        for model_name in timed_models(config)
        for variant in _variants(model_name, config)
    ]
    write_json(layout.throughput, {"rows": rows, **provenance()})
    _print(rows)


def _variants(model_name: str, config: Config) -> Iterator[tuple[str, int, bool | None]]:
    """The model at every clip length, with and without the stem's pool where it has that option."""
    stems = [True, False] if "stem_pool" in model_options(model_name) else [None]
    return ((model_name, frames, stem) for frames in clip_lengths(config) for stem in stems)


def _counts(
    model_name: str, frames: int, stem_pool: bool | None, config: Config, device: torch.device
) -> dict[str, Any]:
    settings = config["profile"]
    model = _model(model_name, stem_pool, config)
    clip_shape = (3, frames, settings["size"], settings["size"])
    batch = max(settings["memory_frames_per_batch"] // frames, 1)
    bytes_kept, how = _activation_memory(model, (batch, *clip_shape), device)
    return {
        "model": model_name,
        "stem_pool": stem_pool,
        "frames": frames,
        "parameters": count_parameters(model),
        "gmacs": count_gmacs(model.to("cpu"), torch.zeros(1, *clip_shape)),
        "input": "x".join(map(str, clip_shape)),
        "classes": settings["num_classes"],
        "memory_batch": batch,
        "activation_bytes": bytes_kept,
        "memory_is": how,
    }


def _activation_memory(model: nn.Module, clip_shape: tuple[int, ...], device: torch.device) -> tuple[int, str]:
    if device.type == "cuda":
        try:
            return measure_activation_memory(place(model, device).train(), clip_shape, device), "measured"
        except torch.OutOfMemoryError:
            torch.cuda.empty_cache()  # too large for this card: estimated, as on a machine without one
    return estimate_activation_memory(model.to("cpu"), clip_shape), "estimated"


def _throughput(
    model_name: str, frames: int, stem_pool: bool | None, config: Config, device: torch.device
) -> dict[str, Any]:
    settings, crop = config["profile"], config["clip"]["crop"]
    batch = max(settings["timing_frames_per_batch"] // frames, 2)
    model = place(_model(model_name, stem_pool, config), device)
    clip = torch.randn(batch, 3, frames, crop, crop, device=device)
    return {
        "model": model_name,
        "stem_pool": stem_pool,
        "frames": frames,
        "timing_input": f"3x{frames}x{crop}x{crop}",
        "timing_batch": batch,
        "training_clips_per_second": round(clips_per_second(model, clip, settings["seconds"], training=True), 2),
        "inference_clips_per_second": round(clips_per_second(model, clip, settings["seconds"], training=False), 2),
    }


def _model(model_name: str, stem_pool: bool | None, config: Config) -> nn.Module:
    options = {} if stem_pool is None else {"stem_pool": stem_pool}
    return create_model(model_name, config["profile"]["num_classes"], **options)


def _print(rows: list[dict[str, Any]]) -> None:
    for row in rows:
        print(" ".join(f"{key} {value}" for key, value in row.items()), flush=True)

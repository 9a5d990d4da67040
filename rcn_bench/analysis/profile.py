"""What each model of an experiment costs, at every clip length, with and without the stem's pool."""

import os
from collections.abc import Iterator
from dataclasses import asdict
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from rcn_bench.analysis.cost import clips_per_second, count_gmacs, count_parameters, live_frames_per_second
from rcn_bench.analysis.memory import (
    GIB,
    Memory,
    estimate_memory,
    estimated_largest_batch,
    measure_memory,
    measured_largest_batch,
)
from rcn_bench.engine.build import load_plugins
from rcn_bench.engine.device import pick_device, place
from rcn_bench.errors import InputError
from rcn_bench.experiment import Config, profiled_clips, timed_clips
from rcn_bench.files import write_json
from rcn_bench.layout import Layout
from rcn_bench.models import create_model, model_options, shortest_clip
from rcn_bench.models.checkpointing import checkpoint_activations
from rcn_bench.models.frames import FrameNet
from rcn_bench.provenance import provenance


def profile(model_name: str, config: Config, layout: Layout) -> None:
    """Write what can be counted of a model: parameters, GMACs and memory, at the profile's size and classes.

    Memory is estimated, and on a machine with a GPU measured too, under a cap of the profile's budget.
    Errors: InputError for an unknown model, or one with an operator that has no count.
    """
    load_plugins(config)
    device = pick_device()
    model_options(model_name)
    lengths = profiled_clips(config).get(model_name)
    if lengths is None:
        raise InputError(f"{model_name}: no table of this config shows it; add it to tables.table4.models")
    rows = [_counts(*variant, config, device) for variant in _variants(model_name, lengths)]
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
        for model_name, lengths in timed_clips(config).items()
        for variant in _variants(model_name, lengths)
    ]
    write_json(layout.throughput, {"rows": rows, **provenance()})
    _print(rows)


def _variants(model_name: str, lengths: list[int]) -> Iterator[tuple[str, int, bool | None]]:
    """The model at every clip length that it takes, with and without the stem's pool where it has that option."""
    stems = [True, False] if "stem_pool" in model_options(model_name) else [None]
    possible = [frames for frames in lengths if frames >= shortest_clip(model_name)]
    return ((model_name, frames, stem) for frames in possible for stem in stems)


def _counts(
    model_name: str, frames: int, stem_pool: bool | None, config: Config, device: torch.device
) -> dict[str, Any]:
    settings = config["profile"]
    model = _model(model_name, stem_pool, config)
    clip_shape = (3, frames, settings["size"], settings["size"])
    clip = torch.zeros(1, *clip_shape)
    row = {
        "model": model_name,
        "stem_pool": stem_pool,
        "frames": frames,
        "parameters": count_parameters(model),
        "gmacs": count_gmacs(model, clip),
        "input": "x".join(map(str, clip_shape)),
        "classes": settings["num_classes"],
        "memory_batch": max(settings["memory_frames_per_batch"] // frames, 1),
        "activation_checkpointing": config["train"]["activation_checkpointing"],
    }
    row["gmacs_per_new_frame"] = row["gmacs"]  # of a window, unless the network carries a state
    if isinstance(model, FrameNet):
        row["gmacs_per_new_frame"] = count_gmacs(_OneStep(model.eval(), clip[:, :, 0]), clip[:, :, -1])
    if row["activation_checkpointing"]:
        checkpoint_activations(model)
    return row | _memory(model, (row["memory_batch"], *clip_shape), int(settings["memory_gib"] * GIB), device)


class _OneStep(nn.Module):
    """A frame of a stream, after the first."""

    def __init__(self, model: FrameNet, first: Tensor) -> None:
        super().__init__()
        self.model = model
        with torch.no_grad():
            _, self.state = model.step(first, model.initial_state(len(first)))

    def forward(self, frame: Tensor) -> Tensor:
        return self.model.step(frame, self.state)[0]


def _memory(model: nn.Module, clip_shape: tuple[int, ...], budget: int, device: torch.device) -> dict[str, Any]:
    """The estimate of a batch and of the largest that fits the budget; on a GPU the same measured."""
    fits = estimated_largest_batch(partial(estimate_memory, model), clip_shape[1:], budget)
    row = {f"estimated_{key}": value for key, value in _as_row(estimate_memory(model, clip_shape), fits).items()}
    if device.type != "cuda":
        return row
    place(model, device)
    fits = measured_largest_batch(partial(measure_memory, model), clip_shape[1:], budget, guess=fits)
    measured = measure_memory(model, clip_shape) if fits >= clip_shape[0] else None
    return row | {f"measured_{key}": value for key, value in _as_row(measured, fits).items()}


def _as_row(memory: Memory | None, largest_batch: int) -> dict[str, Any]:
    sizes = asdict(memory) if memory else dict.fromkeys(Memory.__dataclass_fields__)
    return {f"{key}_bytes": value for key, value in sizes.items()} | {"largest_batch": largest_batch}


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
        "live_frames_per_second": round(live_frames_per_second(model, clip[:1], settings["seconds"]), 2),
        "live_by": "state" if isinstance(model, FrameNet) else "window",
    }


def _model(model_name: str, stem_pool: bool | None, config: Config) -> nn.Module:
    options = {} if stem_pool is None else {"stem_pool": stem_pool}
    return create_model(model_name, config["profile"]["num_classes"], **options)


def _print(rows: list[dict[str, Any]]) -> None:
    for row in rows:
        print(" ".join(f"{key} {value}" for key, value in row.items()), flush=True)

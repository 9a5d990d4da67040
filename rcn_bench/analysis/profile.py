"""The cost of one model at every clip length of an experiment, with and without the stem's pool."""

import os
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
from rcn_bench.experiment import Config, clip_lengths
from rcn_bench.files import write_json
from rcn_bench.layout import Layout
from rcn_bench.models import create_model, model_options
from rcn_bench.provenance import provenance


def profile(model_name: str, config: Config, layout: Layout, threads: int) -> None:
    """Write the costs of a model: a row for each clip length and stem, and the machine that they were taken on.

    Parameters, GMACs and memory are counted at the profile's size and classes; memory is estimated on a machine
    without a GPU and measured on one with. Throughput is timed in float32 at the experiment's own crop.
    """
    load_plugins(config)
    torch.set_num_threads(min(threads, os.cpu_count() or 1))
    device = pick_device()
    stems = [True, False] if "stem_pool" in model_options(model_name) else [None]
    rows = [_costs(model_name, frames, stem, config, device) for frames in clip_lengths(config) for stem in stems]
    write_json(layout.profile(model_name), {"model": model_name, "rows": rows, **provenance()})
    for row in rows:
        print(" ".join(f"{key} {value}" for key, value in row.items()), flush=True)


def _costs(
    model_name: str, frames: int, stem_pool: bool | None, config: Config, device: torch.device
) -> dict[str, Any]:
    settings = config["profile"]
    options = {} if stem_pool is None else {"stem_pool": stem_pool}
    model = create_model(model_name, settings["num_classes"], **options)
    clip_shape = (3, frames, settings["size"], settings["size"])
    batch = max(settings["memory_frames_per_batch"] // frames, 1)
    row: dict[str, Any] = {
        "model": model_name,
        "stem_pool": stem_pool,
        "frames": frames,
        "parameters": count_parameters(model),
        "gmacs": count_gmacs(model, torch.zeros(1, *clip_shape)),
        "input": "x".join(map(str, clip_shape)),
        "classes": settings["num_classes"],
        "memory_batch": batch,
    }
    bytes_kept, how = _activation_memory(model, (batch, *clip_shape), device)
    row |= {"activation_bytes": bytes_kept, "memory_is": how}
    model = place(model, device)
    return row | _throughput(model, frames, config, device)


def _activation_memory(model: nn.Module, clip_shape: tuple[int, ...], device: torch.device) -> tuple[int, str]:
    if device.type == "cuda":
        try:
            return measure_activation_memory(place(model, device).train(), clip_shape, device), "measured"
        except torch.OutOfMemoryError:
            torch.cuda.empty_cache()  # too large for this card: estimated, as on a machine without one
    return estimate_activation_memory(model.to("cpu"), clip_shape), "estimated"


def _throughput(model: nn.Module, frames: int, config: Config, device: torch.device) -> dict[str, Any]:
    settings, crop = config["profile"], config["clip"]["crop"]
    batch = max(settings["timing_frames_per_batch"] // frames, 2)
    clip = torch.randn(batch, 3, frames, crop, crop, device=device)
    return {
        "timing_input": f"3x{frames}x{crop}x{crop}",
        "timing_batch": batch,
        "training_clips_per_second": round(clips_per_second(model, clip, settings["seconds"], training=True), 2),
        "inference_clips_per_second": round(clips_per_second(model, clip, settings["seconds"], training=False), 2),
    }

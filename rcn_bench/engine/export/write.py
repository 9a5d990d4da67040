"""A causal network written for where cameras are: its step, or a clip, verified after it is written."""

from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from rcn_bench import __version__
from rcn_bench.code import load_plugins
from rcn_bench.data.crops import MEAN, STD
from rcn_bench.engine.build import load_weights
from rcn_bench.engine.export.formats import FORMATS, TORCH
from rcn_bench.engine.export.int8 import Footage, quantise
from rcn_bench.engine.export.step import Step
from rcn_bench.engine.export.verify import FRAMES, clip_drift, largest_drift, random_frames, require_no_drift
from rcn_bench.engine.live.by_onnxruntime import imported
from rcn_bench.engine.live.causal import require_causal
from rcn_bench.files import replacing, size_text
from rcn_bench.models import create_model
from rcn_bench.models.frames import FrameNet
from rcn_bench.plan.experiment import Experiment
from rcn_bench.plan.run import Run
from rcn_bench.records.exported import ExportedCard


def export_weights(weights: Path, format_name: str, clip: int, output: Path, int8_by: Experiment | None = None) -> None:
    """Write the step of a trained run, or the network on clips of so many frames.

    weights: its model.safetensors. format_name: a key of FORMATS. clip: 0 for the step; others go with torch.
    int8_by: the experiment by whose videos the ONNX step is brought to int8, and verified; None for float32.

    Errors: InputError for any other file, a model that is not causal, a missing package or cache, or if what was
    written does not compute what the network does; then nothing is left.
    """
    _require_packages(format_name)
    model, card, sha256 = load_weights(weights)
    network = require_causal(model, f"{weights}: {Run.parse(card.run).model}")
    exported = card_of(
        network=card.run,
        clip=clip,
        labels=card.labels,
        frames=card.frames,
        stride=card.stride,
        crop=card.crop,
        short_side=card.short_side,
        frame_rate=card.frame_rate,
        weights_sha256=sha256,
        precision="int8" if int8_by else "float32",
    )
    _export(network, exported, format_name, output, Footage(int8_by, card) if int8_by else None)


def export_untrained(
    name: str, plugins: list[str], classes: int, size: int, format_name: str, clip: int, output: Path
) -> None:
    """The same of a model with random weights, to try a runtime with. size: height and width of its frames."""
    _require_packages(format_name)
    load_plugins(plugins)
    torch.manual_seed(0)
    network = require_causal(create_model(name, classes), f"export: {name}")
    exported = card_of(
        network=name,
        clip=clip,
        labels=[f"class {number}" for number in range(classes)],
        frames=0,
        stride=1,
        crop=size,
        short_side=None,
        frame_rate=None,
    )
    _export(network, exported, format_name, output)


def _require_packages(format_name: str) -> None:
    """At once, since tracing takes a while. Errors: InputError."""
    for name in FORMATS[format_name].packages:
        imported(name)


def card_of(**fields: Any) -> ExportedCard:
    versions = {"rcn_bench": __version__, "torch": version("torch")}
    return ExportedCard(mean=list(MEAN), std=list(STD), versions=versions, **fields)


def _export(
    network: FrameNet, card: ExportedCard, format_name: str, output: Path, footage: Footage | None = None
) -> None:
    network.eval().requires_grad_(False)
    frames = 4 * card.clip or FRAMES
    with replacing(output) as temporary:
        if card.clip:
            drift = _write_clip(network, card, temporary)
        else:
            drift = _write_step(network, card, format_name, temporary, footage)
        require_no_drift(drift, frames, str(output), footage is not None)
        size = size_text(temporary.stat().st_size)
    what = f"clips of {card.clip} frames" if card.clip else "a step in int8" if footage else "a step"
    print(
        f"{output}: {what} of {card.network}, {size}; over {frames} frames its logits are within {drift:.1g} of the "
        "network's largest"
    )


def _write_step(network: FrameNet, card: ExportedCard, format_name: str, path: Path, footage: Footage | None) -> float:
    """How far what was written drifts."""
    frame = torch.randn(2, 3, card.crop, card.crop)
    file, step = FORMATS[format_name], Step(network, frame)
    file.write(step, frame, replace(card, states=step.shapes), path)
    if footage:
        quantise(path, footage)
    videos = footage.to_verify(card) if footage else random_frames(card.crop)
    return largest_drift(network, file.opened(path, step), videos)


def _write_clip(network: FrameNet, card: ExportedCard, path: Path) -> float:
    TORCH.write_clip(network, torch.randn(2, 3, card.clip, card.crop, card.crop), card, path)
    return clip_drift(network, TORCH.loaded(path), card.clip, card.crop)

"""A step whose convolutions compute in int8; those of a state, the products with w_hh, stay in float32.

One range for all channels of a state does not do, since folded batch norm scales them apart (docs/performance.md).
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from itertools import chain, cycle, islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from rcn_bench.data.cache.index import Cache, CachedVideo
from rcn_bench.data.crops import centre_crop
from rcn_bench.data.frames import ClipLayout
from rcn_bench.data.long_enough import long_enough
from rcn_bench.engine.export.verify import FRAMES
from rcn_bench.engine.live.by_onnxruntime import Array, OnnxStep, normalised
from rcn_bench.engine.trained import validation_cache
from rcn_bench.plan.experiment import Experiment
from rcn_bench.records.exported import STATE, ExportedCard
from rcn_bench.records.weights import Card

VIDEOS, CLIPS = 32, 2  # that ranges are taken from: videos spread over those trained on, clips of each


@dataclass(frozen=True)
class Footage:
    """The videos of an experiment, as the network of a card takes them.

    Errors: InputError where a cache is missing, other than the weights know it, or without a video of a clip's length.
    """

    experiment: Experiment
    card: Card

    def to_calibrate(self, exported: ExportedCard) -> Iterator[Array]:
        """The first clips of some training videos, each (T, 3, H, W)."""
        cache = Cache(self.experiment.paths.cache("train"))
        cache.require_own(self.experiment, "train")
        cache.require_stored(self.card.short_side, self.card.frame_rate)
        videos = self._long_enough(cache)
        for video in videos[:: -(-len(videos) // VIDEOS)]:
            yield self._frames(cache, video, exported)[: CLIPS * self.card.frames]

    def to_verify(self, exported: ExportedCard) -> Iterator[Tensor]:
        """FRAMES frames of two streams, (2, 3, H, W), each of validation videos one after the other."""
        cache = validation_cache(self.experiment, self.card)
        videos = self._long_enough(cache)
        halves = [videos[: -(-len(videos) // 2)], videos[len(videos) // 2 :]]
        streams = [chain.from_iterable(self._frames(cache, each, exported) for each in cycle(half)) for half in halves]
        for frames in islice(zip(*streams, strict=True), FRAMES):
            yield torch.from_numpy(np.stack(frames))

    def _long_enough(self, cache: Cache) -> list[CachedVideo]:
        return long_enough(cache, ClipLayout(self.card.frames, self.card.stride))[0]

    def _frames(self, cache: Cache, video: CachedVideo, exported: ExportedCard) -> Array:
        frames = centre_crop(cache.frames(video, step=self.card.stride), self.card.crop)
        return np.stack([normalised(frame, exported) for frame in frames])


def quantise(path: Path, footage: Footage) -> None:
    """Replace the step in an ONNX file by one in int8."""
    onnx, quantization = import_module("onnx"), import_module("onnxruntime.quantization")
    model, step = onnx.load(path), OnnxStep(path)
    with _quiet():
        quantization.quantize_static(
            model,
            path,
            _reader(quantization.CalibrationDataReader, _feeds(step, footage)),
            op_types_to_quantize=["Conv"],
            nodes_to_exclude=[node.name for node in model.graph.node if any(map(_is_state, node.input))],
            per_channel=True,
            activation_type=quantization.QuantType.QUInt8,
            weight_type=quantization.QuantType.QInt8,
        )


def _is_state(name: str) -> bool:
    return name.startswith(STATE)


def _feeds(step: OnnxStep, footage: Footage) -> Iterator[dict[str, Any]]:
    """What goes in frame by frame, as `stream` does it: states start anew after a clip's frames."""
    for frames in footage.to_calibrate(step.card):
        states = step.initial_states(1)
        for number, frame in enumerate(frames):
            started = np.array([number % step.card.frames != 0])
            yield {"frame": frame[None], "started": started, **{f"{STATE}{name}": states[name] for name in states}}
            _, states = step(frame[None], started, states)


def _reader(base: type, feeds: Iterator[dict[str, Any]]) -> Any:
    """As onnxruntime wants feeds: an object of a class of its own."""
    return type("Reader", (base,), {"get_next": lambda self: next(feeds, None)})()


@contextmanager
def _quiet() -> Iterator[None]:
    """Without advice on what to do before, which is done or would change nothing."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)

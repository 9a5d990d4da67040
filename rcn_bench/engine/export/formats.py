"""The files that a network can be exported to: each is written, and opened again as whoever runs it does."""

import io
import logging
import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor, nn

from rcn_bench.engine.export.step import Step
from rcn_bench.engine.export.verify import Stepper
from rcn_bench.engine.live.by_onnxruntime import OnnxStep
from rcn_bench.models.frames import FrameNet
from rcn_bench.models.inference import for_inference
from rcn_bench.records.exported import FRAME, KEY, LOGITS, NEXT, STARTED, STATE, ExportedCard


class Format(ABC):
    """packages: of the extra "live", that writing needs."""

    packages: tuple[str, ...] = ()

    @abstractmethod
    def write(self, step: Step, frame: Tensor, card: ExportedCard, path: Path) -> None:
        """frame: an example of two videos."""

    @abstractmethod
    def opened(self, path: Path, step: Step) -> Stepper:
        """The file as it will be used, for two videos. step: what was written into it."""


class Onnx(Format):
    """For onnxruntime and other runtimes: no torch, no Python of ours."""

    packages = ("onnx", "onnxscript", "onnxruntime")

    def write(self, step: Step, frame: Tensor, card: ExportedCard, path: Path) -> None:
        with _quiet():
            program = torch.onnx.export(
                traced(step, frame),
                dynamo=True,
                external_data=False,
                verbose=False,
                input_names=[FRAME, STARTED, *(f"{STATE}{name}" for name in step.names)],
                output_names=[LOGITS, *(f"{NEXT}{name}" for name in step.names)],
            )
            assert program is not None
            program.model.metadata_props[KEY] = card.to_json()
            program.save(path, external_data=False)

    def opened(self, path: Path, step: Step) -> Stepper:
        written = OnnxStep(path)
        states = written.initial_states(2)

        def stepper(frames: Tensor, started: Tensor) -> Tensor:
            nonlocal states
            logits, states = written(frames.numpy(), started.numpy(), states)
            return torch.from_numpy(logits)

        return stepper


class Torch(Format):
    """For torch: ``torch.export.load(FILE).module()``. A step needs nothing of this package, a clip its operator."""

    def write(self, step: Step, frame: Tensor, card: ExportedCard, path: Path) -> None:
        self._save(traced(step, frame), card, path)

    def write_clip(self, network: FrameNet, clip: Tensor, card: ExportedCard, path: Path) -> None:
        """The network on clips (N, 3, T, H, W) of any number, whose recurrences are one node each."""
        with _quiet():
            free = ({0: torch.export.Dim("videos", min=1)},)
            program = torch.export.export(for_inference(network), (clip,), dynamic_shapes=free, strict=False)
        self._save(program, card, path)

    def _save(self, program: torch.export.ExportedProgram, card: ExportedCard, path: Path) -> None:
        content = io.BytesIO()
        with _quiet():
            torch.export.save(program, content, extra_files={KEY: card.to_json()})
        path.write_bytes(content.getvalue())

    def loaded(self, path: Path) -> nn.Module:
        with _quiet():
            return torch.export.load(io.BytesIO(path.read_bytes())).module()

    def opened(self, path: Path, step: Step) -> Stepper:
        written, states = self.loaded(path), step.states

        def stepper(frames: Tensor, started: Tensor) -> Tensor:
            nonlocal states
            logits, *states = written(frames, started, states)
            return logits

        return stepper


TORCH = Torch()
FORMATS: dict[str, Format] = {"onnx": Onnx(), "torch": TORCH}


def traced(step: Step, frame: Tensor) -> torch.export.ExportedProgram:
    """The step as a graph for any number of videos, of frames of this size."""
    videos = torch.export.Dim("videos", min=1)
    started = torch.ones(len(frame), dtype=torch.bool)
    free = {"frame": {0: videos}, "started": {0: videos}, "states": [{0: videos} for _ in step.states]}
    return torch.export.export(step, (frame, started, step.states), dynamic_shapes=free, strict=False)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without what torch's exporters say of their own future."""
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "onnxscript", "torch.export")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)

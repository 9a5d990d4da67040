"""The files that a network can be exported to: each is written, and opened again as whoever runs it does."""

import io
import logging
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch._inductor.utils import fresh_cache

from rcn_bench.engine.export.step import Step
from rcn_bench.engine.export.verify import Stepper
from rcn_bench.engine.live.by_onnxruntime import OnnxStep
from rcn_bench.errors import InputError, refusing
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
        return _carrying(self.loaded(path), step.states)


class Aoti(Format):
    """AOTInductor's package of one video's step, compiled for processors like this: ``aoti_load_package(FILE)``.

    Its weights lie as oneDNN reads them for frames of one video. With a free number of videos they cannot, and RCN-18's
    step took 1.33 times as long (112x112, one thread of an AMD EPYC with AVX-512, torch 2.14).
    """

    def write(self, step: Step, frame: Tensor, card: ExportedCard, path: Path) -> None:
        content = io.BytesIO()
        configs = {"freezing": True, "aot_inductor.metadata": {KEY: card.to_json()}}
        program = traced(step, frame, alone=True)
        # Nothing is frozen that may still learn, and the cache would keep the weights several times.
        with _quiet(), torch.no_grad(), fresh_cache(), refusing(_not_compiled):
            torch._inductor.aoti_compile_and_package(program, package_path=content, inductor_configs=configs)
        path.write_bytes(content.getvalue())

    def opened(self, path: Path, step: Step) -> Stepper:
        with _quiet():
            written = torch._inductor.aoti_load_package(path)
        videos = [_carrying(written, [state[one : one + 1] for state in step.states]) for one in range(2)]
        return lambda frames, started: torch.cat(
            [video(*its) for video, *its in zip(videos, frames.split(1), started.split(1), strict=True)]
        )


TORCH = Torch()
FORMATS: dict[str, Format] = {"onnx": Onnx(), "torch": TORCH, "aoti": Aoti()}


def traced(step: Step, frame: Tensor, alone: bool = False) -> torch.export.ExportedProgram:
    """The step as a graph for any number of videos, or for one, of frames of this size."""
    started = torch.ones(len(frame), dtype=torch.bool)
    if alone:
        one = (frame[:1], started[:1], [state[:1] for state in step.states])
        return torch.export.export(step, one, strict=False)
    videos = torch.export.Dim("videos", min=1)
    free = {"frame": {0: videos}, "started": {0: videos}, "states": [{0: videos} for _ in step.states]}
    return torch.export.export(step, (frame, started, step.states), dynamic_shapes=free, strict=False)


def _carrying(written: Callable[..., Any], states: list[Tensor]) -> Stepper:
    def stepper(frames: Tensor, started: Tensor) -> Tensor:
        nonlocal states
        logits, *states = written(frames, started, states)
        return logits

    return stepper


def _not_compiled(why: str) -> InputError:
    return InputError(
        f"export: AOTInductor cannot compile the step here ({why}); install g++, or export it in another format"
    )


@contextmanager
def _quiet() -> Iterator[None]:
    """Without what torch's exporters say of their own future, or of a GPU that they could compile for."""
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "onnxscript", "torch.export", "torch.utils")]
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

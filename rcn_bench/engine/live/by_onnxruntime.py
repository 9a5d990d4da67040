"""An exported step on video, computed by onnxruntime alone: nothing here, nor what it imports, needs torch."""

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rcn_bench.data.frames import Frames
from rcn_bench.errors import InputError, refusing
from rcn_bench.records.exported import ADVICE, FRAME, KEY, LOGITS, NEXT, STARTED, STATE, ExportedCard

Array = NDArray[np.float32]
States = dict[str, Array]


class OnnxStep:
    """The step in an ONNX file, for any number of videos at once."""

    def __init__(self, path: Path, threads: int = 0) -> None:
        """threads: 0 for as many as onnxruntime takes by itself.

        Errors: InputError for a file that `rcn-bench export` has not written, or without onnxruntime.
        """
        onnxruntime = imported("onnxruntime")
        if not path.is_file():
            raise InputError(f"{path}: no such file; {ADVICE}")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # it would, until the next frame
        with refusing(lambda why: InputError(f"{path}: onnxruntime cannot read it ({why}); {ADVICE}")):
            self._session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
            metadata = self._session.get_modelmeta().custom_metadata_map
        if KEY not in metadata:
            raise InputError(f"{path}: has no card of how it is fed; {ADVICE}")
        self.card = ExportedCard.of(metadata[KEY], path)
        self._shapes = {each.name.removeprefix(STATE): each.shape[1:] for each in self._session.get_inputs()[2:]}
        self._outputs = [LOGITS, *(f"{NEXT}{name}" for name in self._shapes)]

    def initial_states(self, videos: int) -> States:
        """Of videos that have not started."""
        return {name: np.zeros((videos, *shape), np.float32) for name, shape in self._shapes.items()}

    def __call__(self, frames: Array, started: NDArray[np.bool_], states: Mapping[str, Array]) -> tuple[Array, States]:
        """frames (N, 3, H, W), started (N,) and states before them to logits (N, classes) and the states after."""
        feed: dict[str, Any] = {FRAME: frames, STARTED: started}
        logits, *new = self._session.run(self._outputs, feed | {f"{STATE}{name}": states[name] for name in states})
        return logits, dict(zip(self._shapes, new, strict=True))


class OnnxNetwork:
    """A network for live video."""

    def __init__(self, path: Path) -> None:
        """Errors: InputError as of OnnxStep."""
        self._step = OnnxStep(path)
        self.feed: ExportedCard = self._step.card
        self.restart()

    def restart(self) -> None:
        self._started, self._states = np.zeros(1, bool), self._step.initial_states(1)

    def __call__(self, frame: Frames) -> Array:
        logits, self._states = self._step(normalised(frame, self.feed)[None], self._started, self._states)
        self._started = np.ones(1, bool)
        return logits[0]


def normalised(frame: Frames, card: ExportedCard) -> Array:
    """A frame of bytes (H, W, 3) as a network takes it, (3, H, W)."""
    mean, std = (np.array(values, np.float64) for values in (card.mean, card.std))
    scaled = frame * (1 / (255 * std)).astype(np.float32) - (mean / std).astype(np.float32)
    return np.ascontiguousarray(scaled.transpose(2, 0, 1))


def imported(name: str) -> Any:
    """A package of the extra "live". Errors: InputError if it is not there."""
    try:
        return import_module(name)
    except ImportError as error:
        raise InputError(f"the package {name} is not installed here; pip install 'rcn_bench[live]'") from error

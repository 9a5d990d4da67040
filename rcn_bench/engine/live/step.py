"""A causal network on live video, as fast as the machine can take a frame."""

from collections.abc import Callable

import torch
from torch import Tensor

from rcn_bench.engine.cuda_graph import captured_if_possible
from rcn_bench.models.frames import FrameNet, StreamState, require_frames


class LiveStep:
    """``model.step`` in inference, on a GPU replayed as one CUDA graph once all videos have begun.

    With few videos a GPU computes a frame faster than its kernels can be launched one by one. The logits and the state
    returned hold until the next call.
    Errors: ValueError as of ``model.step``, for another number or size of the videos too.
    """

    def __init__(self, model: FrameNet) -> None:
        self.model = model
        self._replay: Callable[..., tuple[Tensor, dict[str, Tensor]]] | None = None
        self._names: list[str] = []

    @torch.inference_mode()
    def __call__(self, frame: Tensor, state: StreamState) -> tuple[Tensor, StreamState]:
        if frame.device.type == "cpu" or not state.started.all():
            return self.model.step(frame, state)
        require_frames(frame, state)  # since the graph would spread or cut what is of another shape
        if self._replay is None:
            self._names = list(state.units)
            self._replay = captured_if_possible(self._step, [frame, *state.units.values()], "live video")
        logits, units = self._replay(frame, *state.units.values())
        return logits, StreamState(units, state.started, state.size)

    def _step(self, frame: Tensor, *units: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        begun = torch.ones(len(frame), dtype=torch.bool)
        past = StreamState(dict(zip(self._names, units, strict=True)), begun)
        logits, state = self.model.step(frame, past)
        return logits, dict(state.units)

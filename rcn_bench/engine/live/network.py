"""A trained network that looks at a video frame by frame, and what it says so far."""

from collections import deque
from pathlib import Path

import torch
from torch import Tensor

from rcn_bench.data.media.medium import Picture
from rcn_bench.data.transforms import centre_crop, to_input
from rcn_bench.engine.build import load_weights
from rcn_bench.engine.device import place
from rcn_bench.engine.live.step import LiveStep
from rcn_bench.engine.scores import require_finite_scores
from rcn_bench.errors import InputError
from rcn_bench.models.frames import FrameNet
from rcn_bench.plan.run import Run
from rcn_bench.process import Process
from rcn_bench.records.weights import Card


class LiveNetwork:
    """weights: a run's model.safetensors. last: as many frames' logits are averaged; None: all.

    restart: frames after which the state starts anew, 0 for never; None: those of the clips that the run was trained
    on. Beyond them the state can drift to where training never was.
    Errors: InputError for a missing or foreign file, or a model that is not causal.
    """

    def __init__(self, weights: Path, last: int | None, restart: int | None) -> None:
        model, self.card, _ = load_weights(weights)
        if not isinstance(model, FrameNet):
            name = Run.parse(self.card.run).model
            raise InputError(
                f"{weights}: {name} hands on no state and cannot run frame by frame; causal models can, see "
                "`rcn-bench models`, and your own that make_recurrent or make_causal returns"
            )
        self._device = Process.alone().device
        place(model, self._device).eval()
        self._model, self._step, self._last = model, LiveStep(model), last
        self._restart = self.card.frames if restart is None else restart
        self.begin()

    def begin(self) -> None:
        """Forget all frames: the next is the first of another video."""
        self._state, self._frames, self._mean = self._model.initial_state(1), 0, _Mean(self._last)

    @torch.inference_mode()
    def probabilities(self, frame: Tensor, name: str) -> Tensor:
        """(K,), after another frame, which ``model_frame`` gives. Errors: InputError for scores that are not finite."""
        if self._restart and self._frames % self._restart == 0:
            self._state = self._model.initial_state(1)
        self._frames += 1
        logits, self._state = self._step(frame.to(self._device), self._state)
        logits = logits.cpu()
        require_finite_scores(logits, [name], "none")
        return self._mean.add(logits[0]).softmax(0)


def model_frame(picture: Picture, card: Card) -> Tensor:
    """As the network takes it: (1, 3, crop, crop)."""
    cropped = centre_crop(picture.rgb(card.short_side)[None], card.crop)
    return to_input(torch.from_numpy(cropped)[None])[:, :, 0]


class _Mean:
    """The mean of the logits of the last frames, or of all."""

    def __init__(self, last: int | None) -> None:
        self.last = deque[Tensor](maxlen=last)
        self.all_frames = last is None
        self.total, self.count = torch.zeros(()), 0

    def add(self, logits: Tensor) -> Tensor:
        if not self.all_frames:
            self.last.append(logits)
            return torch.stack(tuple(self.last)).mean(0)
        self.total, self.count = self.total + logits, self.count + 1
        return self.total / self.count

"""A trained run on live video, computed by torch."""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from rcn_bench.data.frames import Frames
from rcn_bench.data.transforms import to_input
from rcn_bench.engine.build import load_weights
from rcn_bench.engine.live.causal import require_causal
from rcn_bench.engine.live.fastest import fastest_step
from rcn_bench.engine.live.step import LiveStep
from rcn_bench.plan.run import Run
from rcn_bench.process import Process
from rcn_bench.records.weights import Card


class TorchNetwork:
    """On a GPU if there is one."""

    def __init__(self, weights: Path) -> None:
        """weights: a run's model.safetensors. Errors: InputError for any other file, or a model that is not causal."""
        model, card, _ = load_weights(weights)
        self.feed: Card = card
        self._device = Process.alone().device
        network = require_causal(model, f"{weights}: {Run.parse(card.run).model}")
        self._step: LiveStep = fastest_step(network, self._device)
        self.restart()

    def restart(self) -> None:
        self._state = self._step.model.initial_state(1)

    @torch.inference_mode()
    def __call__(self, frame: Frames) -> NDArray[np.float32]:
        pixels = to_input(torch.from_numpy(frame)[None, None])[:, :, 0]
        logits, self._state = self._step(pixels.to(self._device), self._state)
        return logits[0].cpu().numpy()

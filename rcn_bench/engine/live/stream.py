"""Predictions on video as its frames arrive, by a network that carries a state from frame to frame."""

import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor

from rcn_bench.data.examine import frames_in_order
from rcn_bench.data.judge import at_frame_rate
from rcn_bench.data.media.medium import UnreadableVideo
from rcn_bench.data.transforms import centre_crop, to_input
from rcn_bench.engine.build import load_weights
from rcn_bench.engine.device import place
from rcn_bench.engine.live.step import LiveStep
from rcn_bench.errors import InputError
from rcn_bench.models.frames import FrameNet
from rcn_bench.plan.run import Run
from rcn_bench.process import Process
from rcn_bench.records.weights import Card


@torch.inference_mode()
def stream(source: str, weights: Path, top: int, last: int | None, restart: int | None) -> None:
    """Print the best labels after every frame that the network takes, and the frames a second at the end.

    source: a video file, or the number of a camera, which Ctrl-C ends. weights: a run's model.safetensors.
    Frames are taken at the stride, size and crop that the run was trained with. The score of a label is the softmax
    of the mean of the frames' logits, over the ``last`` frames or over all: after a clip's frames, the clip's score.
    restart: frames after which the state starts anew, 0 for never; None: those of the clips that the run was trained
    on. Beyond them the state can drift to where training never was.
    Errors: InputError for a missing or foreign file, or a model that is not causal.
    """
    model, card, _ = load_weights(weights)
    if not isinstance(model, FrameNet):
        name = Run.parse(card.run).model
        raise InputError(f"{weights}: {name} is not causal and cannot run frame by frame; RCN models can")
    device = Process.alone().device
    place(model, device).eval()
    restart = card.frames if restart is None else restart
    live = LiveStep(model)
    state, mean = model.initial_state(1), _Mean(last)
    seen, network_seconds, started = 0, 0.0, time.perf_counter()
    try:
        for at, frame in _model_frames(source, card):
            before = time.perf_counter()
            if restart and seen % restart == 0:
                state = model.initial_state(1)
            logits, state = live(frame.to(device), state)
            best = mean.add(logits[0].cpu()).softmax(0).topk(min(top, len(card.labels)))
            network_seconds += time.perf_counter() - before
            seen += 1
            scores = "  ".join(f"{card.labels[i]} {p:.1%}" for p, i in zip(best.values, best.indices, strict=True))
            print(f"{at:8.2f} s  {scores}", flush=True)
    except UnreadableVideo as error:
        raise InputError(f"{source}: {error}") from error
    except KeyboardInterrupt:
        if seen == 0:
            raise
    seconds = time.perf_counter() - started
    print(
        f"{seen} frames in {seconds:.1f} s: {seen / seconds:.1f} frames/s, "
        f"{1000 * network_seconds / max(seen, 1):.1f} ms a frame in the network"
    )


def _model_frames(source: str, card: Card) -> Iterator[tuple[float, Tensor]]:
    """Every stride-th frame as the network takes it, (1, 3, crop, crop), and its time in seconds."""
    frames = at_frame_rate(frames_in_order(source, card.short_side), card.frame_rate)
    for index, (at, frame) in enumerate(frames):
        if index % card.stride == 0:
            cropped = centre_crop(frame[None], card.crop)
            yield at, to_input(torch.from_numpy(cropped)[None])[:, :, 0]


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

"""Predictions on video as its frames arrive, by a network that carries a state from frame to frame."""

import time
from collections import deque
from pathlib import Path

import torch
from torch import Tensor

from rcn_bench.data.media.kinds import medium_of
from rcn_bench.data.media.medium import Picture, UnreadableVideo
from rcn_bench.data.transforms import centre_crop, to_input
from rcn_bench.engine.build import load_weights
from rcn_bench.engine.device import place
from rcn_bench.engine.live.due import due_frames
from rcn_bench.engine.live.step import LiveStep
from rcn_bench.engine.scores import require_finite_scores
from rcn_bench.errors import InputError
from rcn_bench.models.frames import FrameNet
from rcn_bench.plan.run import Run
from rcn_bench.process import Process
from rcn_bench.records.weights import Card


@torch.inference_mode()
def stream(
    source: str,
    weights: Path,
    top: int,
    last: int | None,
    restart: int | None,
    pictures_per_second: float | None = None,
) -> None:
    """Print the best labels after every frame that the network takes, and the frames a second at the end.

    source: a video file, a folder of numbered pictures (pictures_per_second of them), or the number of a camera, which
    Ctrl-C ends. Where a camera's frames come faster than the network takes them it is shown the newest, and the ticks
    that it missed are counted. weights: a run's model.safetensors.
    Frames are taken at the stride, size and crop that the run was trained with. The score of a label is the softmax
    of the mean of the frames' logits, over the ``last`` frames or over all: after a clip's frames, the clip's score.
    restart: frames after which the state starts anew, 0 for never; None: those of the clips that the run was trained
    on. Beyond them the state can drift to where training never was.
    Errors: InputError for a missing or foreign file, a model that is not causal, or scores that are not finite.
    """
    model, card, _ = load_weights(weights)
    if not isinstance(model, FrameNet):
        name = Run.parse(card.run).model
        raise InputError(
            f"{weights}: {name} hands on no state and cannot run frame by frame; causal models can, see "
            "`rcn-bench models`, and your own that make_recurrent or make_causal returns"
        )
    medium = medium_of(source, pictures_per_second)
    if card.frame_rate is not None:
        medium.require_times()
    device = Process.alone().device
    place(model, device).eval()
    restart = card.frames if restart is None else restart
    live = LiveStep(model)
    state, mean, sums = model.initial_state(1), _Mean(last), _Sums()
    try:
        for due in due_frames(medium, card.frame_rate, card.stride):
            frame = _model_frame(due.picture, card)
            before = time.perf_counter()
            if restart and sums.frames % restart == 0:
                state = model.initial_state(1)
            logits, state = live(frame.to(device), state)
            logits = logits.cpu()
            require_finite_scores(logits, [f"{source} at {due.at:.2f} s"], "none")
            best = mean.add(logits[0]).softmax(0).topk(min(top, len(card.labels)))
            sums.add(time.perf_counter() - before, due.missed)
            scores = "  ".join(f"{card.labels[i]} {p:.1%}" for p, i in zip(best.values, best.indices, strict=True))
            print(f"{due.at:8.2f} s  {scores}{_missed(due.missed, '  ({})')}", flush=True)
    except UnreadableVideo as error:
        raise InputError(f"{source}: {error}") from error
    except KeyboardInterrupt:
        if sums.frames == 0:
            raise
    print(sums)


def _model_frame(picture: Picture, card: Card) -> Tensor:
    """As the network takes it: (1, 3, crop, crop)."""
    cropped = centre_crop(picture.rgb(card.short_side)[None], card.crop)
    return to_input(torch.from_numpy(cropped)[None])[:, :, 0]


def _missed(ticks: int, text: str) -> str:
    return text.format(f"{ticks} tick{'s' * (ticks > 1)} missed") if ticks else ""


class _Sums:
    """What is printed at the end."""

    def __init__(self) -> None:
        self.frames, self.missed, self.network_seconds, self.started = 0, 0, 0.0, time.perf_counter()

    def add(self, network_seconds: float, missed: int) -> None:
        self.frames += 1
        self.missed += missed
        self.network_seconds += network_seconds

    def __str__(self) -> str:
        seconds, milliseconds = time.perf_counter() - self.started, 1000 * self.network_seconds
        return (
            f"{self.frames} frames in {seconds:.1f} s: {self.frames / seconds:.1f} frames/s, "
            f"{milliseconds / max(self.frames, 1):.1f} ms a frame in the network{_missed(self.missed, ', {}')}"
        )


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

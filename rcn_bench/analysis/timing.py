"""How fast a model is: clips a second in training and inference, frames a second on live video."""

import time
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from rcn_bench.engine.cuda_graph import captured_if_possible
from rcn_bench.engine.live.step import LiveStep
from rcn_bench.models.frames import FrameNet


class Rate(NamedTuple):
    """spread: of the steps that were timed, half the range of their middle half, as a share of their median."""

    per_second: float
    spread: float


def clips_per_second(model: nn.Module, clip: Tensor, seconds: float, *, training: bool) -> Rate:
    """Throughput of inference or of a whole SGD step, the median over as many steps as fit into ``seconds``.

    At least three steps are timed after one to warm up; clip (N, 3, T, H, W) lies on the model's device.
    """
    step = _training_step(model, clip) if training else _inference_step(model, clip)
    return _rate(len(clip), step_seconds(step, seconds, clip.device))


def live_frames_per_second(model: nn.Module, clip: Tensor, seconds: float) -> Rate:
    """Frames a second on live video, one new frame at a time; clip: (1, 3, T, H, W).

    A network that carries a state steps frame by frame; any other runs again on the window of the last T frames. On a
    GPU both run as a CUDA graph.
    """
    return _rate(1, step_seconds(live_step(model, clip), seconds, clip.device))


def live_step(model: nn.Module, clip: Tensor) -> Callable[[], None]:
    """A step of a network with a state on the last frame of each clip, (N, 3, T, H, W); of any other on the clips."""
    return _streaming_step(model, clip) if isinstance(model, FrameNet) else _inference_step(model, clip, graphed=True)


def _rate(of_a_step: int, times: Tensor) -> Rate:
    median = float(times.median())
    low, high = times.quantile(times.new_tensor([0.25, 0.75])).tolist()
    return Rate(of_a_step / median, (high - low) / 2 / median)


def median_seconds(step: Callable[[], object], seconds: float, device: torch.device) -> float:
    return float(step_seconds(step, seconds, device).median())


def step_seconds(step: Callable[[], object], seconds: float, device: torch.device, least: int = 3) -> Tensor:
    """Of as many steps as fit into ``seconds``, ``least`` at least, after one to warm up; float64."""
    step()
    times: list[float] = []
    while len(times) < least or sum(times) < seconds:
        _synchronize(device)
        started = time.perf_counter()
        step()
        _synchronize(device)
        times.append(time.perf_counter() - started)
    return torch.tensor(times, dtype=torch.float64)


def _training_step(model: nn.Module, clip: Tensor) -> Callable[[], None]:
    model.train()
    optimizer = torch.optim.SGD(model.parameters(), 1e-3, 0.9)
    classes = torch.zeros(len(clip), dtype=torch.long, device=clip.device)

    def step() -> None:
        nn.functional.cross_entropy(model(clip), classes).backward()
        optimizer.step()
        optimizer.zero_grad()

    return step


@torch.inference_mode()
def _inference_step(model: nn.Module, clip: Tensor, *, graphed: bool = False) -> Callable[[], None]:
    """graphed: as a CUDA graph, on a GPU."""
    model.eval()
    run = captured_if_possible(model, [clip], "a window") if graphed and clip.device.type == "cuda" else model

    @torch.inference_mode()
    def step() -> None:
        run(clip)

    return step


@torch.inference_mode()
def _streaming_step(model: FrameNet, clip: Tensor) -> Callable[[], None]:
    live = LiveStep(model.eval())
    _, state = live(clip[:, :, 0], model.initial_state(len(clip)))

    def step() -> None:
        nonlocal state
        _, state = live(clip[:, :, -1], state)

    return step


def _synchronize(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)

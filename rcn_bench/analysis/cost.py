"""What a model costs: parameters, GMACs, clips per second."""

import copy
import logging
import time
import warnings
from collections import Counter
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from rcn_bench.engine.cuda_graph import captured_if_possible
from rcn_bench.engine.live import LiveStep
from rcn_bench.errors import InputError
from rcn_bench.models.frames import FrameNet
from rcn_bench.ops import scan_macs

with warnings.catch_warnings():
    warnings.simplefilter("ignore", FutureWarning)  # fvcore scripts a function when imported, which torch deprecates
    from fvcore.nn import FlopCountAnalysis

# Operators that fvcore has no count for and that hold no multiply-accumulates of the kind counted here.
UNCOUNTED = {
    *(
        "aten::add",
        "aten::add_",
        "aten::mul",
        "aten::mul_",
        "aten::where",
        "aten::div",
        "aten::mean",
        "aten::max_pool2d",
        "aten::max_pool3d",
        "aten::avg_pool2d",
        "aten::adaptive_avg_pool3d",
        "aten::clone",
    ),
    *("aten::sigmoid", "aten::silu", "aten::hardswish", "aten::hardsigmoid", "aten::gelu", "aten::softmax"),
    *("aten::unflatten", "aten::expand", "aten::expand_as", "aten::ones_like", "aten::zeros_like", "aten::pad"),
}
COUNTED = ("conv", "linear", "matmul", "mm", "addmm", "bmm", "einsum", "recurrent_scan")


def count_parameters(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


def count_gmacs(model: nn.Module, clip: Tensor) -> float:
    """Multiply-accumulates (in 1e9) of convolutions, linear layers, matrix products and recurrent scans.

    clip: (N, 3, T, H, W); the count is for all N clips. Batch norm and pooling are left out, as in most papers.
    Errors: InputError if the model runs an operator that would be counted as zero.
    """
    model = copy.deepcopy(model).eval()  # fvcore runs the model: in train mode that would move batch norm's statistics
    logging.getLogger("fvcore.nn.jit_analysis").setLevel(logging.ERROR)
    analysis = FlopCountAnalysis(model, clip)
    analysis.set_op_handle("rcn_bench::recurrent_scan", _scan_handle)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the tracer's warnings about Python ints in shapes
        counts = analysis.by_operator()
        unknown = set(analysis.unsupported_ops()) - UNCOUNTED
    if unknown:
        raise InputError(
            f"operators without a count: {', '.join(sorted(unknown))}; add them to UNCOUNTED or give them a handle in "
            f"{__name__}"
        )
    return sum(counts[kind] for kind in COUNTED) / 1e9


def _scan_handle(inputs: list[Any], outputs: list[Any]) -> Counter[str]:
    return Counter({"recurrent_scan": scan_macs(*inputs[0].type().sizes())})


def clips_per_second(model: nn.Module, clip: Tensor, seconds: float, *, training: bool) -> float:
    """Throughput of inference or of a whole SGD step, the median over as many steps as fit into ``seconds``.

    At least three steps are timed after one to warm up; clip (N, 3, T, H, W) lies on the model's device.
    """
    step = _training_step(model, clip) if training else _inference_step(model, clip)
    return len(clip) / median_seconds(step, seconds, clip.device)


def live_frames_per_second(model: nn.Module, clip: Tensor, seconds: float) -> float:
    """Frames a second on live video, one new frame at a time; clip: (1, 3, T, H, W).

    A network that carries a state steps frame by frame; any other runs again on the window of the last T frames. On a
    GPU both run as a CUDA graph.
    """
    step = _streaming_step(model, clip) if isinstance(model, FrameNet) else _inference_step(model, clip, graphed=True)
    return 1 / median_seconds(step, seconds, clip.device)


def median_seconds(step: Callable[[], object], seconds: float, device: torch.device) -> float:
    step()
    times: list[float] = []
    while len(times) < 3 or sum(times) < seconds:
        _synchronize(device)
        started = time.perf_counter()
        step()
        _synchronize(device)
        times.append(time.perf_counter() - started)
    return float(torch.tensor(times).median())


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

"""Scans by clip length, in one piece and in the chunks that are chosen, on a GPU.

    PYTHONPATH=. python tests/benchmarks/chunked_scan.py

Of each width of a ResNet-18 at 112x112, in batches of 512 frames: microseconds, as one of twelve in a CUDA graph on
four inputs in turn (medians of five rounds), and the error relative to float64; w_hh is the identity and noise of half
its norm.
"""

import sys
from collections.abc import Callable, Sequence
from statistics import median

import torch
from torch import Tensor

from rcn_bench.engine.cuda_graph import captured
from rcn_bench.ops.choice import scan_of
from rcn_bench.ops.reference import reference_scan

SIDES = {64: 28, 128: 14, 256: 7, 512: 4}
LENGTHS = (8, 16, 32, 64, 128, 256)
CALLS, INPUTS, ROUNDS, FRAMES = 12, 4, 5, 512


def main() -> None:
    if not torch.cuda.is_available():
        sys.exit("chunked_scan.py: needs a GPU, and torch sees none")
    print(torch.cuda.get_device_name(), "torch", torch.__version__)
    for dtype in (torch.bfloat16, torch.float32):
        for channels, side in SIDES.items():
            for frames in LENGTHS:
                compare(frames, FRAMES // frames * side**2, channels, dtype)


def compare(frames: int, rows: int, channels: int, dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    inputs = [torch.randn(frames, rows, channels, device="cuda").to(dtype) for _ in range(INPUTS)]
    w_hh = torch.eye(channels, device="cuda") + torch.randn(channels, channels, device="cuda") / (2 * channels**0.5)
    module, chunk = scan_of(inputs[0], 0.5)
    kernels = module.__name__.rpartition(".")[2]
    what = f"{str(dtype).removeprefix('torch.')} C={channels} T={frames}, {kernels}"
    for name, scan, exact in (
        ("forward", module.scan_forward, exact_states),
        ("backward", module.scan_backward, exact_gradient),
    ):
        wanted = exact(inputs[0], w_hh.to(dtype))
        told = []
        ways = ["copy", None, *([chunk] if chunk else [])]
        seconds = timed([once(scan, inputs, w_hh, way) for way in ways])
        for way, time in zip(ways, seconds, strict=True):
            error = "" if way == "copy" else f" ({relative(scan(inputs[0], w_hh, 0.5, way), wanted):.2e})"
            told.append(f"{way or 'one piece'} {1e6 * time:.1f} us{error}")
        print(f"{what} {name}:", ", ".join(told), flush=True)


def once(scan: Callable[..., Tensor], inputs: Sequence[Tensor], w_hh: Tensor, way: str | int | None) -> Callable:
    """A graph of many calls."""

    def calls() -> None:
        for call in range(CALLS):
            x = inputs[call % INPUTS]
            x.clone() if way == "copy" else scan(x, w_hh, 0.5, way)

    return captured(calls, [])


def timed(graphs: Sequence[Callable]) -> list[float]:
    """Seconds of a call of each, in turns."""
    start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    rounds = []
    for _ in range(ROUNDS + 1):
        rounds.append([])
        for graph in graphs:
            start.record()
            graph()
            end.record()
            end.synchronize()
            rounds[-1].append(start.elapsed_time(end) / 1000 / CALLS)
    return [median(times) for times in zip(*rounds[1:], strict=True)]


def exact_states(x: Tensor, w_hh: Tensor) -> Tensor:
    return reference_scan(x, w_hh)


def exact_gradient(grad_h: Tensor, w_hh: Tensor) -> Tensor:
    x = torch.zeros_like(grad_h, dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(reference_scan(x, w_hh), x, grad_h.double())
    return gradient


def relative(actual: Tensor, wanted: Tensor) -> float:
    return float((actual.double() - wanted).norm() / wanted.norm())


if __name__ == "__main__":
    main()

"""A function on tensors as one CUDA graph, which a GPU runs without waiting for the launch of each kernel."""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import torch
from torch import Tensor

from rcn_bench.errors import reason, warn

WARM_UP_CALLS = 3


def captured(
    function: Callable[..., Any], inputs: Sequence[Tensor], warm_up: Callable[..., object] | None = None
) -> Callable[..., Any]:
    """The function for inputs of these shapes, as a graph that each call copies its inputs into and replays.

    What it returns is overwritten by the next call. warm_up: run before the capture in the function's place, where
    that has effects that must not happen then. Errors: RuntimeError without a GPU, or if it cannot be captured.
    """
    if not torch.cuda.is_available():
        raise RuntimeError("no GPU")
    placed = [tensor.clone() for tensor in inputs]
    side = _side_stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):  # libraries choose their algorithms and take their work space outside the graph
        for _ in range(WARM_UP_CALLS):
            (warm_up or function)(*placed)
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    # Of this thread alone: the one that pins the memory of coming batches must not break the capture, nor itself.
    with torch.cuda.graph(graph, stream=side, capture_error_mode="thread_local"):
        results = function(*placed)

    def replay(*inputs: Tensor) -> Any:
        if placed:
            torch._foreach_copy_(placed, list(inputs))  # few launches, one for all tensors of a type
        graph.replay()
        return results

    return replay


@cache
def _side_stream() -> torch.cuda.Stream:
    """One for all captures: cuBLAS keeps 64 MiB of work space for every stream that it has ever run on."""
    return torch.cuda.Stream()


def captured_if_possible(function: Callable[..., Any], inputs: Sequence[Tensor], what: str) -> Callable[..., Any]:
    """The function as a graph; if it cannot be captured, itself, with a line that says so."""
    try:
        return captured(function, inputs)
    except RuntimeError as error:
        warn(f"{what} runs without a CUDA graph, which cannot run here: {reason(error)}")
        return function

"""What a model costs: parameters, GMACs, activation memory, clips per second."""

import copy
import logging
import time
import warnings
from collections import Counter
from typing import Any

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.autograd.graph import saved_tensors_hooks
from torch.func import functional_call

from rcn_bench.errors import InputError
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
        "aten::div",
        "aten::mean",
        "aten::max_pool2d",
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


def estimate_activation_memory(model: nn.Module, clip_shape: tuple[int, ...]) -> int:
    """Bytes that the forward pass of a training step keeps for its backward pass, without running it.

    The model must lie on the CPU; it is run on fake tensors, which have shapes but no values. Counts every distinct
    tensor that autograd saves, except parameters and buffers. Kernels' work space and the gradients are not in it.
    """
    kept: dict[Any, int] = {}

    def remember(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        kept[storage._cdata] = storage.nbytes()
        return tensor

    model = copy.deepcopy(model).train()  # batch norm must not touch the caller's statistics
    with FakeTensorMode() as mode:
        state: dict[str, Tensor] = {
            name: mode.from_tensor(t) for name, t in (*model.named_parameters(), *model.named_buffers())
        }
        own = {tensor.untyped_storage()._cdata for tensor in state.values()}
        clip = torch.empty(clip_shape)
        with saved_tensors_hooks(remember, lambda tensor: tensor):
            logits = functional_call(model, state, (clip,))  # keeps the graph, and so every saved storage, alive
    total = sum(size for key, size in kept.items() if key not in own)
    del logits
    return total


def measure_activation_memory(model: nn.Module, clip_shape: tuple[int, ...], device: torch.device) -> int:
    """Bytes on a GPU that a training step's forward pass keeps for its backward pass, its input included."""
    model(torch.randn(2, *clip_shape[1:], device=device))  # libraries allocate their work space on first use
    torch.cuda.synchronize(device)
    before = torch.cuda.memory_allocated(device)
    clip = torch.randn(clip_shape, device=device)
    logits = model(clip)
    torch.cuda.synchronize(device)
    kept = torch.cuda.memory_allocated(device) - before
    del logits
    return kept


def clips_per_second(model: nn.Module, clip: Tensor, seconds: float, *, training: bool) -> float:
    """Throughput of inference or of a whole SGD step, the median over as many steps as fit into ``seconds``.

    At least three steps are timed after one to warm up; clip (N, 3, T, H, W) lies on the model's device.
    """
    step = _training_step(model, clip) if training else _inference_step(model, clip)
    step()
    times: list[float] = []
    while len(times) < 3 or sum(times) < seconds:
        _synchronize(clip.device)
        started = time.perf_counter()
        step()
        _synchronize(clip.device)
        times.append(time.perf_counter() - started)
    return len(clip) / float(torch.tensor(times).median())


def _training_step(model: nn.Module, clip: Tensor):
    model.train()
    optimizer = torch.optim.SGD(model.parameters(), 1e-3, 0.9)
    classes = torch.zeros(len(clip), dtype=torch.long, device=clip.device)

    def step() -> None:
        nn.functional.cross_entropy(model(clip), classes).backward()
        optimizer.step()
        optimizer.zero_grad()

    return step


def _inference_step(model: nn.Module, clip: Tensor):
    model.eval()

    @torch.inference_mode()
    def step() -> None:
        model(clip)

    return step


def _synchronize(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)

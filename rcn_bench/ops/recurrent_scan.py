"""The recurrence of a recurrent convolution, h_t = (w_hh h_{t-1} + x_t) / 2, as one operator.

It is linear, so its backward pass is the same scan run backwards in time plus one matrix product for the
gradient of w_hh. As one opaque ``torch.library`` operator it keeps only h for the backward pass, and autograd,
autocast, ``torch.compile`` and the FLOP counters all see a single call instead of a loop. Inside it is fused kernels
where the GPU and the shape allow them, else a matrix product per step; long clips run in chunks on a GPU.
"""

from typing import Literal, get_args

import torch
from torch import Tensor
from torch.utils.flop_counter import register_flop_formula

from rcn_bench.ops.choice import scan_of

Mode = Literal["mean", "sum"]
MODES: tuple[Mode, ...] = get_args(Mode)


def recurrent_scan(x: Tensor, w_hh: Tensor, mode: Mode = "mean") -> Tensor:
    """Hidden states of a linear recurrence over the first axis.

    ``mean``: h_0 = x_0, h_t = (h_{t-1} w_hh^T + x_t) / 2. With identity w_hh a static video passes unchanged.
    ``sum``: h_0 = x_0, h_t = h_{t-1} w_hh^T + x_t. Use it with identity w_hh only: a He-normal w_hh grows the
    state about 16-fold in 8 frames.
    ``rcn_bench.ops.reference`` has both as a loop of a few lines.

    Shapes: x (T, M, C) with M positions that do not interact, w_hh (C, C); returns (T, M, C).
    Under autocast x is cast to the autocast type; products are then of that type, summed in float32, and w_hh and its
    gradient keep their own.
    Errors: ValueError for other shapes, an unknown mode, or types that differ.
    Source: supplement section 3 (w_hh); the mean is the authors' public code.
    """
    if mode not in MODES:
        raise ValueError(f"unknown mode {mode!r}; choose one of {', '.join(MODES)}")
    if x.dim() != 3 or w_hh.shape != (x.shape[-1], x.shape[-1]):
        raise ValueError(
            f"recurrent_scan needs x (T, M, C) and w_hh (C, C), got {tuple(x.shape)} and {tuple(w_hh.shape)}"
        )
    device = x.device.type
    if device != "meta" and torch.is_autocast_enabled(device):
        x = x.to(torch.get_autocast_dtype(device))
    elif x.dtype != w_hh.dtype:
        raise ValueError(f"x is {x.dtype} but w_hh is {w_hh.dtype}; cast one of them")
    return torch.ops.rcn_bench.recurrent_scan(x, w_hh, input_scale(mode))


def recurrent_step(x: Tensor, h: Tensor, w_hh: Tensor, mode: Mode = "mean") -> Tensor:
    """One step of the recurrence, for streaming: x (M, C) and the last hidden state h (M, C) to the next (M, C)."""
    scale = input_scale(mode)
    return torch.addmm(x, h, w_hh.t(), beta=scale, alpha=scale)


def input_scale(mode: Mode) -> float:
    """The factor that the recurrence puts on every input but the first, and on w_hh."""
    return 0.5 if mode == "mean" else 1.0


@torch.library.custom_op("rcn_bench::recurrent_scan", mutates_args=())
def _scan(x: Tensor, w_hh: Tensor, scale: float) -> Tensor:
    module, chunk = scan_of(x, scale)
    with torch.cuda.device_of(x):  # Triton launches on the current GPU
        return module.scan_forward(x, w_hh, scale, chunk)


@_scan.register_fake
def _(x: Tensor, w_hh: Tensor, scale: float) -> Tensor:
    return torch.empty_like(x, memory_format=torch.contiguous_format)


@torch.library.custom_op("rcn_bench::recurrent_scan_backward", mutates_args=())
def _scan_backward(grad_h: Tensor, h: Tensor, w_hh: Tensor, scale: float) -> tuple[Tensor, Tensor]:
    module, chunk = scan_of(h, scale)
    with torch.cuda.device_of(h):
        grad_x = module.scan_backward(grad_h, w_hh, scale, chunk)
    return grad_x, _grad_w(grad_x[1:], h[:-1], w_hh.dtype)


def _grad_w(grad_x: Tensor, before: Tensor, dtype: torch.dtype) -> Tensor:
    """The sum of grad_x_t^T h_(t-1) over all steps and positions; its float32 sums are kept where w_hh is float32."""
    rows, states = grad_x.flatten(0, 1).t(), before.flatten(0, 1)
    if grad_x.dtype != dtype == torch.float32 and grad_x.device.type == "cuda" and hasattr(torch.ops.aten.mm, "dtype"):
        return torch.mm(rows, states, out_dtype=dtype)
    return (rows @ states).to(dtype)


@_scan_backward.register_fake
def _(grad_h: Tensor, h: Tensor, w_hh: Tensor, scale: float) -> tuple[Tensor, Tensor]:
    return torch.empty_like(h), w_hh.new_empty(w_hh.shape)


def _save_for_backward(ctx, inputs, output) -> None:
    _, w_hh, ctx.scale = inputs
    ctx.save_for_backward(output, w_hh)


def _backward(ctx, grad_h: Tensor):
    h, w_hh = ctx.saved_tensors
    grad_x, grad_w = torch.ops.rcn_bench.recurrent_scan_backward(grad_h, h, w_hh, ctx.scale)
    return grad_x, grad_w, None


_scan.register_autograd(_backward, setup_context=_save_for_backward)


def scan_macs(steps: int, positions: int, channels: int) -> int:
    """Multiply-accumulates of one scan: a (C, C) product at every position for every frame but the first."""
    return max(steps - 1, 0) * positions * channels * channels


@register_flop_formula(torch.ops.rcn_bench.recurrent_scan)
def _scan_flops(x_shape, *args, **kwargs) -> int:
    return 2 * scan_macs(*x_shape)


@register_flop_formula(torch.ops.rcn_bench.recurrent_scan_backward)
def _scan_backward_flops(grad_shape, *args, **kwargs) -> int:
    return 2 * 2 * scan_macs(*grad_shape)

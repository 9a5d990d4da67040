"""The recurrence as one GPU kernel: each program keeps the state of its rows on chip and writes every h_t once.

A row is one position of one clip. Rows do not interact, so a program walks through time alone, with all channels of
its rows; the next frame's input is on its way while the matrix product of this one runs.
"""

import torch
import triton
import triton.language as tl
from torch import Tensor


@triton.jit(do_not_specialize=["steps", "rows"])
def _scan_kernel(
    x_pointer,
    w_pointer,
    h_pointer,
    steps,
    rows,
    first_scale,
    scale,
    last_scale,
    w_row_stride,
    w_column_stride,
    channels: tl.constexpr,
    padded: tl.constexpr,
    rows_each: tl.constexpr,
    backwards: tl.constexpr,
):
    """h = first_scale x, then h = scale (h w + x) step by step, with last_scale in the last; h in the type of x."""
    row = tl.program_id(0) * rows_each + tl.arange(0, rows_each)
    channel = tl.arange(0, padded)
    inside = (row[:, None] < rows) & (channel[None, :] < channels)
    offset = row[:, None].to(tl.int64) * channels + channel[None, :]
    next_step = rows.to(tl.int64) * channels
    if backwards:
        offset += (steps - 1) * next_step
        next_step = -next_step
    # Two frames are asked for before w, which every program reads: memory has work while that comes from the cache.
    x = tl.load(x_pointer + offset, mask=inside, other=0.0)
    following = tl.load(x_pointer + offset + next_step, mask=inside & (steps > 1), other=0.0)
    w = tl.load(
        w_pointer + channel[:, None] * w_row_stride + channel[None, :] * w_column_stride,
        mask=(channel[:, None] < channels) & (channel[None, :] < channels),
        other=0.0,
    )
    w = w.to(x.dtype)
    h = (x.to(tl.float32) * first_scale).to(x.dtype)
    tl.store(h_pointer + offset, h, mask=inside)
    for step in range(1, steps):
        x = following
        offset += next_step
        following = tl.load(x_pointer + offset + next_step, mask=inside & (step + 1 < steps), other=0.0)
        product = tl.dot(h, w, input_precision="ieee")
        factor = tl.where(step == steps - 1, last_scale, scale)
        h = ((product + x.to(tl.float32)) * factor).to(x.dtype)
        tl.store(h_pointer + offset, h, mask=inside)


def scan_forward(x: Tensor, w_hh: Tensor, scale: float) -> Tensor:
    """h_0 = x_0, h_t = scale (h_{t-1} w_hh^T + x_t); x (T, M, C), w_hh (C, C) of any type, cast to that of x."""
    return _launch(x, w_hh.t(), first_scale=1.0, scale=scale, last_scale=scale, backwards=False)


def scan_backward(grad_h: Tensor, w_hh: Tensor, scale: float) -> Tensor:
    """The gradient of x: the same scan from the last step to the first, where x_0 entered unscaled."""
    first_scale = scale if len(grad_h) > 1 else 1.0
    return _launch(grad_h, w_hh, first_scale=first_scale, scale=scale, last_scale=1.0, backwards=True)


def _launch(x: Tensor, w: Tensor, *, first_scale: float, scale: float, last_scale: float, backwards: bool) -> Tensor:
    x = x.contiguous()
    steps, rows, channels = x.shape
    rows_each, warps = (16, 1) if channels <= 64 else (32, 8)  # the fastest on an H100 at 64, and at 128 and 256
    h = torch.empty_like(x)
    _scan_kernel[(triton.cdiv(rows, rows_each),)](
        x,
        w,
        h,
        steps,
        rows,
        first_scale,
        scale,
        last_scale,
        *w.stride(),
        channels=channels,
        padded=max(triton.next_power_of_2(channels), 16),
        rows_each=rows_each,
        backwards=backwards,
        num_warps=warps,
    )
    return h

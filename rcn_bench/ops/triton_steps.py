"""The recurrence as a GPU kernel a step, for more channels than one program can hold w of, and few rows.

A step is short: its programs wait more than they compute. So each step is launched while the one before still runs,
fetches what does not depend on it, its columns of w and its input, and only then waits for it (programmatic dependent
launch, from Hopper on). As in ``triton_scan``, a program holds its rows turned round, (channels, rows).
"""

import os

import torch
import triton
import triton.language as tl
from torch import Tensor
from triton.language.extra.cuda import gdc_launch_dependents, gdc_wait

from rcn_bench.ops.triton_scan import fewest_rows, multiprocessors

# Of a program, the fastest on an NVIDIA H200 (docs/performance.md).
CHANNELS_EACH, WARPS = 64, 8
ROWS_EACH = (16, 32, 64)
# Triton's interpreter knows no launch that overlaps.
INTERPRETED = os.environ.get("TRITON_INTERPRET") == "1"


@triton.jit(do_not_specialize=["rows"])
def _step_kernel(
    before_pointer,
    x_pointer,
    h_pointer,
    start_pointer,
    w_pointer,
    rows,
    first_scale,
    scale,
    w_row_stride,
    w_column_stride,
    channels: tl.constexpr,
    padded: tl.constexpr,
    channels_each: tl.constexpr,
    rows_each: tl.constexpr,
    first: tl.constexpr,
    overlaps: tl.constexpr,
):
    """h = scale (before w + x). first: before is the first input, and first_scale of it is the state at the start.

    overlaps: the step before may not have ended yet.
    """
    row = tl.program_id(0) * rows_each + tl.arange(0, rows_each)
    channel = tl.arange(0, padded)
    own = tl.program_id(1) * channels_each + tl.arange(0, channels_each)
    inside = (channel[:, None] < channels) & (row[None, :] < rows)
    own_inside = (own[:, None] < channels) & (row[None, :] < rows)
    begin = row[None, :].to(tl.int64) * channels
    x = tl.load(x_pointer + begin + own[:, None], mask=own_inside, other=0.0)
    w = tl.load(
        w_pointer + channel[None, :] * w_row_stride + own[:, None] * w_column_stride,
        mask=(own[:, None] < channels) & (channel[None, :] < channels),
        other=0.0,
    )
    if overlaps:
        gdc_wait()
        # The next step may come now: everything before this one has ended.
        gdc_launch_dependents()
    before = tl.load(before_pointer + begin + channel[:, None], mask=inside, other=0.0)
    if first:
        before = (before.to(tl.float32) * first_scale).to(x.dtype)
        start = tl.load(before_pointer + begin + own[:, None], mask=own_inside, other=0.0)
        start = (start.to(tl.float32) * first_scale).to(x.dtype)
        tl.store(start_pointer + begin + own[:, None], start, mask=own_inside)
    h = (tl.dot(w, before, x.to(tl.float32), input_precision="ieee") * scale).to(x.dtype)
    tl.store(h_pointer + begin + own[:, None], h, mask=own_inside)


def scan_forward(x: Tensor, w_hh: Tensor, scale: float, chunk: None = None) -> Tensor:
    """h_0 = x_0, h_t = scale (h_{t-1} w_hh^T + x_t); x (T, M, C), w_hh (C, C) of any type, cast to that of x.

    chunk is None, since all frames run one after the other.
    """
    x = x.contiguous()
    h = torch.empty_like(x)
    _scan(x, h, w_hh.to(x.dtype).t(), [1.0] + [scale] * (len(x) - 1))
    return h


def scan_backward(grad_h: Tensor, w_hh: Tensor, scale: float, chunk: None = None) -> Tensor:
    """The gradient of x: the same scan from the last step to the first, where x_0 entered unscaled."""
    grad_h = grad_h.contiguous()
    grad_x = torch.empty_like(grad_h)
    _scan(grad_h, grad_x, w_hh.to(grad_h.dtype), [scale] * (len(grad_h) - 1) + [1.0], backwards=True)
    return grad_x


def _scan(x: Tensor, h: Tensor, w: Tensor, scales: list[float], *, backwards: bool = False) -> None:
    """Writes h of the first step, scales[0] x, and of each further, scales[t] (h w + x)."""
    steps, rows, channels = x.shape
    if steps == 1:
        h.copy_(x)
        return
    across = triton.cdiv(channels, CHANNELS_EACH)
    rows_each = fewest_rows(rows, ROWS_EACH, multiprocessors(x) // across)
    grid = (triton.cdiv(rows, rows_each), across)
    first, *others = range(steps)[::-1] if backwards else range(steps)
    before = x[first]
    for number, frame in enumerate(others, 1):
        overlaps = number > 1 and not INTERPRETED
        _step_kernel[grid](
            before,
            x[frame],
            h[frame],
            h[first],
            w,
            rows,
            scales[0],
            scales[number],
            *w.stride(),
            channels=channels,
            padded=triton.next_power_of_2(channels),
            channels_each=CHANNELS_EACH,
            rows_each=rows_each,
            first=number == 1,
            overlaps=overlaps,
            num_warps=WARPS,
            launch_pdl=overlaps,
        )
        before = h[frame]

"""The recurrence as one GPU kernel: each program keeps the state of its rows on chip and writes every h_t once.

A row is one position of one clip. Rows do not interact, so a program walks through time alone, with all channels of
its rows; the next frame's input is on its way while the matrix product of this one runs.

A long clip makes programs wait: many steps of few rows. Its time is cut into chunks, which run side by side, as more
rows would. One kernel takes every chunk alone to its end, from a state of zero; the ends are carried from chunk to
chunk by the power of w that a chunk is worth, a scan again; then every chunk is walked through from its true start.
"""

from typing import NamedTuple

import torch
import triton
import triton.language as tl
from torch import Tensor

# A program of 256 channels fills a multiprocessor: with 16 rows each, of so many rows none waits for another.
ROWS_AT_ONCE = 16 * 132


@triton.jit(do_not_specialize=["steps", "rows", "blocks", "chunks"])
def _ends_kernel(
    x_pointer,
    w_pointer,
    ends_pointer,
    steps,
    rows,
    blocks,
    chunks,
    first_scale,
    scale,
    w_row_stride,
    w_column_stride,
    chunk: tl.constexpr,
    channels: tl.constexpr,
    padded: tl.constexpr,
    rows_each: tl.constexpr,
    backwards: tl.constexpr,
):
    """The state at the end of each chunk but the last, which begins at zero; below them (scale w)^chunk, by rows.

    That power is the end of a chunk too: of one that begins with the rows of scale w, and has no input.
    blocks: of rows, a program each, in every chunk.
    """
    number = tl.minimum(tl.program_id(0) // blocks, chunks - 1)
    of_power = number == chunks - 1
    row = (tl.program_id(0) - number * blocks) * rows_each + tl.arange(0, rows_each)
    channel = tl.arange(0, padded)
    inside = (row[:, None] < tl.where(of_power, channels, rows)) & (channel[None, :] < channels)
    has_input = inside & (number < chunks - 1)
    within = row[:, None].to(tl.int64) * channels + channel[None, :]
    next_step = rows.to(tl.int64) * channels
    end = within + number * next_step
    start = number * chunk
    if backwards:
        offset = within + (steps - 1 - start) * next_step
        next_step = -next_step
    else:
        offset = within + start * next_step
    x = tl.load(x_pointer + offset, mask=has_input, other=0.0)
    following = tl.load(x_pointer + offset + next_step, mask=has_input, other=0.0)
    w = tl.load(
        w_pointer + channel[:, None] * w_row_stride + channel[None, :] * w_column_stride,
        mask=(channel[:, None] < channels) & (channel[None, :] < channels),
        other=0.0,
    )
    w = w.to(x.dtype)
    w_rows = tl.load(
        w_pointer + row[:, None] * w_row_stride + channel[None, :] * w_column_stride,
        mask=inside & of_power,
        other=0.0,
    )
    h = (x.to(tl.float32) * tl.where(number == 0, first_scale, scale) + w_rows.to(tl.float32) * scale).to(x.dtype)
    for step in range(1, chunk):
        x = following
        offset += next_step
        following = tl.load(x_pointer + offset + next_step, mask=has_input & (step + 1 < chunk), other=0.0)
        product = tl.dot(h, w, input_precision="ieee")
        h = ((product + x.to(tl.float32)) * scale).to(x.dtype)
    tl.store(ends_pointer + end, h, mask=inside)


@triton.jit(do_not_specialize=["steps", "rows", "chunk"])
def _scan_kernel(
    x_pointer,
    w_pointer,
    h_pointer,
    states_pointer,
    steps,
    rows,
    chunk,
    first_scale,
    scale,
    last_scale,
    w_row_stride,
    w_column_stride,
    channels: tl.constexpr,
    padded: tl.constexpr,
    rows_each: tl.constexpr,
    backwards: tl.constexpr,
    chunked: tl.constexpr,
):
    """h = first_scale x, then h = scale (h w + x) step by step, with last_scale in the last; h in the type of x.

    chunked: programs of the second axis begin a chunk each, from the state that the chunk before it ends with.
    """
    row = tl.program_id(0) * rows_each + tl.arange(0, rows_each)
    channel = tl.arange(0, padded)
    inside = (row[:, None] < rows) & (channel[None, :] < channels)
    offset = row[:, None].to(tl.int64) * channels + channel[None, :]
    next_step = rows.to(tl.int64) * channels
    start = tl.program_id(1) * chunk
    stop = tl.minimum(start + chunk, steps)
    state = offset + (tl.program_id(1) - 1) * next_step
    if backwards:
        offset += (steps - 1 - start) * next_step
        next_step = -next_step
    else:
        offset += start * next_step
    # Two frames are asked for before w, which every program reads: memory has work while that comes from the cache.
    if chunked:
        h = tl.load(states_pointer + state, mask=inside & (start > 0), other=0.0)
        first_product = start
    else:
        x = tl.load(x_pointer + offset, mask=inside, other=0.0)
        h = (x.to(tl.float32) * first_scale).to(x.dtype)
        first_product = start + 1
    following = tl.load(
        x_pointer + offset + (first_product - start) * next_step, mask=inside & (first_product < stop), other=0.0
    )
    w = tl.load(
        w_pointer + channel[:, None] * w_row_stride + channel[None, :] * w_column_stride,
        mask=(channel[:, None] < channels) & (channel[None, :] < channels),
        other=0.0,
    )
    w = w.to(h.dtype)
    if not chunked:
        tl.store(h_pointer + offset, h, mask=inside)
        offset += next_step
    for step in range(first_product, stop):
        x = following
        following = tl.load(x_pointer + offset + next_step, mask=inside & (step + 1 < stop), other=0.0)
        product = tl.dot(h, w, input_precision="ieee")
        factor = tl.where(step == steps - 1, last_scale, tl.where(step == 0, first_scale, scale))
        h = ((product + x.to(tl.float32)) * factor).to(x.dtype)
        tl.store(h_pointer + offset, h, mask=inside)
        offset += next_step


class _Scales(NamedTuple):
    """What the first input, every other step and the last one are scaled by."""

    first: float
    each: float
    last: float


def scan_forward(x: Tensor, w_hh: Tensor, scale: float, chunk: int | None = None) -> Tensor:
    """h_0 = x_0, h_t = scale (h_{t-1} w_hh^T + x_t); x (T, M, C), w_hh (C, C) of any type, cast to that of x.

    chunk: frames that run one after the other; None: all of them.
    """
    return _scan(x.contiguous(), w_hh.t(), _Scales(1.0, scale, scale), chunk)


def scan_backward(grad_h: Tensor, w_hh: Tensor, scale: float, chunk: int | None = None) -> Tensor:
    """The gradient of x: the same scan from the last step to the first, where x_0 entered unscaled."""
    scales = _Scales(scale if len(grad_h) > 1 else 1.0, scale, 1.0)
    return _scan(grad_h.contiguous(), w_hh, scales, chunk, backwards=True)


def _scan(x: Tensor, w: Tensor, scales: _Scales, chunk: int | None, *, backwards: bool = False) -> Tensor:
    steps, rows, channels = x.shape
    chunk = chunk or steps
    chunks = triton.cdiv(steps, chunk)
    rows_each, warps = _tile(rows, channels, chunked=chunks > 1)
    blocks = triton.cdiv(rows, rows_each)
    shape = {
        "channels": channels,
        "padded": max(triton.next_power_of_2(channels), 16),
        "rows_each": rows_each,
        "backwards": backwards,
        "num_warps": warps,
    }
    states = None
    if chunks > 1:
        ends = x.new_empty((chunks - 1) * rows + channels, channels)
        programs = blocks * (chunks - 1) + triton.cdiv(channels, rows_each)
        _ends_kernel[(programs,)](
            x, w, ends, steps, rows, blocks, chunks, *scales[:2], *w.stride(), chunk=chunk, **shape
        )
        ends, power = ends[:-channels].view(-1, rows, channels), ends[-channels:]
        states = _scan(ends, power, _Scales(1.0, 1.0, 1.0), None)
    h = torch.empty_like(x)
    _scan_kernel[(blocks, chunks)](
        x, w, h, states, steps, rows, chunk, *scales, *w.stride(), chunked=chunks > 1, **shape
    )
    return h


def _tile(rows: int, channels: int, *, chunked: bool) -> tuple[int, int]:
    """Rows and warps of a program, the fastest on an NVIDIA H200 (docs/performance.md)."""
    if channels <= 64:
        return (16, 1) if chunked else (32, 4)
    if channels <= 128:
        return 16, 4
    return (16, 8) if rows <= ROWS_AT_ONCE else (32, 8)

"""The recurrence as one GPU kernel: each program keeps the state of its rows on chip and writes every h_t once.

A row is one position of one clip. Rows do not interact, so a program walks through time alone, with all channels of
its rows, while the next frames are on their way. It holds them turned round, (channels, rows): channels fill the matrix
units' first side, so that a program can do with 8 rows, and w^T, which is multiplied from the left, stays in registers.

A long clip makes programs wait: many steps of few rows. Its time is cut into chunks, which run side by side, as more
rows would. One kernel takes every chunk alone to its end, from a state of zero; the ends are carried from chunk to
chunk by the power of w that a chunk is worth, a scan again; then every chunk is walked through from its true start.
"""

from collections.abc import Iterable
from typing import NamedTuple

import torch
import triton
import triton.language as tl
from torch import Tensor


class Tile(NamedTuple):
    """How a program is cut, for the number of rows and channels that it has.

    ahead: frames that are asked for before they are needed. registers: at most so many a thread; None: as it comes.
    """

    warps: int
    ahead: int
    registers: int | None = None


# By channels, then rows of a program: the fastest on an NVIDIA H200 (docs/performance.md).
TILES = {
    64: {8: Tile(2, 7), 16: Tile(4, 3), 32: Tile(4, 1)},
    128: {8: Tile(4, 4), 16: Tile(8, 2, 80), 32: Tile(8, 1, 80)},
    256: {8: Tile(8, 4), 16: Tile(16, 1), 32: Tile(16, 1)},
}
# Programs of one multiprocessor that run at the same time, about, by channels.
AT_ONCE = {64: 7, 128: 3, 256: 1}


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
    ahead: tl.constexpr,
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
    inside = (channel[:, None] < channels) & (row[None, :] < tl.where(of_power, channels, rows))
    has_input = inside & (number < chunks - 1)
    within = row[None, :].to(tl.int64) * channels + channel[:, None]
    to_next = rows.to(tl.int64) * channels
    end = number * to_next
    frame = number * chunk * to_next
    if backwards:
        frame = (steps - 1) * to_next - frame
        to_next = -to_next
    x = tl.load(x_pointer + frame + within, mask=has_input, other=0.0)
    frame += to_next
    frames = _frames(x_pointer + frame, within, to_next, chunk - 1, has_input, ahead)
    w = _transposed(w_pointer, w_row_stride, w_column_stride, channels, padded, x.dtype)
    w_rows = tl.load(
        w_pointer + row[None, :] * w_row_stride + channel[:, None] * w_column_stride,
        mask=inside & of_power,
        other=0.0,
    )
    h = (x.to(tl.float32) * tl.where(number == 0, first_scale, scale) + w_rows.to(tl.float32) * scale).to(x.dtype)
    step = 1
    while step < chunk:
        frame += ahead * to_next
        following = _frames(x_pointer + frame, within, to_next, chunk - step - ahead, has_input, ahead)
        for i in tl.static_range(ahead):
            state = (tl.dot(w, h, frames[i].to(tl.float32), input_precision="ieee") * scale).to(x.dtype)
            h = tl.where(step + i < chunk, state, h)
        frames = following
        step += ahead
    tl.store(ends_pointer + end + within, h, mask=inside)


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
    ahead: tl.constexpr,
    backwards: tl.constexpr,
    chunked: tl.constexpr,
):
    """h = first_scale x, then h = scale (h w + x) step by step, with last_scale in the last; h in the type of x.

    chunked: programs of the second axis begin a chunk each, from the state that the chunk before it ends with.
    """
    row = tl.program_id(0) * rows_each + tl.arange(0, rows_each)
    channel = tl.arange(0, padded)
    inside = (channel[:, None] < channels) & (row[None, :] < rows)
    within = row[None, :].to(tl.int64) * channels + channel[:, None]
    to_next = rows.to(tl.int64) * channels
    step = tl.program_id(1) * chunk
    stop = tl.minimum(step + chunk, steps)
    state = (tl.program_id(1) - 1) * to_next
    frame = step * to_next
    if backwards:
        frame = (steps - 1) * to_next - frame
        to_next = -to_next
    # Frames are asked for before w, which every program reads: memory has work while that comes from the cache.
    if chunked:
        h = tl.load(states_pointer + state + within, mask=inside & (step > 0), other=0.0)
    else:
        x = tl.load(x_pointer + frame + within, mask=inside, other=0.0)
        h = (x.to(tl.float32) * first_scale).to(x.dtype)
        step += 1
        frame += to_next
    frames = _frames(x_pointer + frame, within, to_next, stop - step, inside, ahead)
    w = _transposed(w_pointer, w_row_stride, w_column_stride, channels, padded, h.dtype)
    if not chunked:
        tl.store(h_pointer + frame - to_next + within, h, mask=inside)
    # In a ``for`` loop the compiler would fetch w from shared memory at every step.
    while step < stop:
        following = _frames(x_pointer + frame + ahead * to_next, within, to_next, stop - step - ahead, inside, ahead)
        for i in tl.static_range(ahead):
            factor = tl.where(step + i == steps - 1, last_scale, tl.where(step + i == 0, first_scale, scale))
            h = (tl.dot(w, h, frames[i].to(tl.float32), input_precision="ieee") * factor).to(h.dtype)
            tl.store(h_pointer + frame + within, h, mask=inside & (step + i < stop))
            frame += to_next
        frames = following
        step += ahead


@triton.jit
def _frames(pointer, within, to_next, left, inside, ahead: tl.constexpr):
    """The next frames; zeros from the left-th on.

    The compiler waits for all that a loop asks for before the loop's end, so what one frame alone asks for, while its
    product runs, is waited for in every step.
    """
    frames = ()
    for i in tl.static_range(ahead):
        frames += (tl.load(pointer + i * to_next + within, mask=inside & (i < left), other=0.0),)  # type: ignore[assignment]
    return frames


@triton.jit
def _transposed(pointer, row_stride, column_stride, channels: tl.constexpr, padded: tl.constexpr, dtype: tl.constexpr):
    """w^T, with zeros around it."""
    channel = tl.arange(0, padded)
    inside = (channel[:, None] < channels) & (channel[None, :] < channels)
    offset = channel[:, None] * column_stride + channel[None, :] * row_stride
    return tl.load(pointer + offset, mask=inside, other=0.0).to(dtype)


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
    rows_each, tile = _tile(rows * chunks, channels, multiprocessors(x))
    blocks = triton.cdiv(rows, rows_each)
    shape = {
        "channels": channels,
        "padded": max(triton.next_power_of_2(channels), 16),
        "rows_each": rows_each,
        "ahead": tile.ahead,
        "backwards": backwards,
        "num_warps": tile.warps,
        # Of other numbers each value is read alone, which takes more registers.
        "maxnreg": tile.registers if channels % 8 == 0 else None,
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


def _tile(rows: int, channels: int, processors: int) -> tuple[int, Tile]:
    """The rows of a program, and its tile."""
    width = next(width for width in TILES if channels <= width)
    rows_each = fewest_rows(rows, TILES[width], AT_ONCE[width] * processors)
    return rows_each, TILES[width][rows_each]


def fewest_rows(rows: int, choices: Iterable[int], at_once: int) -> int:
    """Of a program, for which all programs run at the same time, else the most. choices: ascending."""
    choices = list(choices)
    return next((each for each in choices if rows <= each * at_once), choices[-1])


def multiprocessors(x: Tensor) -> int:
    """Of the GPU that x lies on; where kernels are interpreted on a processor, those of an H100."""
    return torch.cuda.get_device_properties(x.device).multi_processor_count if x.is_cuda else 132

"""The recurrence as matrix products, in place on a copy of its input: a product per step.

A long clip of few rows makes a GPU wait for step after step. Its time is then cut into chunks, which take their steps
side by side, each from a state of zero; the end of each chunk is carried to that of the next by the power of w that a
chunk is worth, a scan again, and reaches the other frames of the next chunk by the powers between, in one product.
"""

from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor

Direction = Literal[1, -1]


def scan_forward(x: Tensor, w_hh: Tensor, scale: float, chunk: int | None = None) -> Tensor:
    """h_0 = x_0, h_t = scale (h_{t-1} w_hh^T + x_t); x (T, M, C), w_hh (C, C) of any type, cast to that of x.

    chunk: frames that run one after the other, a power of two; None: all of them.
    """
    h = x.clone(memory_format=torch.contiguous_format)
    _scan(h, w_hh.to(x.dtype).t(), scale, chunk, 1)
    return h


def scan_backward(grad_h: Tensor, w_hh: Tensor, scale: float, chunk: int | None = None) -> Tensor:
    """The gradient of x, scale dL/dh_t for t > 0, where dL/dh_t = grad_h_t + grad_x_{t+1} w_hh; x_0 enters unscaled."""
    grad_x, w = grad_h.clone(memory_format=torch.contiguous_format), w_hh.to(grad_h.dtype)
    if len(grad_x) < 2:
        return grad_x
    grad_x[-1].mul_(scale)
    if chunk:
        _scan(grad_x, w, scale, chunk, -1)
        grad_x[0].div_(scale)  # exact, as scale is a power of two
    else:
        _scan(grad_x[1:], w, scale, None, -1)
        grad_x[0].addmm_(grad_x[1], w)
    return grad_x


def _scan(h: Tensor, w: Tensor, scale: float, chunk: int | None, direction: Direction) -> None:
    """h_t = scale (h_before w + h_t), in place, for all frames but the first in this direction."""
    frames = range(len(h))[::direction]
    if chunk and len(h) >= 2 * chunk:
        in_chunks = len(h) // chunk * chunk
        chunks = (h[:in_chunks] if direction == 1 else h[-in_chunks:]).unflatten(0, (-1, chunk))
        _scan_chunks(chunks, w, scale, direction)
        frames = frames[in_chunks - 1 :]
    for before, t in pairwise(frames):
        h[t].addmm_(h[before], w, beta=scale, alpha=scale)


def _scan_chunks(h: Tensor, w: Tensor, scale: float, direction: Direction) -> None:
    """``_scan`` of frames in chunks, (K, chunk, M, C)."""
    number, chunk = h.shape[:2]
    first, *_, last = frames = range(chunk)[::direction]
    earlier, later = (h[:-1], h[1:]) if direction == 1 else (h[1:], h[:-1])
    later[:, first].mul_(scale)
    for before, t in pairwise(frames):
        h[:, t].baddbmm_(h[:, before], w.expand(number, *w.shape), beta=scale, alpha=scale)
    powers = _powers(w, scale, chunk, direction)
    _scan(h[:, last], powers[last], 1.0, None, direction)
    others = slice(None, -1) if direction == 1 else slice(1, None)  # than the last
    reached = earlier[:, last].flatten(0, 1) @ powers[others]
    later[:, others] += reached.unflatten(1, (number - 1, -1)).transpose(0, 1)


def _powers(w: Tensor, scale: float, chunk: int, direction: Direction) -> Tensor:
    """Of scale w, for each frame of a chunk the power that takes the end of the chunk before to it, (chunk, C, C)."""
    powers = w.new_empty(chunk, *w.shape)
    of_frame = powers.unbind()[::direction]
    torch.mul(w, scale, out=of_frame[0])
    known = 1
    while known < chunk:
        new = slice(known, 2 * known) if direction == 1 else slice(chunk - 2 * known, chunk - known)
        old = slice(known) if direction == 1 else slice(chunk - known, None)
        torch.matmul(powers[old], of_frame[known - 1], out=powers[new])
        known *= 2
    return powers

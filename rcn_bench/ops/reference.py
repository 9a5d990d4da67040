"""The recurrence as the paper writes it: what the operator, its kernels and its benchmarks are compared with."""

import torch
from torch import Tensor

from rcn_bench.ops.recurrent_scan import Mode


def reference_scan(x: Tensor, w_hh: Tensor, mode: Mode = "mean") -> Tensor:
    """What ``recurrent_scan`` computes, as a loop in float64; gradients are autograd's own.

    Shapes: x (T, M, C), T at least 1, and w_hh (C, C), of any type; returns (T, M, C) in float64.
    Source: supplement section 3; the mean is the authors' public code.
    """
    h, w = [x[0].double()], w_hh.double().t()
    for x_t in x[1:].double():
        total = h[-1] @ w + x_t
        h.append(total / 2 if mode == "mean" else total)
    return torch.stack(h)

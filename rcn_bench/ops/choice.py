"""Which implementation of the recurrence runs: the fused kernel, or a matrix product per step."""

import sys
from functools import cache
from types import ModuleType

import torch
from torch import Tensor

FUSED_DEVICE = "cuda"
MOST_CHANNELS = 256  # of the fused kernel, whose programs hold w_hh on chip; wider layers have few rows anyway


def fused_kernels(x: Tensor) -> ModuleType | None:
    """The module of fused kernels if they suit x (T, M, C), else None.

    They need 16-bit values on a GPU that has matrix units for them: float16 from compute capability 7.0 on, bfloat16
    from 8.0. Products per step are faster in float32 and where there are many channels and few rows.
    """
    if x.device.type != FUSED_DEVICE or x.dtype not in (torch.float16, torch.bfloat16) or x.numel() == 0:
        return None
    if x.shape[-1] > MOST_CHANNELS:
        return None
    return _kernels_for(torch.cuda.get_device_capability(x.device), x.dtype)


@cache
def _kernels_for(capability: tuple[int, int], dtype: torch.dtype) -> ModuleType | None:
    needed = (7, 0) if dtype == torch.float16 else (8, 0)
    try:
        if capability < needed:
            raise ImportError(f"{dtype} needs a GPU of compute capability {needed}, this one has {capability}")
        from rcn_bench.ops import triton_scan
    except ImportError as error:
        print(f"recurrent_scan: a matrix product per step, not the fused kernel: {error}", file=sys.stderr)
        return None
    return triton_scan

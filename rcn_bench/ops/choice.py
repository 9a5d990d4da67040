"""Which implementation of the recurrence runs: the fused kernel, or a matrix product per step; and in which chunks."""

from functools import cache
from types import ModuleType

import torch
from torch import Tensor

from rcn_bench.errors import warn
from rcn_bench.ops import product_scan

FUSED_DEVICE = "cuda"
# A program of the fused kernel holds all of w_hh on chip: 128 KiB at 256 channels in 16 bits. At 512 it would be 512,
# more than the 228 KiB of an H100's multiprocessor. The forward scan of 8 frames, bfloat16, batch 64 of 112x112 on that
# card, divided by the time of copying x once (docs/performance.md):
#
#   channels              64    128    256    512
#   fused               1.06   1.27    2.7      -
#   product per step     2.5    3.6    5.8    7.4   into a third tensor; in place, as it runs here, 6.0 at 512
MOST_CHANNELS = 256
# A GPU that takes a long clip of few rows in one piece waits for step after step; in chunks it has more arithmetic to
# do, in fewer steps. Frames from which on that is faster, and up to how many values a frame, on an NVIDIA H200 for
# bfloat16 and, by products, float32 (docs/performance.md has the times).
LONG_FOR_THE_KERNEL, LONG_FOR_PRODUCTS, VERY_LONG = 64, 32, 128
FEW_VALUES = 2**18


def scan_of(x: Tensor, scale: float) -> tuple[ModuleType, int | None]:
    """The module whose scan suits x (T, M, C), and the frames of a chunk for it; None for all in one piece.

    By shape and type alone, since a CUDA graph cannot branch on values. A plain sum and float16 stay in one piece: the
    powers of w_hh that chunks need grow with the first, and leave the range of the second.
    """
    steps, rows, channels = x.shape
    fused = fused_kernels(x)
    can_be_cut = x.device.type == FUSED_DEVICE and scale < 1 and x.dtype != torch.float16
    cut = can_be_cut and rows * channels <= FEW_VALUES
    if fused:
        return fused, 16 if cut and steps >= LONG_FOR_THE_KERNEL else None
    if cut and steps >= LONG_FOR_PRODUCTS:
        return product_scan, 8 if steps >= VERY_LONG else 4
    return product_scan, None


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
        warn(f"recurrent_scan: a matrix product per step, not the fused kernel: {error}")
        return None
    return triton_scan

"""Which implementation of the recurrence runs: the fused kernel, or a matrix product per step."""

from functools import cache
from types import ModuleType

import torch
from torch import Tensor

from rcn_bench.errors import warn

FUSED_DEVICE = "cuda"
# A program of the fused kernel holds all of w_hh on chip: 128 KiB at 256 channels in 16 bits. At 512 it would be 512,
# more than the 228 KiB of an H100's multiprocessor. The forward scan of 8 frames, bfloat16, batch 64 of 112x112 on that
# card, divided by the time of copying x once (docs/performance.md):
#
#   channels              64    128    256    512
#   fused               1.06   1.27    2.7      -
#   product per step     2.5    3.6    5.8    7.4   into a third tensor; in place, as it runs here, 6.0 at 512
MOST_CHANNELS = 256


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

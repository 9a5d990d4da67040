"""Which implementation of the recurrence runs: fused kernels, or a matrix product per step; and in which chunks."""

from functools import cache
from importlib import import_module
from types import ModuleType
from typing import NamedTuple

import torch
from torch import Tensor
from torch.torch_version import TorchVersion

from rcn_bench.errors import warn
from rcn_bench.ops import product_scan

FUSED_DEVICE = "cuda"
OLDEST_TRITON = "3.5"  # older ones multiply no 8 rows
SIXTEEN_BITS = (torch.float16, torch.bfloat16)
# A program of the fused kernel holds all of w_hh on chip, 128 KiB at 256 channels. At 512 it would be 512, more than
# the 228 KiB of an H100's multiprocessor: there each step is a kernel, for so few rows that all its programs run at
# once. With more rows products are faster (docs/performance.md has the times, on an NVIDIA H200).
MOST_CHANNELS, MOST_CHANNELS_OF_STEPS = 256, 512
FEW_ROWS, FEW_STEPS = 1024, 32
SHARED_BY_A_STEP = 136 << 10  # bytes, of a program of a kernel a step
# A GPU that takes a long clip of few rows in one piece waits for step after step; in chunks it has more arithmetic to
# do, in fewer steps. By products: frames from which on chunks are faster, and up to how many values a frame.
LONG_FOR_PRODUCTS, VERY_LONG, FEW_VALUES = 32, 128, 2**18


class Microseconds(NamedTuple):
    """Of the fused kernel, on an NVIDIA H200: a step in one piece; a million values in chunks."""

    step: float
    million: float


KERNEL = {64: Microseconds(0.18, 2.1), 128: Microseconds(0.27, 2.9), 256: Microseconds(0.48, 4.5)}  # by channels
CHUNK, START_OF_CHUNKS = 16, 8.0  # frames; microseconds


def scan_of(x: Tensor, scale: float) -> tuple[ModuleType, int | None]:
    """The module whose scan suits x (T, M, C), and the frames of a chunk for it; None for all in one piece.

    By shape and type alone, since a CUDA graph cannot branch on values. A plain sum and float16 stay in one piece: the
    powers of w_hh that chunks need grow with the first, and leave the range of the second.
    """
    steps, rows, channels = x.shape
    fused = fused_kernels(x)
    can_be_cut = x.device.type == FUSED_DEVICE and scale < 1 and x.dtype != torch.float16
    if fused and channels <= MOST_CHANNELS:
        return fused, CHUNK if can_be_cut and _faster_in_chunks(steps, rows, channels) else None
    cut = can_be_cut and rows * channels <= FEW_VALUES
    if fused and rows <= FEW_ROWS and (steps <= FEW_STEPS or not cut):
        return fused, None
    if cut and steps >= LONG_FOR_PRODUCTS:
        return product_scan, 8 if steps >= VERY_LONG else 4
    return product_scan, None


def _faster_in_chunks(steps: int, rows: int, channels: int) -> bool:
    """Of few rows a scan takes its steps, however many values they have; in chunks it takes its values."""
    times = next(times for width, times in KERNEL.items() if channels <= width)
    values = steps * rows * _padded(channels)
    return START_OF_CHUNKS + times.million * values / 1e6 < times.step * steps


def _padded(channels: int) -> int:
    """As many as the kernels multiply."""
    return 1 << (channels - 1).bit_length()


def fused_kernels(x: Tensor) -> ModuleType | None:
    """The module of fused kernels that suits x (T, M, C) and can run on its GPU, else None.

    They need 16-bit values, a GPU with matrix units for both types (compute capability 8.0) and room on chip for w_hh:
    at 256 channels an A100 and an H100 have it, cards for games have not. A kernel a step gains only where it starts
    before the step before has ended (9.0), and where there is room for its part of w_hh and rows; elsewhere products
    are no worse.
    """
    channels = x.shape[-1]
    if x.device.type != FUSED_DEVICE or x.dtype not in SIXTEEN_BITS or x.numel() == 0:
        return None
    card = torch.cuda.get_device_properties(x.device)
    capability = (card.major, card.minor)
    there: int = card.shared_memory_per_block_optin  # type: ignore[attr-defined]
    if channels > MOST_CHANNELS:
        suits = channels <= MOST_CHANNELS_OF_STEPS and capability >= (9, 0) and there >= SHARED_BY_A_STEP
        return _kernels("steps") if suits else None
    if capability < (8, 0):
        return _tell(f"it needs a GPU of compute capability (8, 0), this one has {capability}")
    needed = 2 * _padded(channels) ** 2
    if needed > there:
        return _tell(f"{channels} channels need {needed >> 10} KiB of shared memory, this GPU has {there >> 10}")
    return _kernels("scan")


@cache
def _kernels(name: str) -> ModuleType | None:
    try:
        import triton

        if TorchVersion(triton.__version__) < OLDEST_TRITON:
            raise ImportError(f"it needs Triton {OLDEST_TRITON} or newer, this is {triton.__version__}")
        return import_module(f"rcn_bench.ops.triton_{name}")
    except ImportError as error:
        return _tell(str(error))


@cache
def _tell(why: str) -> None:
    warn(f"recurrent_scan: a matrix product per step, not the fused kernel: {why}")

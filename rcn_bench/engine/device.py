"""How a model's tensors lie on the device where it runs, and how its data come there."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

import torch
from torch import Tensor, nn

from rcn_bench.models.frames import FrameNet
from rcn_bench.models.taps import leave_out_unseen_taps


def place(model: nn.Module, device: torch.device) -> nn.Module:
    """The model on a device, its weights in the layout in which its convolutions are fastest there.

    On a CPU they compute with the taps that meet an input alone; libraries of GPUs choose their kernels by the whole.
    """
    if device.type == "cpu":
        leave_out_unseen_taps(model)
    return model.to(device).to(memory_format=fastest_layout(model, device.type))


def fastest_layout(model: nn.Module, device_type: str) -> torch.memory_format:
    """2D networks, on frames too, run channels last, where the scan copies nothing; 3D ones on a GPU, not on a CPU."""
    if isinstance(model, FrameNet) or not any(isinstance(module, nn.Conv3d) for module in model.modules()):
        return torch.channels_last
    return torch.contiguous_format if device_type == "cpu" else torch.channels_last_3d


def uploaded(batches: Iterable[Sequence[Tensor]], device: torch.device) -> Iterator[Sequence[Tensor]]:
    """The batches on a device; a GPU gets each while it computes on the one before, if they lie in pinned memory.

    The next one is asked for when the last has arrived, so that its memory may be used again.
    """
    if device.type == "cpu":
        yield from batches
        return
    computing, uploading = torch.cuda.current_stream(device), torch.cuda.Stream(device)
    ready: list[Tensor] = []
    for batch in chain(batches, [()]):
        with torch.cuda.stream(uploading):
            coming = [tensor.to(device, non_blocking=True) for tensor in batch]
        if ready:
            for tensor in ready:  # else its memory could be given to the next upload while it is still read
                tensor.record_stream(computing)
            yield ready
        uploading.synchronize()
        ready = coming

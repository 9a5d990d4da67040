"""Where a model runs, and how its tensors lie there."""

import torch
from torch import nn

from rcn_bench.models.frames import FrameNet


def pick_device() -> torch.device:
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def place(model: nn.Module, device: torch.device) -> nn.Module:
    """The model on a device, its weights in the layout in which its convolutions are fastest there."""
    return model.to(device).to(memory_format=fastest_layout(model, device.type))


def fastest_layout(model: nn.Module, device_type: str) -> torch.memory_format:
    """2D networks, on frames too, run channels last, where the scan copies nothing; 3D ones on a GPU, not on a CPU."""
    if isinstance(model, FrameNet) or not any(isinstance(module, nn.Conv3d) for module in model.modules()):
        return torch.channels_last
    return torch.contiguous_format if device_type == "cpu" else torch.channels_last_3d

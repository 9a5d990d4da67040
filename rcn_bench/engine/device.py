"""Where a model runs, and how its tensors lie there."""

import torch
from torch import nn


def pick_device() -> torch.device:
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def place(model: nn.Module, device: torch.device) -> nn.Module:
    """The model on a device, its weights in the layout in which its convolutions are fastest there.

    2D networks run channels last, where the scan copies nothing; 3D ones too on a GPU, but not on a CPU.
    """
    if not any(isinstance(module, nn.Conv3d) for module in model.modules()):
        return model.to(device).to(memory_format=torch.channels_last)
    return model.to(device) if device.type == "cpu" else model.to(device).to(memory_format=torch.channels_last_3d)

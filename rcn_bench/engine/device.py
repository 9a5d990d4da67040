"""Where a model runs, and how its tensors lie there."""

import torch
from torch import nn


def pick_device() -> torch.device:
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def place(model: nn.Module, device: torch.device) -> nn.Module:
    """The model on a device, channels last: there convolutions are fastest and the scan copies nothing."""
    volumetric = any(isinstance(module, nn.Conv3d) for module in model.modules())
    return model.to(device).to(memory_format=torch.channels_last_3d if volumetric else torch.channels_last)

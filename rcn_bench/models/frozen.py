"""Batch norm as pretrained weights bring it: neither its statistics nor its scale and shift move in training."""

from typing import Self

import torch
from torch import Tensor, nn


class FrozenBatchNorm(nn.BatchNorm2d):
    """Batch norm by its running statistics, in training too, for frames (N, C, H, W) and clips (N, C, T, H, W).

    Source: the authors' public Kinetics code, which freezes it so where a network starts from ImageNet.
    """

    def train(self, mode: bool = True) -> Self:
        return super().train(False)

    def _check_input_dim(self, input: Tensor) -> None:
        if input.dim() not in (4, 5):
            raise ValueError(f"frames (N, C, H, W) or clips (N, C, T, H, W) are wanted, not {tuple(input.shape)}")


def freeze_batch_norm(net: nn.Module) -> None:
    """Put frozen layers in the place of a network's batch norm, which keep its values."""
    for name, layer in list(net.named_modules()):
        if isinstance(layer, nn.BatchNorm2d):
            with torch.device("meta"):
                frozen = FrozenBatchNorm(layer.num_features, layer.eps)
            frozen.load_state_dict(layer.state_dict(), assign=True)
            net.set_submodule(name, frozen.requires_grad_(False).eval())

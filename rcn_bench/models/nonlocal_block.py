"""The non-local block: every position of a clip looks at every other, of all frames (Wang et al., 2018)."""

import torch
from torch import Tensor, nn


class NonLocal(nn.Module):
    """An embedded-Gaussian non-local block with a residual connection; the identity at the start, by a zero gamma.

    Keys and values are max-pooled over space, 2x2. Shapes: (N, C, T, H, W) to the same.
    Source: Wang et al., Non-local Neural Networks, section 3 and 4.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.inner = channels // 2
        self.theta = nn.Conv3d(channels, self.inner, 1)
        self.phi = nn.Conv3d(channels, self.inner, 1)
        self.g = nn.Conv3d(channels, self.inner, 1)
        self.out = nn.Conv3d(self.inner, channels, 1)
        self.bn = nn.BatchNorm3d(channels)
        self.pool = nn.MaxPool2d(2)
        nn.init.zeros_(self.bn.weight)

    def forward(self, clip: Tensor) -> Tensor:
        pooled = self.pool(clip.transpose(1, 2).flatten(0, 1)).unflatten(0, (clip.shape[0], -1)).transpose(1, 2)
        query, key, value = (
            layer(x).flatten(2) for layer, x in ((self.theta, clip), (self.phi, pooled), (self.g, pooled))
        )
        weight = torch.softmax(query.transpose(1, 2) @ key * self.inner**-0.5, dim=2)
        seen = (weight @ value.transpose(1, 2)).transpose(1, 2).unflatten(2, clip.shape[2:])
        return clip + self.bn(self.out(seen))

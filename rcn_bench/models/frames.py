"""2D networks on video: every frame of every clip goes through one 2D trunk, folded into its batch."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass
class Fold:
    """How many frames of each clip lie in the folded batch; one object shared by a network and its units."""

    frames: int = 1


class FrameNet(nn.Module):
    """A 2D trunk applied to all frames of a clip; the clip's logits are the mean of its frames' logits.

    Frames are folded time-major, (T*N, C, H, W) in channels_last: frame t of all clips is one contiguous block, so
    that a recurrence over t is a matrix product per step without a copy.
    """

    def __init__(self, trunk: nn.Module, fold: Fold | None = None) -> None:
        super().__init__()
        self.trunk = trunk.to(memory_format=torch.channels_last)
        self.fold = fold or Fold()

    def frame_logits(self, clip: Tensor) -> Tensor:
        """Logits of every frame: clip (N, C, T, H, W) to (N, T, num_classes), float32 under autocast too."""
        self.fold.frames = clip.shape[2]
        frames = clip.permute(2, 0, 1, 3, 4).flatten(0, 1).contiguous(memory_format=torch.channels_last)
        return self.trunk(frames).float().unflatten(0, (clip.shape[2], clip.shape[0])).transpose(0, 1)

    def forward(self, clip: Tensor) -> Tensor:
        """Logits of the clip: (N, C, T, H, W) to (N, num_classes)."""
        return self.frame_logits(clip).mean(dim=1)

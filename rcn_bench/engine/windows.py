"""A network without a state on a video that goes on: it runs on windows of its clip's length, half overlapping."""

from collections.abc import Callable

import torch
from torch import Tensor, nn


def frames_between_windows(window: int) -> int:
    """From the start of one window to that of the next, both of so many frames."""
    return max(window // 2, 1)


def scores_of_windows(model: nn.Module, clips: Tensor, window: int, require_finite: Callable[[Tensor], None]) -> Tensor:
    """Class scores after each frame, the mean softmax of all windows that are complete by then, NaN before the first.

    Shapes: (N, 3, T, H, W) to (N, T, K). require_finite: refuses the network's own scores, (N, windows, K).
    """
    steps = clips.shape[2]
    starts = range(0, steps - window + 1, frames_between_windows(window))
    logits = torch.stack([model(clips[:, :, start : start + window]).float() for start in starts], 1)
    require_finite(logits)
    softmax = logits.softmax(2)
    complete = torch.tensor([sum(start + window <= step for start in starts) for step in range(1, steps + 1)])
    so_far = softmax.cumsum(1) / torch.arange(1, len(starts) + 1, device=clips.device).view(1, -1, 1)
    return torch.cat([torch.full_like(so_far[:, :1], torch.nan), so_far], 1)[:, complete]

"""TSM, the temporal shift module (Lin et al. 2019), in its online form: a part of the channels comes a frame late.

Its blocks see the frame before at no multiplication; the other rival of RCN on live video.
"""

from collections.abc import Callable
from typing import Unpack

import torch
from torch import Tensor, nn

from rcn_bench.errors import InputError
from rcn_bench.models.frames import Fold, FrameNet, replace_convolutions
from rcn_bench.models.network2d import ResNetOptions, network2d
from rcn_bench.models.registry import Specification, register

SHARE = 8  # one channel in so many is shifted: the authors' choice for one direction


class ShiftedConv(nn.Module):
    """A convolution whose first channels are those of the frame before, zeros before the first frame.

    Shapes: frames (T*N, C_in, H, W), folded time-major, to (T*N, C, H', W'). Its state is those channels of the last
    frame, (N, C_in / 8, H, W).
    Errors: InputError for a convolution of fewer than eight input channels.
    """

    def __init__(self, name: str, convolution: nn.Conv2d, fold: Fold) -> None:
        super().__init__()
        if convolution.in_channels < SHARE:
            raise InputError(
                f"{name}: has {convolution.in_channels} input channels, of which none can be shifted; choose "
                f"convolutions with {SHARE} or more"
            )
        self.name, self.convolution, self.fold = name, convolution, fold
        self.shifted = convolution.in_channels // SHARE

    def forward(self, frames: Tensor) -> Tensor:
        batch, late = len(frames) // self.fold.frames, frames[:, : self.shifted]
        seen = frames.clone()  # in its layout
        seen[:, : self.shifted] = torch.cat([self._past(late[:batch]), late[: len(late) - batch]])
        if self.fold.past is not None:
            self.fold.present[self.name] = late[len(late) - batch :]
        return self.convolution(seen)

    def _past(self, like: Tensor) -> Tensor:
        past = self.fold.past
        if past is not None and self.name in past.units:
            return past.units[self.name].to(like.dtype)
        return torch.zeros_like(like)


def make_shifted(trunk: nn.Module, choose: Callable[[str, nn.Conv2d], bool]) -> FrameNet:
    """Let the chosen convolutions of any 2D network see an eighth of their channels a frame late; apply it to clips.

    choose(name, convolution) goes by the names in ``trunk.named_modules()``.
    """
    return replace_convolutions(trunk, choose, ShiftedConv)


@register(trunk="resnet18", specification=Specification(11_381_712, 3.880, (8, 112, 112), causal=True))
def tsm18(num_classes: int, **options: Unpack[ResNetOptions]) -> FrameNet:
    """ResNet-18 on frames, the first convolution of each residual block shifted (online TSM, Lin et al. 2019)."""
    trunk = network2d("resnet18", num_classes, **options)
    return make_shifted(trunk, lambda name, _: name.startswith("layer") and name.endswith(".conv1"))

"""Causal inflation: temporal convolutions that look back only, so that a 3D network can run on live video.

The control for RCN: causal too, and it keeps the temporal resolution too, but what it remembers ends a few frames back.
"""

import copy
from collections.abc import Callable
from typing import Unpack

import torch
from torch import Tensor, nn

from rcn_bench.models.frames import Fold, FrameNet, replace_convolutions
from rcn_bench.models.i3d import I3DOptions
from rcn_bench.models.inflate import Inflation, inflated_weight
from rcn_bench.models.init import he_normal_
from rcn_bench.models.network2d import ResNetOptions, network2d
from rcn_bench.models.registry import Specification, register


class CausalConv(nn.Module):
    """A convolution over a frame and those before it, zeros before the first: one 2D convolution a tap, summed.

    Shapes: frames (T*N, C_in, H, W), folded time-major, to (T*N, C, H', W'). Its state is the last input frames,
    (N, frames - 1, C_in, H, W).
    """

    def __init__(self, name: str, spatial: nn.Conv2d, fold: Fold, frames: int, how: Inflation) -> None:
        super().__init__()
        self.taps = nn.ModuleList(copy.deepcopy(spatial) for _ in range(frames))
        weights = inflated_weight(spatial.weight.detach(), frames, how)
        if how == "centre":
            weights = weights.roll(frames // 2, 2)  # on the present frame, the last: the centre would look one back
        for tap, weight in zip(self.taps, weights.unbind(2), strict=True):
            tap.weight = nn.Parameter(weight.clone())
        for tap in self.taps[1:]:
            tap.register_parameter("bias", None)  # one bias for all taps
        self.name = name
        self.fold = fold

    def forward(self, frames: Tensor) -> Tensor:
        batch, steps = frames.shape[0] // self.fold.frames, len(self.taps) - 1
        x = torch.cat([self._past(frames, batch), frames])
        if self.fold.past is not None:
            self.fold.present[self.name] = x[x.shape[0] - steps * batch :].unflatten(0, (steps, batch)).transpose(0, 1)
        # Time-major: all frames seen through one tap are one contiguous block.
        taps = [tap(x[k * batch : k * batch + frames.shape[0]]) for k, tap in enumerate(self.taps)]
        return sum(taps[1:], taps[0])

    def _past(self, frames: Tensor, batch: int) -> Tensor:
        past = self.fold.past
        if past is not None and self.name in past.units:
            return past.units[self.name].transpose(0, 1).flatten(0, 1).to(frames.dtype)
        return frames.new_zeros((len(self.taps) - 1) * batch, *frames.shape[1:])


def make_causal(
    trunk: nn.Module, choose: Callable[[str, nn.Conv2d], bool], *, frames: int = 3, inflation: Inflation = "mean"
) -> FrameNet:
    """Inflate the chosen convolutions of any 2D network over a frame and those before it, and apply it to clips.

    choose(name, convolution) goes by the names in ``trunk.named_modules()``. Weights are carried over as by inflate,
    but ``centre`` puts them on the present frame.
    """
    return replace_convolutions(trunk, choose, lambda name, conv, fold: CausalConv(name, conv, fold, frames, inflation))


def _i3d_causal(
    network: str, num_classes: int, *, inflation: Inflation = "mean", **options: Unpack[ResNetOptions]
) -> FrameNet:
    trunk = network2d(network, num_classes, **options)
    net = make_causal(trunk, lambda name, convolution: convolution.kernel_size != (1, 1), inflation=inflation)
    if options.get("w_xh", "random") == "random":
        he_normal_(net)  # drawn anew, since inflated random kernels would be alike in every frame
        for unit in net.modules():
            if isinstance(unit, CausalConv):
                for tap in unit.taps:
                    tap.weight.data /= len(unit.taps) ** 0.5  # together they are one kernel, with its fan-out
    return net


@register(trunk="resnet18", specification=Specification(33_371_472, 11.553, (8, 112, 112), causal=True))
def i3d18_causal(num_classes: int, **options: Unpack[I3DOptions]) -> FrameNet:
    """i3d18 with every temporal convolution padded on the past side only, and no stride in time."""
    return _i3d_causal("resnet18", num_classes, **options)

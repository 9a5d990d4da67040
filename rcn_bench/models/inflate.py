"""Inflation: a 2D network becomes a 3D one, its weights carried over (Carreira and Zisserman, 2017)."""

from collections.abc import Callable
from typing import Literal, NamedTuple, get_args

import torch
from torch import Tensor, nn

from rcn_bench.errors import InputError

Inflation = Literal["mean", "centre"]
INFLATIONS: tuple[Inflation, ...] = get_args(Inflation)


class TimeAxis(NamedTuple):
    """What a layer does along time: the size of its kernel and its stride, in frames."""

    kernel: int = 1
    stride: int = 1


TimePlan = Callable[[str, nn.Conv2d], TimeAxis]


def inflate(net: nn.Module, plan: TimePlan, how: Inflation = "mean") -> nn.Module:
    """Replace every 2D layer of a network, in place, by its 3D counterpart; input becomes (N, C, T, H, W).

    plan(name, convolution) gives each convolution's kernel and stride in time; it is padded by half its kernel, and
    pooling stays spatial. Weights are carried over: ``mean`` repeats a kernel over time and divides by its length,
    ``centre`` puts it on the middle frame with zeros around. Both keep the 2D output on a static video, ``mean``
    only away from the clip's ends, where zero padding enters.
    Errors: InputError for an unknown way or an even kernel.
    Source: supplement section 1.1 (inflated 2D layers).
    """
    if how not in INFLATIONS:
        raise InputError(f"unknown inflation {how!r}; choose one of {', '.join(INFLATIONS)}")
    inflated: nn.Module
    for name, layer in list(net.named_modules()):
        match layer:
            case nn.Conv2d():
                inflated = _inflate_convolution(layer, plan(name, layer), how)
            case nn.BatchNorm2d():
                inflated = _inflate_batch_norm(layer)
            case nn.MaxPool2d():
                inflated = SpatialPool(layer)
            case nn.AdaptiveAvgPool2d(output_size=(1, 1) | 1):
                inflated = nn.AdaptiveAvgPool3d(1)
            case _:
                continue
        net.set_submodule(name, inflated.train(layer.training))
    return net


class SpatialPool(nn.Module):
    """A 2D pool on every frame of (N, C, T, H, W): as fast as a (1, k, k) 3D pool, and repeatable on CUDA."""

    def __init__(self, pool: nn.Module) -> None:
        super().__init__()
        self.pool = pool

    def forward(self, clip: Tensor) -> Tensor:
        frames = self.pool(clip.transpose(1, 2).flatten(0, 1))
        return frames.unflatten(0, (clip.shape[0], clip.shape[2])).transpose(1, 2)


def _inflate_convolution(layer: nn.Conv2d, time: TimeAxis, how: Inflation) -> nn.Conv3d:
    if time.kernel % 2 == 0:
        raise InputError(f"a kernel of {time.kernel} frames has no middle; choose an odd one")
    if isinstance(layer.padding, str):
        raise InputError(f"cannot inflate a convolution with padding={layer.padding!r}; give it as numbers")
    inflated = nn.Conv3d(
        layer.in_channels,
        layer.out_channels,
        _with_time(time.kernel, layer.kernel_size),
        stride=_with_time(time.stride, layer.stride),
        padding=_with_time(time.kernel // 2, layer.padding),
        dilation=_with_time(1, layer.dilation),
        groups=layer.groups,
        bias=layer.bias is not None,
        device=layer.weight.device,
        dtype=layer.weight.dtype,
    )
    with torch.no_grad():
        if how == "mean":
            inflated.weight.copy_((layer.weight / time.kernel).unsqueeze(2).expand_as(inflated.weight))
        else:
            inflated.weight.zero_()[:, :, time.kernel // 2] = layer.weight
        if layer.bias is not None and inflated.bias is not None:
            inflated.bias.copy_(layer.bias)
    return inflated


def _with_time(time: int, space: tuple[int, ...]) -> tuple[int, int, int]:
    height, width = space
    return time, height, width


def _inflate_batch_norm(layer: nn.BatchNorm2d) -> nn.BatchNorm3d:
    inflated = nn.BatchNorm3d(layer.num_features, layer.eps, layer.momentum, layer.affine, layer.track_running_stats)
    inflated.load_state_dict(layer.state_dict(), assign=True)  # keeps type and device
    return inflated

"""Inflation: a 2D network becomes a 3D one, its weights carried over (Carreira and Zisserman, 2017)."""

from collections.abc import Callable
from typing import Literal, NamedTuple, get_args

import torch
from torch import Tensor, nn

from rcn_bench.errors import InputError
from rcn_bench.models.frozen import FrozenBatchNorm

Inflation = Literal["mean", "centre"]
INFLATIONS: tuple[Inflation, ...] = get_args(Inflation)


class TimeAxis(NamedTuple):
    """What a layer does along time: the size of its kernel and its stride, in frames."""

    kernel: int = 1
    stride: int = 1


ONE_FRAME = TimeAxis()
Layer2d = nn.Conv2d | nn.MaxPool2d | nn.AvgPool2d
TimePlan = Callable[[str, Layer2d], TimeAxis]


def inflate(net: nn.Module, plan: TimePlan, how: Inflation = "mean") -> nn.Module:
    """Replace every 2D layer of a network, in place, by its 3D counterpart; input becomes (N, C, T, H, W).

    plan(name, layer) gives each convolution's and pool's kernel and stride in time; convolutions are padded by half
    their kernel. Weights are carried over: ``mean`` repeats a kernel over time and divides by its length, ``centre``
    puts it on the middle frame with zeros around. Both keep the 2D output on a static video, ``mean`` only away from
    the clip's ends, where zero padding enters. The network must pool by modules, not by function calls.
    Errors: InputError for an unknown way, an even kernel, or padding other than zeros.
    Source: supplement section 1.1 (inflated 2D layers).
    """
    inflated: nn.Module
    for name, layer in list(net.named_modules()):
        match layer:
            case nn.Conv2d():
                inflated = _inflate_convolution(layer, plan(name, layer), how)
            case FrozenBatchNorm():
                continue  # which takes clips too
            case nn.BatchNorm2d():
                inflated = _inflate_batch_norm(layer)
            case nn.MaxPool2d() | nn.AvgPool2d():
                inflated = InflatedPool(layer, plan(name, layer))
            case nn.AdaptiveAvgPool2d(output_size=(1, 1) | 1):
                inflated = nn.AdaptiveAvgPool3d(1)
            case _:
                continue
        net.set_submodule(name, inflated.train(layer.training))
    return net


class InflatedPool(nn.Module):
    """A 2D pool on every frame of (N, C, T, H, W), then the same kind of pool over time.

    As fast as a 3D pool, equal to it, and repeatable on CUDA, where 3D pooling's backward pass is not.
    """

    def __init__(self, pool: nn.MaxPool2d | nn.AvgPool2d, time: TimeAxis = ONE_FRAME) -> None:
        super().__init__()
        self.pool = pool
        self.time_pool = nn.Identity() if time == ONE_FRAME else TimePool(type(pool), time, pool)

    def forward(self, clip: Tensor) -> Tensor:
        frames = self.pool(clip.transpose(1, 2).flatten(0, 1))
        return self.time_pool(frames.unflatten(0, (clip.shape[0], clip.shape[2])).transpose(1, 2))


class TimePool(nn.Module):
    """A pool over time alone, run as a 2D pool over (time, position); padded and rounded as ``like`` is in space."""

    def __init__(
        self,
        kind: type[nn.MaxPool2d] | type[nn.AvgPool2d],
        time: TimeAxis,
        like: nn.MaxPool2d | nn.AvgPool2d | None = None,
    ) -> None:
        super().__init__()
        padded = like is not None and time.kernel == _first(like.kernel_size)
        self.pool = kind(
            (time.kernel, 1),
            (time.stride, 1),
            (_first(like.padding) if like is not None and padded else 0, 0),
            ceil_mode=like is not None and like.ceil_mode,
        )
        if isinstance(like, nn.AvgPool2d):
            self.pool.count_include_pad = like.count_include_pad

    def forward(self, clip: Tensor) -> Tensor:
        return self.pool(clip.flatten(3)).unflatten(3, clip.shape[3:])


class ClipConv(nn.Conv3d):
    """A 3D convolution for clips that may be shorter than its kernel."""

    def forward(self, clip: Tensor) -> Tensor:
        padding = tuple(map(int, self.padding))
        return clip_conv3d(clip, self.weight, self.bias, self.stride, padding, self.dilation, self.groups)


def clip_conv3d(
    clip: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: tuple[int, ...],
    padding: tuple[int, ...],
    dilation: tuple[int, ...],
    groups: int,
) -> Tensor:
    """conv3d, of clips that may be shorter than the kernel too.

    On a CPU the zeros around those are added here: oneDNN's backward pass, left to do it, can write beyond its memory
    (seen with torch 2.14 on a CPU with AVX-512, a kernel of 7 frames on a clip of 5), and in bfloat16 gives other
    gradients each time.
    """
    if clip.shape[2] < weight.shape[2] and clip.device.type == "cpu":
        clip = nn.functional.pad(clip, (0, 0, 0, 0, padding[0], padding[0]))
        padding = (0, *padding[1:])
    return nn.functional.conv3d(clip, weight, bias, stride, padding, dilation, groups)


def pad_short_clips(net: nn.Module) -> None:
    """Make the 3D convolutions of a network such for short clips; their weights stay."""
    for name, layer in list(net.named_modules()):
        if type(layer) is nn.Conv3d:
            size = layer.in_channels, layer.out_channels, layer.kernel_size, layer.stride, layer.padding
            with torch.device("meta"):
                padded = ClipConv(*size, bias=False)  # type: ignore[arg-type]
            padded.weight, padded.bias = layer.weight, layer.bias
            net.set_submodule(name, padded)


def _first(size: int | tuple[int, ...]) -> int:
    return size if isinstance(size, int) else size[0]


def _inflate_convolution(layer: nn.Conv2d, time: TimeAxis, how: Inflation) -> nn.Conv3d:
    if isinstance(layer.padding, str) or layer.padding_mode != "zeros":
        raise InputError(
            f"cannot inflate a convolution with padding={layer.padding!r}, padding_mode={layer.padding_mode!r}; "
            "give it as numbers of zeros"
        )
    inflated = ClipConv(
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
        inflated.weight.copy_(inflated_weight(layer.weight, time.kernel, how))
        if layer.bias is not None and inflated.bias is not None:
            inflated.bias.copy_(layer.bias)
    return inflated


def inflated_weight(weight: Tensor, frames: int, how: Inflation) -> Tensor:
    """A 2D kernel (C_out, C_in, H, W) as a 3D one (C_out, C_in, frames, H, W).

    Errors: InputError for an unknown way, or if frames is even.
    """
    if how not in INFLATIONS:
        raise InputError(f"unknown inflation {how!r}; choose one of {', '.join(INFLATIONS)}")
    if frames % 2 == 0:
        raise InputError(f"a kernel of {frames} frames has no middle; choose an odd one")
    if how == "mean":
        return (weight / frames).unsqueeze(2).repeat(1, 1, frames, 1, 1)
    centred = weight.new_zeros(*weight.shape[:2], frames, *weight.shape[2:])
    centred[:, :, frames // 2] = weight
    return centred


def _with_time(time: int, space: tuple[int, ...]) -> tuple[int, int, int]:
    height, width = space
    return time, height, width


def _inflate_batch_norm(layer: nn.BatchNorm2d) -> nn.BatchNorm3d:
    inflated = nn.BatchNorm3d(layer.num_features, layer.eps, layer.momentum, layer.affine, layer.track_running_stats)
    inflated.load_state_dict(layer.state_dict(), assign=True)  # keeps type and device
    return inflated

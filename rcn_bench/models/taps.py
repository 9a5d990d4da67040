"""Convolutions of small maps: the taps of a kernel that meet padding alone are left out, with all their arithmetic."""

from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn

from rcn_bench.models.inflate import ClipConv, clip_conv3d

_PLAIN = (nn.Conv2d.forward, nn.Conv3d.forward, ClipConv.forward)  # of those that do nothing else

Taps = tuple[slice, ...]  # of a kernel, along every axis of time and space


def leave_out_unseen_taps(model: nn.Module) -> nn.Module:
    """Make a model's 2D and 3D convolutions compute with those taps alone that some input meets; results stay the same.

    A kernel of 3x3 on a map of 1x1 has one such tap; the eight others, and their gradients, which are zero, are only
    carried about. The weights keep their shape. Sums are of the same numbers, in oneDNN 3.12 in the same order too.
    """
    for layer in model.modules():
        if isinstance(layer, nn.Conv2d | nn.Conv3d) and type(layer).forward in _PLAIN and _pads_zeros(layer):
            layer.forward = _SeenTaps(layer)  # type: ignore[assignment]
    return model


def _pads_zeros(layer: nn.Conv2d | nn.Conv3d) -> bool:
    """By numbers of them."""
    return layer.padding_mode == "zeros" and not isinstance(layer.padding, str)


def seen_taps(size: Iterable[int], layer: nn.Conv2d | nn.Conv3d) -> tuple[Taps, tuple[int, ...]] | None:
    """The taps that a map of this size meets, and the padding that is left; None if that is all of them.

    size: of the input, along every axis of time and space.
    """
    given = tuple(map(int, layer.padding))
    axes = zip(size, layer.kernel_size, layer.stride, given, layer.dilation, strict=True)
    found = [_seen_on_axis(*axis) for axis in axes]
    if isinstance(layer, nn.Conv3d) and all(taps.stop - taps.start == 1 for taps, _ in found):
        # oneDNN has other code for a 3D kernel of a single tap, which sums in another order: one axis stays as it is.
        axis = max((axis for axis, kernel in enumerate(layer.kernel_size) if kernel > 1), default=0)
        found[axis] = slice(0, layer.kernel_size[axis]), given[axis]
    taps, padding = tuple(taps for taps, _ in found), tuple(padding for _, padding in found)
    return None if all(tap == slice(0, k) for tap, k in zip(taps, layer.kernel_size, strict=True)) else (taps, padding)


def _seen_on_axis(size: int, kernel: int, stride: int, padding: int, dilation: int) -> tuple[slice, int]:
    outputs = (size + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1
    places = range(-padding, -padding + outputs * stride, stride)  # of the first tap
    seen = [tap for tap in range(kernel) if any(0 <= place + tap * dilation < size for place in places)]
    if not seen:
        return slice(0, kernel), padding
    first, last = seen[0], seen[-1]
    left = padding - first * dilation
    # Padding is alike on both sides; where the taps are not left with as many outputs by that, all are kept.
    if left < 0 or (size + 2 * left - dilation * (last - first) - 1) // stride + 1 != outputs:
        return slice(0, kernel), padding
    return slice(first, last + 1), left


class _SeenTaps:
    """The forward of a convolution by the taps that its input meets."""

    def __init__(self, layer: nn.Conv2d | nn.Conv3d) -> None:
        self.layer = layer
        self.whole: Callable[..., Tensor] = type(layer).forward

    def __call__(self, maps: Tensor) -> Tensor:
        layer = self.layer
        if (seen := seen_taps(maps.shape[2:], layer)) is None:
            return self.whole(layer, maps)
        taps, padding = seen
        convolve = nn.functional.conv2d if isinstance(layer, nn.Conv2d) else clip_conv3d
        weight = _Chosen.apply(layer.weight, taps)
        return convolve(maps, weight, layer.bias, layer.stride, padding, layer.dilation, layer.groups)


class _Chosen(torch.autograd.Function):
    """Some taps of a weight; its gradient lies in memory as the weight does, so that nothing is copied once more."""

    @staticmethod
    def forward(ctx, weight: Tensor, taps: Taps) -> Tensor:
        ctx.save_for_backward(weight)
        ctx.taps = taps
        return weight[:, :, *taps]

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, None]:
        (weight,) = ctx.saved_tensors
        whole = torch.zeros_like(weight)
        whole[:, :, *ctx.taps] = gradient
        return whole, None

"""Networks for inference alone: batch norm becomes part of the convolution before it, be that a recurrent one too."""

import copy
from collections import Counter
from collections.abc import Iterator
from typing import TypeVar

import torch
from torch import Tensor, fx, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.conv import _ConvNd
from torch.nn.utils.fusion import fuse_conv_bn_eval, fuse_conv_bn_weights

from rcn_bench.models.causal import CausalConv
from rcn_bench.models.frames import FrameNet
from rcn_bench.models.gated import GatedUnit
from rcn_bench.models.rcn import RCU
from rcn_bench.models.shift import ShiftedConv

# Of a layer's largest |gamma / sigma|, or of 1 if that is more. Channels with less are scaled after the recurrence, as
# w_hh is multiplied by the ratios of scales. RCN-18 with random w_hh, a third of its gammas spread over 45 decades, 16
# frames: in float32 its logits were off by 2e-7 of the largest with every bound from 1e-1 to 1e-38, and NaN with 1e-40,
# where ratios overflow; with weights rounded to float16 by 6e-5 with 1e-1 and 1e-3, as unfolded, and NaN with 1e-6.
SMALLEST = 1e-3

Network = TypeVar("Network", bound=nn.Module)


@torch.no_grad()
def for_inference(model: Network) -> Network:
    """A copy of a network in evaluation mode whose convolutions have taken in the batch norms that follow them.

    A batch norm is h -> a h + b with a = gamma / sigma. Of a recurrent convolution g = D h, D = diag(a), obeys the
    recurrence of D w_hh D^-1 and D x, in both modes and from the first frame on; b is added after it. So the copy has
    the methods of the model, and its answers to rounding, but states of its own: that of a recurrent unit is D times
    the model's, where D is the ``state_scale`` of the layer in the place of its batch norm.

    What torch.fx cannot trace, as some networks of a plugin, is copied as it is; so is a batch norm that does not
    follow a convolution alone, such as one behind gates, which take in no scale, or has no statistics.
    """
    model = copy.deepcopy(model).eval().requires_grad_(False)
    net = model.trunk if isinstance(model, FrameNet) else model
    for layer_name, norm_name in _convolutions_before_norms(net):
        layer, norm = net.get_submodule(layer_name), net.get_submodule(norm_name)
        assert isinstance(norm, _BatchNorm)
        after: nn.Module = nn.Identity()
        if isinstance(layer, RCU):
            after = _fold_into_recurrence(layer, norm)
        elif isinstance(layer, CausalConv):
            _fold_into_taps(layer, norm)
        elif isinstance(layer, ShiftedConv):
            layer.convolution = fuse_conv_bn_eval(layer.convolution, norm)
        else:
            assert isinstance(layer, _ConvNd)
            net.set_submodule(layer_name, fuse_conv_bn_eval(layer, norm))
        net.set_submodule(norm_name, after)
    return model


class AfterRecurrence(nn.Module):
    """What is left of a batch norm behind a recurrence: its shift, and the scale of channels whose scale is small.

    Shapes: (N, C, H, W) to the same. state_scale: (C,), by which the recurrent unit has been scaled.
    """

    shift: Tensor
    scale: Tensor | None

    def __init__(self, state_scale: Tensor, shift: Tensor, scale: Tensor | None) -> None:
        super().__init__()
        self.register_buffer("state_scale", state_scale)
        self.register_buffer("shift", shift.view(-1, 1, 1))
        self.register_buffer("scale", None if scale is None else scale.view(-1, 1, 1))

    def forward(self, frames: Tensor) -> Tensor:
        return frames + self.shift if self.scale is None else torch.addcmul(self.shift, frames, self.scale)


def _fold_into_recurrence(unit: RCU, norm: _BatchNorm) -> AfterRecurrence:
    scale, shift = _affine(norm)
    small = scale.abs() < SMALLEST * scale.abs().max().clamp(min=1)
    into = torch.where(small, 1, scale)
    unit.w_xh.weight.mul_(into.view(-1, 1, 1, 1))
    if unit.w_xh.bias is not None:
        unit.w_xh.bias.mul_(into)
    unit.w_hh.copy_(into[:, None] * unit.w_hh / into)
    return AfterRecurrence(into, shift, torch.where(small, scale, 1) if small.any() else None)


def _affine(norm: _BatchNorm) -> tuple[Tensor, Tensor]:
    """a and b of a batch norm: what it makes of a convolution that does nothing."""
    assert norm.running_mean is not None
    scale, shift = _folded(norm, torch.ones_like(norm.running_mean).unsqueeze(1), None)
    return scale.flatten(), shift


def _fold_into_taps(layer: CausalConv, norm: _BatchNorm) -> None:
    """All taps are scaled, and the shift goes into the first, which has the bias of all."""
    for number, tap in enumerate(layer.taps):
        assert isinstance(tap, nn.Conv2d)
        weight, bias = _folded(norm, tap.weight, tap.bias)
        tap.weight = nn.Parameter(weight, requires_grad=False)
        if number == 0:
            tap.bias = nn.Parameter(bias, requires_grad=False)


def _folded(norm: _BatchNorm, weight: Tensor, bias: Tensor | None) -> tuple[Tensor, Tensor]:
    mean, variance = norm.running_mean, norm.running_var
    assert mean is not None
    assert variance is not None
    return fuse_conv_bn_weights(weight, bias, mean, variance, norm.eps, norm.weight, norm.bias)


FOLDABLE = (RCU, CausalConv, ShiftedConv, _ConvNd)


class _Tracer(fx.Tracer):
    """Looks into what convolutions are in, and nothing else."""

    def is_leaf_module(self, module: nn.Module, module_qualified_name: str) -> bool:
        whole = isinstance(module, (*FOLDABLE, GatedUnit))
        return whole or not any(isinstance(inner, FOLDABLE) for inner in module.modules())


def _convolutions_before_norms(net: nn.Module) -> Iterator[tuple[str, str]]:
    """The names of all batch norms and of the convolutions whose output they alone see, each used once."""
    try:
        graph = _Tracer().trace(net)
    except Exception:  # of any kind, since a plugin's code runs
        return
    uses = Counter(node.target for node in graph.nodes if node.op == "call_module")
    for node in graph.nodes:
        if node.op != "call_module" or len(node.all_input_nodes) != 1:
            continue
        (before,) = node.all_input_nodes
        if before.op != "call_module" or len(before.users) != 1 or uses[node.target] != 1 or uses[before.target] != 1:
            continue
        layer, norm = net.get_submodule(before.target), net.get_submodule(node.target)
        if isinstance(layer, FOLDABLE) and isinstance(norm, _BatchNorm) and norm.running_mean is not None:
            yield before.target, node.target

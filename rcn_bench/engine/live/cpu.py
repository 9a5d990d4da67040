"""A network that steps on a CPU: its weights lie as products read them, and new hidden states overwrite their inputs.

oneDNN computes from weights in blocks of its own. A convolution of torch puts its weights into them at every call,
which for one small frame takes as long as the arithmetic: 0.5 of the 1.1 ms of a 3x3 convolution of 512 channels at
4x4 (AMD EPYC with AVX-512, one thread, torch 2.14).
"""

import torch
from torch import Tensor, nn

from rcn_bench.models.frames import FrameNet
from rcn_bench.models.rcn import RCU
from rcn_bench.ops import input_scale

# From so many channels on w_hh is packed too; below, plain products are faster. RCN-18's step at 112x112: 16.4 ms with
# this bound, 16.6 with 512, 16.9 with plain products alone, 17.8 with packed ones alone (one thread of that machine,
# which did other work as well; medians of 120 steps in random order).
WIDE = 256


@torch.no_grad()
def stepping_on_cpu(model: FrameNet) -> FrameNet:
    """The same network, changed for one frame at a time on this CPU; what it computes stays the same to rounding.

    Its weights can no longer be read, saved or moved to another device.
    """
    for name, module in list(model.named_modules()):
        if type(module) is RCU:
            model.set_submodule(name, SteppingUnit(module))
    for name, module in list(model.named_modules()):
        if type(module) is nn.Conv2d and can_pack(module):
            model.set_submodule(name, PackedConvolution(module))
    return model


class SteppingUnit(nn.Module):
    """A recurrent unit on one frame of each video, whose new hidden state takes the memory of its input.

    Both products have the factor of the recurrence in their weights. Its state is h, (N, C, H', W').
    """

    def __init__(self, unit: RCU) -> None:
        super().__init__()
        self.name, self.fold, self.w_xh = unit.name, unit.fold, unit.w_xh
        self.scale = input_scale(unit.mode)
        for parameter in self.w_xh.parameters():
            parameter.mul_(self.scale)
        channels = len(unit.w_hh)
        recurrent = nn.Conv2d(channels, channels, 1, bias=False)
        recurrent.weight = nn.Parameter((self.scale * unit.w_hh)[:, :, None, None], requires_grad=False)
        wide = channels >= WIDE and can_pack(recurrent)
        self.packed = PackedConvolution(recurrent) if wide else None
        self.w_hh = (self.scale * unit.w_hh).detach().t().contiguous()

    def forward(self, frames: Tensor) -> Tensor:
        x, past = self.w_xh(frames), self.fold.past
        assert past is not None
        if past.started.all():
            h = self._add_product(x, past.units[self.name])
        else:
            h = first = x / self.scale
            if past.started.any():
                started = past.started.view(-1, 1, 1, 1)
                h = torch.where(started, self._add_product(x, past.units[self.name]), first)
        self.fold.present[self.name] = h
        return h

    def _add_product(self, x: Tensor, h: Tensor) -> Tensor:
        """x + w_hh h, in the place of x."""
        if self.packed is not None:
            return self.packed.add_to(x, h)
        x = x.contiguous(memory_format=torch.channels_last)
        x.permute(0, 2, 3, 1).flatten(0, 2).addmm_(h.permute(0, 2, 3, 1).flatten(0, 2), self.w_hh)
        return x


def can_pack(convolution: nn.Conv2d) -> bool:
    """Whether oneDNN computes it: float32 on a CPU, zeros around."""
    return (
        torch.backends.mkldnn.is_available()
        and hasattr(torch.ops.mkldnn, "_convolution_pointwise")
        and (convolution.weight.device.type, convolution.weight.dtype) == ("cpu", torch.float32)
        and convolution.padding_mode == "zeros"
        and not isinstance(convolution.padding, str)
    )


class PackedConvolution(nn.Module):
    """A 2D convolution with its weights in oneDNN's blocks; frames lie as before.

    Which blocks are best, oneDNN says by the size of the frames. In those that it chooses without it, 128 channels to
    384 by 3x3 at 8x8 take 41 ms instead of 0.5 (the machine above).
    """

    def __init__(self, convolution: nn.Conv2d) -> None:
        super().__init__()
        padding, stride, dilation = convolution.padding, convolution.stride, convolution.dilation
        assert not isinstance(padding, str)
        self.settings = list(padding), list(stride), list(dilation), convolution.groups
        self.unpacked = convolution.weight.detach()
        self.size = torch.Size()  # of the frames that weight is packed for
        self.weight = torch.empty(0)
        self.bias = None if convolution.bias is None else convolution.bias.detach()

    def forward(self, frames: Tensor) -> Tensor:
        weight = self._packed_for(frames)
        return torch.ops.mkldnn._convolution_pointwise(frames, weight, self.bias, *self.settings, "none", [], "")

    def add_to(self, total: Tensor, frames: Tensor) -> Tensor:
        """total + the convolution of frames, in the place of total."""
        sum_of = torch.ops.mkldnn._convolution_pointwise_.binary
        weight = self._packed_for(frames)
        return sum_of(total, frames, weight, self.bias, *self.settings, "add", 1.0, None, [], None)

    def _packed_for(self, frames: Tensor) -> Tensor:
        if frames.shape != self.size:
            self.size, weight = frames.shape, self.unpacked.to_mkldnn()
            pack = torch._C._nn.mkldnn_reorder_conv2d_weight
            self.weight = pack(weight, *self.settings, list(self.size))  # type: ignore[call-arg]
        return self.weight

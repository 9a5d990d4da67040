"""A network that steps on a GPU: what hidden states give runs beside the convolutions.

One small frame leaves a GPU waiting for kernel after kernel, few of which fill it. What a new hidden state takes from
the last one, w_hh h, does not depend on the new frame. So all of these products start on a stream of their own when the
frame comes in, and each layer adds its own to what its convolution gives.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from rcn_bench.models.frames import Fold, FrameNet
from rcn_bench.models.rcn import RCU
from rcn_bench.ops import input_scale


@torch.no_grad()
def stepping_on_gpu(model: FrameNet, device: torch.device) -> FrameNet:
    """The same network, changed for one frame at a time; what it computes stays the same to rounding.

    device: where it lies. On a CPU the products run one after the other, for tests.
    """
    units = []
    for name, module in list(model.named_modules()):
        if type(module) is RCU:
            units.append(unit := SteppingUnit(module))
            model.set_submodule(name, unit)
    if units:
        model.trunk.register_forward_pre_hook(ProductsAhead(units, model.fold, device))
    return model


class SteppingUnit(nn.Module):
    """A recurrent unit on one frame of each video, whose product with the last hidden state is made ahead.

    Its state is h, (N, H', W', C).
    """

    w_hh: Tensor
    product: Tensor  # w_hh h, with the factor of the recurrence
    ready: torch.cuda.Event | None = None  # once the product is there

    def __init__(self, unit: RCU) -> None:
        super().__init__()
        self.name, self.fold, self.w_xh = unit.name, unit.fold, unit.w_xh
        self.scale = input_scale(unit.mode)
        self.register_buffer("w_hh", (self.scale * unit.w_hh).t().contiguous())

    def forward(self, frames: Tensor) -> Tensor:
        past = self.fold.past
        assert past is not None
        h = x = self.w_xh(frames).permute(0, 2, 3, 1)
        if past.started.any():
            if self.ready is not None:
                torch.cuda.current_stream(x.device).wait_event(self.ready)
            h = torch.add(self.product, x, alpha=self.scale)
            if not past.started.all():
                h = torch.where(past.started_on(x.device).view(-1, 1, 1, 1), h, x)
        self.fold.present[self.name] = h = h.contiguous()
        return h.permute(0, 3, 1, 2)


class ProductsAhead:
    """Starts the products of all units when a frame enters their network."""

    def __init__(self, units: Sequence[SteppingUnit], fold: Fold, device: torch.device) -> None:
        self.units, self.fold = units, fold
        self.stream = torch.cuda.Stream(device) if device.type == "cuda" else None

    def __call__(self, *_: object) -> None:
        past = self.fold.past
        assert past is not None
        if not past.started.any():
            return
        if self.stream is not None:  # the units wait for it in turn, so that no memory is used again too early
            self.stream.wait_stream(torch.cuda.current_stream(self.stream.device))
        with torch.cuda.stream(self.stream):
            for unit in self.units:
                unit.product = past.units[unit.name] @ unit.w_hh
                unit.ready = self.stream.record_event() if self.stream is not None else None

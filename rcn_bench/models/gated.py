"""RCN's rivals with gates: a spatial convolution, then a convolutional LSTM or GRU of 1x1 recurrences at each place.

The authors' code has such networks, RCLSTM and RCGRU. What is not known of them is chosen here: which bias there is,
where weights start, and that the spatial convolution gives all gates, each as RCN's gives the one input of its state.
"""

from abc import abstractmethod
from collections.abc import Callable
from typing import ClassVar

import torch
from torch import Tensor, nn

from rcn_bench.errors import InputError
from rcn_bench.models.frames import Fold, FrameNet, replace_convolutions
from rcn_bench.models.network2d import network2d
from rcn_bench.models.registry import Specification, register

State = tuple[Tensor, ...]  # (N, C, H', W') each, the output first


class GatedUnit(nn.Module):
    """A spatial convolution w_xh to all gates, to which the last output adds w_hh, a 1x1 convolution with a bias.

    Shapes: frames (T*N, C_in, H, W), folded time-major, to (T*N, C, H', W'). Before the first frame all is zero. Its
    state is what it keeps, (N, kept * C, H', W').
    Weights are random: of each gate w_xh as torchvision draws a ResNet's convolutions, w_hh as torch draws any.
    """

    gates: ClassVar[int]
    kept: ClassVar[int]

    def __init__(self, name: str, spatial: nn.Conv2d, fold: Fold) -> None:
        super().__init__()
        if spatial.groups > 1 or spatial.padding_mode != "zeros":
            what = "in groups" if spatial.groups > 1 else f"padded by {spatial.padding_mode}"
            raise InputError(f"{name}: a convolution {what} is not given gates; choose others")
        self.name, self.fold = name, fold
        with spatial.weight.device:
            self.w_xh = nn.Conv2d(
                spatial.in_channels,
                self.gates * spatial.out_channels,
                spatial.kernel_size,  # type: ignore[arg-type]
                spatial.stride,  # type: ignore[arg-type]
                spatial.padding,  # type: ignore[arg-type]
                spatial.dilation,  # type: ignore[arg-type]
                bias=False,
            )
            self.w_hh = nn.Conv2d(spatial.out_channels, self.gates * spatial.out_channels, 1)
        for gate in self.w_xh.weight.detach().chunk(self.gates):
            nn.init.kaiming_normal_(gate, mode="fan_out", nonlinearity="relu")
        self.to(spatial.weight.dtype)

    def forward(self, frames: Tensor) -> Tensor:
        return self.recur(self.w_xh(frames))

    def recur(self, x: Tensor) -> Tensor:
        """The outputs of x = w_xh(frames), (T*N, gates * C, H', W')."""
        batch, outputs = len(x) // self.fold.frames, []
        state = self._past(x[:batch])
        for x_t in x.split(batch):
            state = self.advance(x_t, state)
            outputs.append(state[0])
        if self.fold.past is not None:
            self.fold.present[self.name] = torch.cat(state, dim=1)
        return torch.cat(outputs)

    @abstractmethod
    def advance(self, x: Tensor, state: State) -> State:
        """The state after a frame of each video, by what w_xh makes of it and the state before it."""

    def _past(self, x: Tensor) -> State:
        past = self.fold.past
        if past is not None and self.name in past.units:
            return past.units[self.name].to(x.dtype).chunk(self.kept, dim=1)
        return (torch.zeros_like(x.chunk(self.gates, dim=1)[0]),) * self.kept


class LSTMUnit(GatedUnit):
    """i, f, o, g = w_xh x + w_hh h + b;  c = sigmoid(f) c + sigmoid(i) tanh(g);  h = sigmoid(o) tanh(c)."""

    gates, kept = 4, 2

    def advance(self, x: Tensor, state: State) -> State:
        h, c = state
        i, f, o, g = (x + self.w_hh(h)).chunk(4, dim=1)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        return o.sigmoid() * c.tanh(), c


class GRUUnit(GatedUnit):
    """r, z = sigmoid(w_xh x + w_hh h + b);  n = tanh(w_xh x + r (w_hh h + b));  h = (1 - z) n + z h."""

    gates, kept = 3, 1

    def advance(self, x: Tensor, state: State) -> State:
        (h,) = state
        x_r, x_z, x_n = x.chunk(3, dim=1)
        h_r, h_z, h_n = self.w_hh(h).chunk(3, dim=1)
        r, z = (x_r + h_r).sigmoid(), (x_z + h_z).sigmoid()
        n = (x_n + r * h_n).tanh()
        return (n + z * (h - n),)


def make_gated(trunk: nn.Module, choose: Callable[[str, nn.Conv2d], bool], unit: type[GatedUnit]) -> FrameNet:
    """Put gated units in the place of the chosen convolutions of any 2D network, and apply it to clips.

    choose(name, convolution) goes by the names in ``trunk.named_modules()``.
    """
    return replace_convolutions(trunk, choose, unit)


def _rcn18(num_classes: int, stem_pool: bool, unit: type[GatedUnit]) -> FrameNet:
    trunk = network2d("resnet18", num_classes, stem_pool=stem_pool)
    return make_gated(trunk, lambda name, conv: name.startswith("layer") and conv.kernel_size == (3, 3), unit)


@register(specification=Specification(49_924_048, 16.451, (8, 112, 112), causal=True))
def rcn18_lstm(num_classes: int, *, stem_pool: bool = True) -> FrameNet:
    """rcn18 with a convolutional LSTM in the place of each linear recurrence."""
    return _rcn18(num_classes, stem_pool, LSTMUnit)


@register(specification=Specification(37_542_096, 12.408, (8, 112, 112), causal=True))
def rcn18_gru(num_classes: int, *, stem_pool: bool = True) -> FrameNet:
    """rcn18 with a convolutional GRU in the place of each linear recurrence."""
    return _rcn18(num_classes, stem_pool, GRUUnit)

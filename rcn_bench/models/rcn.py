"""RCN: a 2D network some of whose convolutions are followed by a recurrence over time (recurrent convolution units)."""

from collections.abc import Callable, Iterable
from typing import Unpack

import torch
from torch import Tensor, nn

from rcn_bench.errors import InputError, warn
from rcn_bench.models.frames import Fold, FrameNet, StreamState, replace_convolutions
from rcn_bench.models.init import WhhInit, initial_w_hh
from rcn_bench.models.network2d import ResNetOptions, network2d
from rcn_bench.models.registry import Specification, register
from rcn_bench.ops import MODES, Mode, recurrent_scan, recurrent_step


class RCU(nn.Module):
    """A recurrent convolution unit: a spatial convolution w_xh, then the hidden state's 1x1 recurrence w_hh.

    Shapes: frames (T*N, C_in, H, W), folded time-major, to (T*N, C, H', W'). Its state is h, (N, H', W', C).
    Source: supplement section 1.1 and 3.
    """

    def __init__(self, name: str, w_xh: nn.Conv2d, fold: Fold, w_hh: WhhInit = "identity", mode: Mode = "mean") -> None:
        super().__init__()
        if mode not in MODES:
            raise InputError(f"unknown mode {mode!r}; choose one of {', '.join(MODES)}")
        self.name = name
        self.w_xh = w_xh
        self.w_hh = nn.Parameter(initial_w_hh(w_xh.out_channels, w_hh))
        self.fold = fold
        self.mode: Mode = mode

    def forward(self, frames: Tensor) -> Tensor:
        return self.recur(self.w_xh(frames))

    def recur(self, x: Tensor) -> Tensor:
        """The hidden states h of x = w_xh(frames), both (T*N, C, H', W')."""
        x = x.permute(0, 2, 3, 1).contiguous()  # a view where the convolution ran in channels_last
        x = x.view(self.fold.frames, -1, *x.shape[1:])  # T, N, H, W, C
        h = self._scan(x) if self.fold.past is None else self._continue(x, self.fold.past)
        return h.flatten(0, 1).permute(0, 3, 1, 2)

    def _scan(self, x: Tensor) -> Tensor:
        return recurrent_scan(x.flatten(1, 3), self.w_hh, self.mode).view(x.shape)

    def _continue(self, x: Tensor, past: StreamState) -> Tensor:
        """The scan from the last hidden state on; a new video's first hidden state is its first x itself."""
        first = x[0]
        if past.started.any():
            h = past.units[self.name].to(x.dtype)
            first = recurrent_step(first.flatten(0, 2), h.flatten(0, 2), self.w_hh, self.mode).view(first.shape)
            if not past.started.all():
                first = torch.where(past.started_on(x.device).view(-1, 1, 1, 1), first, x[0])
        h = first.unsqueeze(0)
        if len(x) > 1:
            h = self._scan(torch.cat([h, x[1:]]))
        self.fold.present[self.name] = h[-1]
        return h

    def extra_repr(self) -> str:
        return f"w_hh={tuple(self.w_hh.shape)}, mode={self.mode}"


def make_recurrent(
    trunk: nn.Module,
    choose: Callable[[str, nn.Conv2d], bool],
    *,
    w_hh: WhhInit = "identity",
    mode: Mode = "mean",
) -> FrameNet:
    """Turn the chosen convolutions of any 2D network into recurrent units, in place, and apply it to clips.

    choose(name, convolution) says which convolutions recur, by their name in ``trunk.named_modules()``.
    Says so on standard error if the state will grow without bound.
    """
    if warning := growth(w_hh, mode):
        warn(warning)
    return replace_convolutions(trunk, choose, lambda name, w_xh, fold: RCU(name, w_xh, fold, w_hh, mode))


def growth(w_hh: WhhInit, mode: Mode) -> str | None:
    """A sentence to show whoever asks for a state that grows without bound; None for every other start."""
    if mode == "sum" and w_hh == "random":
        return (
            "mode sum with random w_hh: the state grows about 16-fold in 8 frames; "
            "from about 96 frames on the variances of batch norm overflow without an error"
        )
    return None


class RCNOptions(ResNetOptions, total=False):
    """w_hh: identity or random. mode: mean, or sum for the plain recurrence."""

    w_hh: WhhInit
    mode: Mode


# Bottleneck ResNets recur after the first 1x1 convolution of some blocks of each stage.
BOTTLENECK_BLOCKS: dict[str, list[Iterable[int]]] = {
    "resnet50": [(0, 1, 2), (0, 2), (0, 2, 4), (0, 1)],
    "resnet101": [(0, 1, 2), (0, 2), range(0, 23, 2), (0, 1)],
}


def _recurs(network: str) -> Callable[[str, nn.Conv2d], bool]:
    if network in BOTTLENECK_BLOCKS:
        stages = enumerate(BOTTLENECK_BLOCKS[network], start=1)
        chosen = {f"layer{stage}.{block}.conv1" for stage, blocks in stages for block in blocks}
        return lambda name, convolution: name in chosen
    return lambda name, convolution: name.startswith("layer") and convolution.kernel_size == (3, 3)


def _rcn(
    network: str, num_classes: int, *, w_hh: WhhInit = "identity", mode: Mode = "mean", **options: Unpack[ResNetOptions]
) -> FrameNet:
    return make_recurrent(network2d(network, num_classes, **options), _recurs(network), w_hh=w_hh, mode=mode)


@register(trunk="resnet18", specification=Specification(12_774_352, 4.268, (8, 112, 112), causal=True))
def rcn18(num_classes: int, **options: Unpack[RCNOptions]) -> FrameNet:
    """RCN on ResNet-18: the 16 3x3 convolutions of its residual blocks recur (supplement Table 1, Figure 3)."""
    return _rcn("resnet18", num_classes, **options)


@register(trunk="resnet34", specification=Specification(24_004_816, 8.482, (8, 112, 112), causal=True))
def rcn34(num_classes: int, **options: Unpack[RCNOptions]) -> FrameNet:
    """RCN on ResNet-34: the 32 3x3 convolutions of its residual blocks recur (supplement Figure 2 b)."""
    return _rcn("resnet34", num_classes, **options)


@register(trunk="resnet50", specification=Specification(25_093_584, 34.41, (8, 224, 224), causal=True))
def rcn50(num_classes: int, **options: Unpack[RCNOptions]) -> FrameNet:
    """RCN on ResNet-50: the first convolution of ten of its sixteen blocks recurs."""
    return _rcn("resnet50", num_classes, **options)


@register(trunk="resnet101", specification=Specification(44_675_536, 64.92, (8, 224, 224), causal=True))
def rcn101(num_classes: int, **options: Unpack[RCNOptions]) -> FrameNet:
    """RCN on ResNet-101: as rcn50, and every second block of the third stage."""
    return _rcn("resnet101", num_classes, **options)

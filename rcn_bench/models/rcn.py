"""RCN: a 2D network whose 3x3 convolutions are followed by a recurrence over time (recurrent convolution units)."""

from collections.abc import Callable
from pathlib import Path

from torch import Tensor, nn

from rcn_bench.errors import InputError
from rcn_bench.models.frames import Fold, FrameNet
from rcn_bench.models.init import WhhInit, initial_w_hh
from rcn_bench.models.registry import register
from rcn_bench.models.resnet2d import resnet2d
from rcn_bench.ops import MODES, Mode, recurrent_scan


class RCU(nn.Module):
    """A recurrent convolution unit: a spatial convolution w_xh, then the hidden state's 1x1 recurrence w_hh.

    Shapes: frames (T*N, C_in, H, W), folded time-major, to (T*N, C, H', W').
    Source: supplement section 1.1 and 3.
    """

    def __init__(self, w_xh: nn.Conv2d, fold: Fold, w_hh: WhhInit = "identity", mode: Mode = "mean") -> None:
        super().__init__()
        if mode not in MODES:
            raise InputError(f"unknown mode {mode!r}; choose one of {', '.join(MODES)}")
        self.w_xh = w_xh
        self.w_hh = nn.Parameter(initial_w_hh(w_xh.out_channels, w_hh))
        self.fold = fold
        self.mode: Mode = mode

    def forward(self, frames: Tensor) -> Tensor:
        x = self.w_xh(frames).permute(0, 2, 3, 1).contiguous()  # a view where the convolution ran in channels_last
        h = recurrent_scan(x.view(self.fold.frames, -1, x.shape[-1]), self.w_hh, self.mode)
        return h.view(x.shape).permute(0, 3, 1, 2)

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
    """
    fold = Fold()
    convolutions = [(name, m) for name, m in trunk.named_modules() if isinstance(m, nn.Conv2d)]
    for name, convolution in convolutions:
        if choose(name, convolution):
            trunk.set_submodule(name, RCU(convolution, fold, w_hh, mode))
    return FrameNet(trunk, fold)


def _in_residual_block(name: str, convolution: nn.Conv2d) -> bool:
    return name.startswith("layer") and convolution.kernel_size == (3, 3)


def _rcn(depth: int, num_classes: int, *, w_hh: WhhInit, mode: Mode, **trunk_options) -> FrameNet:
    trunk = resnet2d(depth, num_classes, **trunk_options)
    return make_recurrent(trunk, _in_residual_block, w_hh=w_hh, mode=mode)


@register
def rcn18(
    num_classes: int,
    *,
    stem_pool: bool = True,
    w_xh: str = "random",
    weights_file: str | Path | None = None,
    w_hh: WhhInit = "identity",
    mode: Mode = "mean",
) -> FrameNet:
    """RCN on ResNet-18: the 16 3x3 convolutions of its residual blocks recur (supplement Table 1, Figure 3)."""
    return _rcn(18, num_classes, stem_pool=stem_pool, w_xh=w_xh, weights_file=weights_file, w_hh=w_hh, mode=mode)


@register
def rcn34(
    num_classes: int,
    *,
    stem_pool: bool = True,
    w_xh: str = "random",
    weights_file: str | Path | None = None,
    w_hh: WhhInit = "identity",
    mode: Mode = "mean",
) -> FrameNet:
    """RCN on ResNet-34: the 32 3x3 convolutions of its residual blocks recur (supplement Figure 2 b)."""
    return _rcn(34, num_classes, stem_pool=stem_pool, w_xh=w_xh, weights_file=weights_file, w_hh=w_hh, mode=mode)

"""I3D on ResNet: a torchvision 2D ResNet, every 3x3 convolution and the stem inflated to three frames."""

from pathlib import Path

from torch import nn

from rcn_bench.models.inflate import Inflation, TimeAxis, inflate
from rcn_bench.models.init import he_normal_
from rcn_bench.models.registry import register
from rcn_bench.models.resnet2d import resnet2d


def _time_axis(name: str, convolution: nn.Conv2d) -> TimeAxis:
    """The layout of torchvision's r3d_18: time is halved together with space, except in the stem."""
    if name == "conv1":
        return TimeAxis(kernel=3, stride=1)
    return TimeAxis(kernel=1 if convolution.kernel_size == (1, 1) else 3, stride=convolution.stride[0])


def _i3d(depth: int, num_classes: int, *, inflation: Inflation, **trunk_options) -> nn.Module:
    net = inflate(resnet2d(depth, num_classes, **trunk_options), _time_axis, inflation)
    if trunk_options["w_xh"] == "random":
        he_normal_(net)  # drawn anew, since inflated random kernels would be alike in every frame
    return net


@register
def i3d18(
    num_classes: int,
    *,
    stem_pool: bool = True,
    w_xh: str = "random",
    weights_file: str | Path | None = None,
    inflation: Inflation = "mean",
) -> nn.Module:
    """Inflated ResNet-18; with stem_pool=False it is torchvision's r3d_18."""
    return _i3d(18, num_classes, stem_pool=stem_pool, w_xh=w_xh, weights_file=weights_file, inflation=inflation)


@register
def i3d34(
    num_classes: int,
    *,
    stem_pool: bool = True,
    w_xh: str = "random",
    weights_file: str | Path | None = None,
    inflation: Inflation = "mean",
) -> nn.Module:
    """Inflated ResNet-34, in the layout of torchvision's r3d_18."""
    return _i3d(34, num_classes, stem_pool=stem_pool, w_xh=w_xh, weights_file=weights_file, inflation=inflation)

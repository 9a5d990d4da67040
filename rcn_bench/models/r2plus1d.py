"""(2+1)D: torchvision's VideoResNet with each 3D convolution split into a spatial and a temporal one (Tran et al.)."""

from torch import nn
from torchvision.models.video.resnet import BasicBlock, Conv2Plus1D, R2Plus1dStem, VideoResNet

from rcn_bench.models.inflate import InflatedPool, pad_short_clips
from rcn_bench.models.registry import Specification, register


def _r2plus1d(blocks: list[int], num_classes: int, stem_pool: bool) -> VideoResNet:
    net = VideoResNet(BasicBlock, [Conv2Plus1D] * 4, blocks, R2Plus1dStem, num_classes)
    pad_short_clips(net)
    if stem_pool:
        net.stem = nn.Sequential(*net.stem, InflatedPool(nn.MaxPool2d(kernel_size=3, stride=2, padding=1)))
    return net


@register(specification=Specification(31_505_325, 5.448, (8, 112, 112), causal=False, temporal_stride=8))
def r2plus1d18(num_classes: int, *, stem_pool: bool = True) -> VideoResNet:
    """(2+1)D ResNet-18, He-normal weights; with stem_pool=False it is torchvision's r2plus1d_18."""
    return _r2plus1d([2, 2, 2, 2], num_classes, stem_pool)


@register(specification=Specification(61_831_661, 9.836, (8, 112, 112), causal=False, temporal_stride=8))
def r2plus1d34(num_classes: int, *, stem_pool: bool = True) -> VideoResNet:
    """(2+1)D ResNet-34, He-normal weights."""
    return _r2plus1d([3, 4, 6, 3], num_classes, stem_pool)

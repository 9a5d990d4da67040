"""S3D: torchvision's separable Inception, made to take any size and short clips (Xie et al., 2018)."""

from torch import Tensor, nn
from torchvision.models.video import S3D

from rcn_bench.models.inflate import InflatedPool, TimeAxis, pad_short_clips
from rcn_bench.models.registry import Specification, register


class _TailPool(nn.Module):
    """torchvision's (2, 7, 7) average pool with stride 1, for maps of any height, width and length."""

    def forward(self, features: Tensor) -> Tensor:
        over_space = features.mean((3, 4), keepdim=True)
        pairs = min(2, features.shape[2])
        return nn.functional.avg_pool2d(over_space.flatten(3), (pairs, 1), 1).unsqueeze(4)


def _by_axes(pool: nn.MaxPool3d) -> InflatedPool:
    """The same pool over space and then over time, since the backward pass of 3D pooling cannot be repeated."""
    sizes = (pool.kernel_size, pool.stride, pool.padding)
    (kernel, *size), (stride, *step), (_, *padding) = (s if isinstance(s, tuple) else (s, s, s) for s in sizes)
    return InflatedPool(nn.MaxPool2d(tuple(size), tuple(step), tuple(padding)), TimeAxis(kernel, stride))


@register(
    specification=Specification(8_320_048, 17.979, (16, 224, 224), causal=False, temporal_stride=8, shortest_clip=5)
)
def s3d(num_classes: int) -> S3D:
    """torchvision's S3D, equal to it at 224x224; its weights start as torchvision draws them."""
    net = S3D(num_classes)
    net.avgpool = _TailPool()
    pad_short_clips(net)
    for name, pool in [(name, layer) for name, layer in net.named_modules() if isinstance(layer, nn.MaxPool3d)]:
        net.set_submodule(name, _by_axes(pool))
    return net

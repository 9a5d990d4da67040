"""S3D: torchvision's separable Inception, made to take any size and short clips (Xie et al., 2018)."""

import torch
from torch import Tensor, nn
from torchvision.models.video import S3D

from rcn_bench.models.inflate import ClipConv
from rcn_bench.models.registry import Specification, register


class _TailPool(nn.Module):
    """torchvision's (2, 7, 7) average pool with stride 1, for maps of any height, width and length."""

    def forward(self, features: Tensor) -> Tensor:
        over_space = features.mean((3, 4), keepdim=True)
        pairs = min(2, features.shape[2])
        return nn.functional.avg_pool2d(over_space.flatten(3), (pairs, 1), 1).unsqueeze(4)


@register(
    specification=Specification(8_320_048, 17.979, (16, 224, 224), causal=False, temporal_stride=8, shortest_clip=5)
)
def s3d(num_classes: int) -> S3D:
    """torchvision's S3D, equal to it at 224x224; its weights start as torchvision draws them."""
    net = S3D(num_classes)
    net.avgpool = _TailPool()
    stem = net.features[0][1]
    with torch.device("meta"):
        over_time = ClipConv(64, 64, (7, 1, 1), (2, 1, 1), (3, 0, 0), bias=False)
    over_time.weight = stem[0].weight
    stem[0] = over_time
    return net

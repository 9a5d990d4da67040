"""C2D: the plain 2D ResNet on every frame, blind to their order; the baseline that shows what stills alone tell."""

from pathlib import Path

from rcn_bench.models.frames import FrameNet
from rcn_bench.models.registry import register
from rcn_bench.models.resnet2d import resnet2d


@register
def c2d18(
    num_classes: int, *, stem_pool: bool = True, w_xh: str = "random", weights_file: str | Path | None = None
) -> FrameNet:
    """ResNet-18 on folded frames, logits averaged over time."""
    return FrameNet(resnet2d(18, num_classes, stem_pool=stem_pool, w_xh=w_xh, weights_file=weights_file))


@register
def c2d34(
    num_classes: int, *, stem_pool: bool = True, w_xh: str = "random", weights_file: str | Path | None = None
) -> FrameNet:
    """ResNet-34 on folded frames, logits averaged over time."""
    return FrameNet(resnet2d(34, num_classes, stem_pool=stem_pool, w_xh=w_xh, weights_file=weights_file))

"""C2D: the plain 2D ResNet on every frame, blind to their order; the baseline that shows what stills alone tell."""

from typing import Unpack

from rcn_bench.models.frames import FrameNet
from rcn_bench.models.network2d import ResNetOptions, network2d
from rcn_bench.models.registry import Specification, register


@register(trunk="resnet18", specification=Specification(11_381_712, 3.880, (8, 112, 112), causal=True))
def c2d18(num_classes: int, **options: Unpack[ResNetOptions]) -> FrameNet:
    """ResNet-18 on folded frames, logits averaged over time."""
    return FrameNet(network2d("resnet18", num_classes, **options))


@register(trunk="resnet34", specification=Specification(21_489_872, 7.721, (8, 112, 112), causal=True))
def c2d34(num_classes: int, **options: Unpack[ResNetOptions]) -> FrameNet:
    """ResNet-34 on folded frames, logits averaged over time."""
    return FrameNet(network2d("resnet34", num_classes, **options))


@register(trunk="resnet50", specification=Specification(24_327_632, 32.70, (8, 224, 224), causal=True))
def c2d50(num_classes: int, **options: Unpack[ResNetOptions]) -> FrameNet:
    """ResNet-50 on folded frames, logits averaged over time."""
    return FrameNet(network2d("resnet50", num_classes, **options))


@register(trunk="resnet101", specification=Specification(43_319_760, 62.40, (8, 224, 224), causal=True))
def c2d101(num_classes: int, **options: Unpack[ResNetOptions]) -> FrameNet:
    """ResNet-101 on folded frames, logits averaged over time."""
    return FrameNet(network2d("resnet101", num_classes, **options))

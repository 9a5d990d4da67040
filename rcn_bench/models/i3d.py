"""I3D: torchvision's 2D networks, inflated: GoogLeNet (Carreira and Zisserman) and ResNets, plain and non-local."""

from collections.abc import Iterable
from typing import Unpack

from torch import nn

from rcn_bench.models.inflate import Inflation, Layer2d, TimeAxis, TimePlan, TimePool, inflate
from rcn_bench.models.init import he_normal_
from rcn_bench.models.network2d import ResNetOptions, WeightOptions, network2d
from rcn_bench.models.nonlocal_block import NonLocal
from rcn_bench.models.registry import Specification, register


class I3DOptions(ResNetOptions, total=False):
    """inflation: how 2D weights are carried over, mean or centre."""

    inflation: Inflation


def _inflated(net: nn.Module, plan: TimePlan, inflation: Inflation, w_xh: str) -> nn.Module:
    net = inflate(net, plan, inflation)
    if w_xh == "random":
        he_normal_(net)  # drawn anew, since inflated random kernels would be alike in every frame
    return net


def _basic_plan(name: str, layer: Layer2d) -> TimeAxis:
    """The layout of torchvision's r3d_18: 3x3 is 3x3x3, and time is halved together with space but in the stem."""
    if not isinstance(layer, nn.Conv2d):
        return TimeAxis()
    if name == "conv1":
        return TimeAxis(kernel=3)
    return TimeAxis(kernel=1 if layer.kernel_size == (1, 1) else 3, stride=layer.stride[0])


def _basic_i3d(
    network: str, num_classes: int, *, inflation: Inflation = "mean", **options: Unpack[ResNetOptions]
) -> nn.Module:
    return _inflated(network2d(network, num_classes, **options), _basic_plan, inflation, options.get("w_xh", "random"))


@register(
    trunk="resnet18", specification=Specification(33_371_472, 5.712, (8, 112, 112), causal=False, temporal_stride=8)
)
def i3d18(num_classes: int, **options: Unpack[I3DOptions]) -> nn.Module:
    """Inflated ResNet-18; with stem_pool=False it is torchvision's r3d_18."""
    return _basic_i3d("resnet18", num_classes, **options)


@register(
    trunk="resnet34", specification=Specification(63_681_104, 10.100, (8, 112, 112), causal=False, temporal_stride=8)
)
def i3d34(num_classes: int, **options: Unpack[I3DOptions]) -> nn.Module:
    """Inflated ResNet-34, in the layout of torchvision's r3d_18."""
    return _basic_i3d("resnet34", num_classes, **options)


# Wang et al. (2018): the blocks of each stage whose first 1x1 becomes 3x1x1, and those that a non-local block follows.
INFLATED_BLOCKS: dict[str, list[Iterable[int]]] = {
    "resnet50": [(0, 1, 2), (0, 2), (0, 2, 4), (1,)],
    "resnet101": [(0, 1, 2), (0, 2), range(0, 23, 2), (1,)],
}
NON_LOCAL_BLOCKS = {
    "resnet50": {"layer2": (1, 3), "layer3": (1, 3, 5)},
    "resnet101": {"layer2": (1, 3), "layer3": (6, 13, 20)},
}
STAGE_CHANNELS = {"layer2": 512, "layer3": 1024}


def _bottleneck_i3d(
    network: str,
    num_classes: int,
    *,
    non_local: bool = False,
    inflation: Inflation = "mean",
    **options: Unpack[ResNetOptions],
) -> nn.Module:
    stages = enumerate(INFLATED_BLOCKS[network], start=1)
    kernels = {f"layer{stage}.{block}.conv1": 3 for stage, blocks in stages for block in blocks} | {"conv1": 5}
    net = _inflated(
        network2d(network, num_classes, **options),
        lambda name, layer: TimeAxis(kernels.get(name, 1)),
        inflation,
        options.get("w_xh", "random"),
    )
    halved = TimePool(nn.MaxPool2d, TimeAxis(kernel=2, stride=2))
    net.set_submodule("layer1", nn.Sequential(*net.get_submodule("layer1").children(), halved))
    if non_local:
        for stage, blocks in NON_LOCAL_BLOCKS[network].items():
            for block in blocks:
                path = f"{stage}.{block}"
                net.set_submodule(path, nn.Sequential(net.get_submodule(path), NonLocal(STAGE_CHANNELS[stage])))
    return net


@register(
    trunk="resnet50",
    specification=Specification(28_043_472, 28.41, (8, 224, 224), causal=False, temporal_stride=2, shortest_clip=2),
)
def i3d50(num_classes: int, **options: Unpack[I3DOptions]) -> nn.Module:
    """Inflated ResNet-50 in the layout of Wang et al.: 3x1x1 in every second block, time halved once."""
    return _bottleneck_i3d("resnet50", num_classes, **options)


@register(
    trunk="resnet101",
    specification=Specification(51_754_192, 46.96, (8, 224, 224), causal=False, temporal_stride=2, shortest_clip=2),
)
def i3d101(num_classes: int, **options: Unpack[I3DOptions]) -> nn.Module:
    """Inflated ResNet-101 in the layout of Wang et al."""
    return _bottleneck_i3d("resnet101", num_classes, **options)


@register(
    trunk="resnet50",
    specification=Specification(35_401_936, 36.54, (8, 224, 224), causal=False, temporal_stride=2, shortest_clip=2),
)
def i3d50_nl(num_classes: int, **options: Unpack[I3DOptions]) -> nn.Module:
    """i3d50 with five non-local blocks (Wang et al.)."""
    return _bottleneck_i3d("resnet50", num_classes, non_local=True, **options)


@register(
    trunk="resnet101",
    specification=Specification(59_112_656, 55.08, (8, 224, 224), causal=False, temporal_stride=2, shortest_clip=2),
)
def i3d101_nl(num_classes: int, **options: Unpack[I3DOptions]) -> nn.Module:
    """i3d101 with five non-local blocks (Wang et al.)."""
    return _bottleneck_i3d("resnet101", num_classes, non_local=True, **options)


def _inception_plan(name: str, layer: Layer2d) -> TimeAxis:
    """Every kernel is as long in time as in space, and so is every stride but those of the first two pools."""
    (kernel, *_), (stride, *_) = (
        (size, size) if isinstance(size, int) else size for size in (layer.kernel_size, layer.stride)
    )
    return TimeAxis() if name in ("maxpool1", "maxpool2") else TimeAxis(kernel, stride)


@register(
    trunk="googlenet",
    specification=Specification(12_697_264, 111.15, (64, 224, 224), causal=False, temporal_stride=8, shortest_clip=3),
)
def inception_i3d(num_classes: int, *, inflation: Inflation = "mean", **options: Unpack[WeightOptions]) -> nn.Module:
    """Inflated GoogLeNet (Inception v1), without auxiliary classifiers."""
    net = network2d("googlenet", num_classes, **options)
    return _inflated(net, _inception_plan, inflation, options.get("w_xh", "random"))

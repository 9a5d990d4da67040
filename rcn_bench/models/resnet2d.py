"""torchvision's 2D ResNets, the networks that every model here is built on."""

from pathlib import Path

from torch import nn
from torchvision.models import resnet18, resnet34
from torchvision.models.resnet import ResNet

from rcn_bench.errors import InputError
from rcn_bench.models.init import load_imagenet_weights, load_weights_file

_BUILDERS = {18: resnet18, 34: resnet34}


def resnet2d(
    depth: int,
    num_classes: int,
    *,
    stem_pool: bool = True,
    w_xh: str = "random",
    weights_file: str | Path | None = None,
) -> ResNet:
    """A torchvision ResNet for single frames, with random (He normal) or pretrained spatial weights.

    w_xh: ``random``; ``imagenet``: torchvision's ImageNet weights, downloaded by name or read from weights_file;
    ``stills``: weights_file, written by ``rcn-bench pretrain``. The classifier is new in every case.
    stem_pool: keep the max pool after the 7x7 stem. torchvision's 2D ResNets have it, its video ResNets do not.
    Shapes: (N, 3, H, W) to (N, num_classes).
    Errors: InputError for an unknown w_xh, a missing file, or weights of another architecture.
    Source: supplement section 1.1 and 2.
    """
    net = _BUILDERS[depth](num_classes=num_classes)
    if not stem_pool:
        net.maxpool = nn.Identity()
    match w_xh, weights_file:
        case "random", None:
            pass
        case "imagenet", None:
            load_imagenet_weights(net, f"resnet{depth}")
        case "imagenet" | "stills", str() | Path():
            load_weights_file(net, weights_file)
        case "random", _:
            raise InputError(f"w_xh: random does not read a weights file, but {weights_file} was given")
        case "stills", None:
            raise InputError("w_xh: stills needs weights_file, as written by `rcn-bench pretrain`")
        case _:
            raise InputError(f"unknown w_xh {w_xh!r}; choose one of random, stills, imagenet")
    return net

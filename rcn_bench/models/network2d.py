"""torchvision's 2D networks, which every model here but (2+1)D and S3D is built on."""

from pathlib import Path
from typing import TypedDict

from torch import nn
from torchvision.models import GoogLeNet, get_model
from torchvision.models.resnet import ResNet

from rcn_bench.errors import InputError
from rcn_bench.models.init import he_normal_, load_imagenet_weights, load_weights_file


class WeightOptions(TypedDict, total=False):
    """Where the spatial weights of a model come from: the last two arguments of network2d."""

    w_xh: str
    weights_file: str | Path | None


class ResNetOptions(WeightOptions, total=False):
    """The options of a model on a ResNet. stem_pool: keep the max pool after the 7x7 stem."""

    stem_pool: bool


def network2d(
    name: str,
    num_classes: int,
    *,
    stem_pool: bool = True,
    w_xh: str = "random",
    weights_file: str | Path | None = None,
) -> ResNet | GoogLeNet:
    """A torchvision network for single frames, with random (He normal) or pretrained spatial weights.

    name: resnet18, resnet34, resnet50, resnet101 or googlenet. GoogLeNet comes without its auxiliary classifiers, and
    with the input transform that its ImageNet weights expect.
    w_xh: ``random``; ``imagenet``: torchvision's ImageNet weights, downloaded by name or read from weights_file;
    ``stills``: weights_file, written by ``rcn-bench pretrain``. The classifier is new in every case.
    stem_pool: keep a ResNet's max pool after the stem. torchvision's 2D ResNets have it, its video ResNets do not.
    Shapes: (N, 3, H, W) to (N, num_classes).
    Errors: InputError for an unknown w_xh, a missing file, or weights of another architecture.
    Source: supplement section 1.1 and 2.
    """
    net = _googlenet(num_classes) if name == "googlenet" else get_model(name, num_classes=num_classes)
    if not stem_pool and isinstance(net, ResNet):
        net.maxpool = nn.Identity()
    match w_xh, weights_file:
        case "random", None:
            pass
        case "imagenet", None:
            load_imagenet_weights(net, name)
        case "imagenet" | "stills", str() | Path():
            load_weights_file(net, weights_file)
        case "random", _:
            raise InputError(f"w_xh: random does not read a weights file, but {weights_file} was given")
        case "stills", None:
            raise InputError("w_xh: stills needs weights_file, as written by `rcn-bench pretrain`")
        case _:
            raise InputError(f"unknown w_xh {w_xh!r}; choose one of random, stills, imagenet")
    return net


def _googlenet(num_classes: int) -> GoogLeNet:
    net = GoogLeNet(num_classes, aux_logits=False, transform_input=True, init_weights=False)
    he_normal_(net)
    return net

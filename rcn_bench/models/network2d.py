"""Trunks: the 2D networks that every model here but (2+1)D and S3D is built on, with their pretrained weights.

They are torchvision's image classifiers, by name, and those that a plugin registers with ``register_trunk``.
"""

import difflib
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias, TypedDict

import torch
from torch import Tensor, nn
from torchvision import models as torchvision_models
from torchvision.models import WeightsEnum, get_model, get_model_builder, get_model_weights, resnet
from torchvision.models.resnet import ResNet

from rcn_bench.errors import InputError
from rcn_bench.models.finite import require_finite
from rcn_bench.models.frozen import freeze_batch_norm
from rcn_bench.models.init import download, he_normal_, load_all_but, read_state_dict

TrunkBuilder = Callable[..., nn.Module]
Pretrained: TypeAlias = WeightsEnum | Callable[[], Mapping[str, Tensor]]

TORCHVISION = frozenset(torchvision_models.list_models(module=torchvision_models))
# These come without their auxiliary classifiers, and with the input transform that their ImageNet weights expect.
AUXILIARY: dict[str, dict[str, bool]] = {
    "googlenet": {"aux_logits": False, "transform_input": True, "init_weights": False},
    "inception_v3": {"aux_logits": False, "transform_input": True, "init_weights": True},
}


class WeightOptions(TypedDict, total=False):
    """Where the spatial weights of a model come from: the last two arguments of network2d."""

    w_xh: str
    weights_file: str | Path | None


class ResNetOptions(WeightOptions, total=False):
    """The options of a model on a ResNet.

    stem_pool: keep the max pool after the 7x7 stem. frozen_batch_norm: leave batch norm as the initial weights have it.
    """

    stem_pool: bool
    frozen_batch_norm: bool


@dataclass(frozen=True)
class _Registered:
    build: TrunkBuilder
    imagenet: Pretrained | None


_REGISTERED: dict[str, _Registered] = {}


def register_trunk(builder: TrunkBuilder | None = None, *, imagenet: Pretrained | None = None) -> Any:
    """Make a 2D network of your own, ``name(num_classes) -> nn.Module``, a trunk under its function's name.

    It turns images (N, 3, H, W) into logits (N, num_classes). Then ``network2d(name, ...)``, ``rcn-bench pretrain
    name`` and ``weights_files`` of a config know it. A builder with a keyword ``stem_pool`` is one of networks whose
    pool after the stem can be left out.
    imagenet: its pretrained weights: one of torchvision's, or a function that returns a state dict.
    Errors: InputError if the name is taken.
    """
    if builder is None:
        return partial(register_trunk, imagenet=imagenet)
    name = builder.__name__
    if name in _REGISTERED or name in TORCHVISION:
        raise InputError(f"{builder.__module__}: a trunk named {name} is there already; give it another name")
    _REGISTERED[name] = _Registered(builder, imagenet)
    return builder


def require_trunk(name: str) -> None:
    """Errors: InputError for a name that is neither torchvision's nor registered."""
    known = TORCHVISION | _REGISTERED.keys()
    if name not in known:
        close = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {close[0]}?" if close else "name a torchvision classifier, or register it"
        raise InputError(f"unknown 2D network {name!r}; {hint}")


def has_stem_pool(name: str) -> bool:
    """Whether a trunk has a pool after its stem that can be left out. Errors: InputError for an unknown trunk."""
    require_trunk(name)
    if name in _REGISTERED:
        return "stem_pool" in inspect.signature(_REGISTERED[name].build).parameters
    return get_model_builder(name).__module__ == resnet.__name__


def has_imagenet_weights(name: str) -> bool:
    """Whether ``imagenet`` needs no file for a trunk. Errors: InputError for an unknown trunk."""
    return _imagenet(name) is not None


def network2d(
    name: str,
    num_classes: int,
    *,
    stem_pool: bool = True,
    w_xh: str = "random",
    weights_file: str | Path | None = None,
    frozen_batch_norm: bool = False,
) -> nn.Module:
    """A trunk for single frames, with random or pretrained spatial weights.

    name: a torchvision classifier (resnet18, googlenet, regnet_y_400mf, ...) or a registered trunk. GoogLeNet and
    Inception v3 come without auxiliary classifiers, and with the input transform that their ImageNet weights expect.
    stem_pool: keep a ResNet's max pool after the stem. torchvision's 2D ResNets have it, its video ResNets do not.
    w_xh: ``random``: He normal for ResNets and GoogLeNet, else as the network draws them; ``imagenet``: the trunk's
    ImageNet weights, downloaded by name or read from weights_file; ``stills``: weights_file, written by
    ``rcn-bench pretrain``. The classifier, which is all that depends on num_classes, is new in every case.
    frozen_batch_norm: keep the statistics, scale and shift that batch norm has in those weights, in training too.
    Shapes: (N, 3, H, W) to (N, num_classes).
    Errors: InputError for an unknown name or w_xh, stem_pool=False without such a pool, a missing file, or weights
    of another architecture.
    Source: supplement section 1.1 and 2.
    """
    if not stem_pool and not has_stem_pool(name):
        raise InputError(f"{name} has no pool after its stem that could be left out; stem_pool is for ResNets")
    net = _build(name, num_classes, stem_pool)
    _load(net, name, num_classes, w_xh, weights_file)
    if frozen_batch_norm:
        freeze_batch_norm(net)
    return net


def _load(net: nn.Module, name: str, num_classes: int, w_xh: str, weights_file: str | Path | None) -> None:
    """Put the weights that w_xh says into a trunk with random ones."""
    match w_xh, weights_file:
        case "random", None:
            return
        case "imagenet", None:
            state, source = _imagenet_weights(name)
            require_finite(state, source)
        case "imagenet" | "stills", str() | Path():
            state, source = read_state_dict(weights_file), str(weights_file)
        case "random", _:
            raise InputError(f"w_xh: random does not read a weights file, but {weights_file} was given")
        case "stills", None:
            raise InputError("w_xh: stills needs weights_file, as written by `rcn-bench pretrain`")
        case _:
            raise InputError(f"unknown w_xh {w_xh!r}; choose one of random, stills, imagenet")
    load_all_but(_classifier(net, name, num_classes), net, state, source)


def _build(name: str, num_classes: int, stem_pool: bool) -> nn.Module:
    require_trunk(name)
    if name in _REGISTERED:
        return _REGISTERED[name].build(num_classes, **({} if stem_pool else {"stem_pool": False}))
    net = get_model(name, num_classes=num_classes, **AUXILIARY.get(name, {}))
    if name == "googlenet":
        he_normal_(net)
    if isinstance(net, ResNet) and not stem_pool:
        net.maxpool = nn.Identity()
    return net


def _classifier(net: nn.Module, name: str, num_classes: int) -> set[str]:
    """The tensors of a trunk that have another shape with another number of classes."""
    with torch.random.fork_rng(devices=[]):  # the random numbers that follow do not depend on this
        other = _build(name, num_classes + 1, stem_pool=True).state_dict()
    classifier = {key for key, value in net.state_dict().items() if other[key].shape != value.shape}
    if not classifier:
        raise InputError(f"{name}: none of its tensors depends on the number of classes; let its builder use it")
    return classifier


def _imagenet(name: str) -> Pretrained | None:
    require_trunk(name)
    if name in _REGISTERED:
        return _REGISTERED[name].imagenet
    return get_model_weights(name).__members__.get("IMAGENET1K_V1")


def _imagenet_weights(name: str) -> tuple[Mapping[str, Tensor], str]:
    """ImageNet weights of a trunk by name, and where they come from."""
    weights = _imagenet(name)
    if weights is None:
        raise InputError(f"no ImageNet weights are known for {name}; name a file of them as weights_file")
    if isinstance(weights, WeightsEnum):
        return download(weights), weights.url
    try:
        return weights(), f"the ImageNet weights of {name}"
    except (OSError, RuntimeError) as error:
        raise InputError(f"the ImageNet weights of {name} could not be had ({error})") from error

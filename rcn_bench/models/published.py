"""Weights that others have published for Kinetics-400, in the models of this package."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torchvision.models import WeightsEnum, get_model, get_model_weights

from rcn_bench.errors import InputError
from rcn_bench.models.init import download, read_state_dict
from rcn_bench.models.registry import create_model

# torchvision's name, and the model here that is the same network.
TORCHVISION: dict[str, tuple[str, dict[str, Any]]] = {
    "r3d_18": ("i3d18", {"stem_pool": False}),
    "r2plus1d_18": ("r2plus1d18", {"stem_pool": False}),
    "s3d": ("s3d", {}),
}
AUTHORS = "rcn50"


def kinetics400_weights(name: str) -> WeightsEnum:
    """torchvision's Kinetics-400 weights of one of its video networks, with their protocol and accuracy."""
    return get_model_weights(name)["KINETICS400_V1"]


def torchvision_model(name: str, weights_file: Path | None = None) -> nn.Module:
    """One of torchvision's video networks with its Kinetics-400 weights: clips (N, 3, T, H, W) to (N, 400).

    weights_file: the file that torchvision would download (hash-checked), where it cannot.
    Errors: InputError for weights that cannot be had, or of another network.
    """
    ours, options = TORCHVISION[name]
    weights = kinetics400_weights(name)
    state = download(weights) if weights_file is None else read_state_dict(weights_file)
    with torch.device("meta"):
        theirs = list(get_model(name).state_dict())  # entry by entry that of our model
    model = create_model(ours, 400, **options)
    _load(model, zip(model.state_dict(), theirs, strict=True), state, str(weights_file or weights.url))
    return model


def authors_model(weights_file: Path) -> nn.Module:
    """RCN-50 with the Kinetics-400 weights of the paper's authors, as it comes with their detection code.

    Their network is one of 3D layers that span a single frame; the names say the rest: layer1.0.rcu.conv_whh.weight is
    the w_hh that follows layer1.0.conv1.weight. Parallel training has left "module." before some files' names. Their
    detection code pools the stem without padding, torchvision with it: there its maps are shifted by a pixel.
    Errors: InputError for another file, or one without a classifier of 400 classes.
    """
    state = {key.removeprefix("module."): value for key, value in read_state_dict(weights_file).items()}
    if "fc.weight" not in state:
        raise InputError(f"{weights_file}: no classifier in it (fc.weight)")
    model = create_model(AUTHORS, 400)
    _load(model, _authors_names(model), state, str(weights_file))
    return model


def _authors_names(model: nn.Module) -> Iterator[tuple[str, str]]:
    for name in model.state_dict():
        theirs = name.removeprefix("trunk.").replace(".w_xh.", ".")
        if theirs.endswith(".conv1.w_hh"):
            theirs = theirs.removesuffix("conv1.w_hh") + "rcu.conv_whh.weight"
        yield name, theirs


def _load(model: nn.Module, names: Iterator[tuple[str, str]], state: dict[str, Tensor], source: str) -> None:
    """names: of the model's tensors and of theirs. A kernel of a single frame may stand for one without a time axis."""
    own, loaded = model.state_dict(), {}
    for name, theirs in names:
        if name.endswith("num_batches_tracked"):  # plays no part in the result, and older files lack it
            continue
        if theirs not in state:
            raise InputError(f"{source}: weights of another network: no {theirs}")
        if _without_ones(state[theirs].shape) != _without_ones(own[name].shape):
            raise InputError(
                f"{source}: weights of another network: {theirs} is {tuple(state[theirs].shape)}, "
                f"{tuple(own[name].shape)} is needed"
            )
        loaded[name] = state[theirs].reshape(own[name].shape)
    model.load_state_dict(loaded, strict=False)


def _without_ones(shape: torch.Size) -> list[int]:
    return [size for size in shape if size != 1]

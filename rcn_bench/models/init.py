"""Initial values: w_xh random, or from a state dict of stills or ImageNet weights; w_hh random or identity."""

import re
from collections.abc import Mapping
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, Literal, get_args

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torchvision.models import WeightsEnum

from rcn_bench.errors import InputError, refusing
from rcn_bench.models.finite import require_finite

WhhInit = Literal["random", "identity"]
W_HH_INITS: tuple[WhhInit, ...] = get_args(WhhInit)
# torchvision's DenseNet files have dots in the names of modules: norm.1 is norm1 in the network.
_DENSENET_NAME = re.compile(r"(denselayer\d+\.(?:norm|conv))\.([12]\.)")


def initial_w_hh(channels: int, how: WhhInit) -> Tensor:
    """A (channels, channels) hidden-state matrix: He normal (std sqrt(2 / channels)) or the identity.

    Errors: InputError for an unknown name. Source: supplement section 1.1, Table 1.
    """
    if how == "identity":
        return torch.eye(channels)
    if how == "random":
        return nn.init.kaiming_normal_(torch.empty(channels, channels), mode="fan_out", nonlinearity="relu")
    raise InputError(f"unknown w_hh {how!r}; choose one of {', '.join(W_HH_INITS)}")


def he_normal_(net: nn.Module) -> None:
    """Draw every convolution anew as torchvision's ResNets do: He normal over the fan-out."""
    for module in net.modules():
        if isinstance(module, (nn.Conv2d, nn.Conv3d)):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")


def download(weights: WeightsEnum) -> dict[str, Tensor]:
    """torchvision's weights, hash-checked, or those in torch's cache. Errors: InputError if they cannot be had."""
    try:
        return weights.get_state_dict(check_hash=True)
    except (OSError, RuntimeError) as error:
        raise InputError(
            f"weights {weights.url} could not be loaded ({error}); "
            "download the file elsewhere and name it: weights_files in a config, --weights-file of calibrate"
        ) from error


def read_state_dict(path: str | Path) -> dict[str, Tensor]:
    """Tensors by name from a .safetensors file, or from a .pth file that holds a plain state dict.

    Errors: InputError if the file is missing, damaged or not a plain state dict, or holds a number that is not finite.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: no such weights file")
    with refusing(lambda why: InputError(f"{path}: not a readable weights file ({why})")):
        state = load_file(path) if path.suffix == ".safetensors" else _unpickled(path)
        require_finite(state, str(path))
    if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
        raise InputError(f"{path}: not a plain state dict; save model.state_dict() alone")
    return state


def _unpickled(path: Path) -> Any:
    try:
        return torch.load(path, "cpu", weights_only=True)
    except UnpicklingError as error:  # in which torch advises to run what is in the file
        raise ValueError("it holds more than tensors, or is damaged; save model.state_dict() alone") from error


def load_all_but(classifier: set[str], net: nn.Module, state: Mapping[str, Tensor], source: str) -> None:
    """Put the tensors of a state dict into a 2D network, except those of its classifier.

    source: where they come from, for messages. Errors: InputError for other names or shapes.
    """
    state = {_DENSENET_NAME.sub(r"\1\2", key): value for key, value in state.items()}
    own = net.state_dict()
    trunk = [key for key in own if key not in classifier]
    # Files written before batch norm counted its batches lack these; they play no part in the result.
    required = [key for key in trunk if not key.endswith("num_batches_tracked")]
    # ImageNet weights of the Inceptions hold auxiliary classifiers, which this project's networks leave out.
    extra = sorted(key for key in state if key not in own and not key.startswith(("aux1.", "aux2.", "AuxLogits.")))
    for key in required:
        if key not in state:
            raise InputError(f"{source}: weights of another architecture: no {key}")
        if state[key].shape != own[key].shape:
            raise InputError(
                f"{source}: weights of another architecture: {key} is {tuple(state[key].shape)}, "
                f"this network needs {tuple(own[key].shape)}"
            )
    if extra:
        raise InputError(f"{source}: weights of another architecture: unexpected {extra[0]}")
    with torch.no_grad():  # not by load_state_dict, which for MNASNet wants more than tensors
        for key in trunk:
            if key in state:
                own[key].copy_(state[key])

"""Initial values: w_xh from random, stills or ImageNet weights; w_hh random or identity."""

from pathlib import Path
from typing import Literal, get_args

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torchvision.models import WeightsEnum, get_model_weights

from rcn_bench.errors import InputError

WhhInit = Literal["random", "identity"]
W_HH_INITS: tuple[WhhInit, ...] = get_args(WhhInit)


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


def load_imagenet_weights(net: nn.Module, torchvision_name: str) -> None:
    """Load torchvision's default ImageNet weights (hash-checked download or torch's cache), except the classifier.

    Errors: InputError if they can neither be found nor downloaded.
    """
    weights = get_model_weights(torchvision_name)["IMAGENET1K_V1"]
    _load_all_but_classifier(net, download(weights), weights.url)


def download(weights: WeightsEnum) -> dict[str, Tensor]:
    """torchvision's weights, hash-checked, or those in torch's cache. Errors: InputError if they cannot be had."""
    try:
        return weights.get_state_dict(check_hash=True)
    except (OSError, RuntimeError) as error:
        raise InputError(
            f"weights {weights.url} could not be loaded ({error}); "
            "download the file elsewhere and name it as weights_file"
        ) from error


def load_weights_file(net: nn.Module, path: str | Path) -> None:
    """Load a 2D network's state dict (.safetensors, or .pth of tensors only), except the classifier.

    Errors: InputError for a missing or unreadable file, a pickle of anything but tensors, other keys or shapes.
    """
    _load_all_but_classifier(net, read_state_dict(path), str(path))


def read_state_dict(path: str | Path) -> dict[str, Tensor]:
    """Tensors by name from a .safetensors file, or from a .pth file that holds a plain state dict.

    Errors: InputError if the file is missing, damaged or not a plain state dict.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: no such weights file")
    try:
        state = load_file(path) if path.suffix == ".safetensors" else torch.load(path, "cpu", weights_only=True)
    except Exception as error:  # bytes that are no weights make the readers raise almost anything
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(f"{path}: not a readable weights file ({reason})") from error
    if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
        raise InputError(f"{path}: not a plain state dict; save model.state_dict() alone")
    return state


def _load_all_but_classifier(net: nn.Module, state: dict[str, Tensor], source: str) -> None:
    own = net.state_dict()
    trunk = [key for key in own if not key.startswith("fc.")]
    # Files written before batch norm counted its batches lack these; they play no part in the result.
    required = [key for key in trunk if not key.endswith("num_batches_tracked")]
    # GoogLeNet's ImageNet weights hold auxiliary classifiers, which this project's networks leave out.
    extra = sorted(key for key in state if key not in own and not key.startswith(("aux1.", "aux2.")))
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
    net.load_state_dict({key: state[key] for key in trunk if key in state}, strict=False)

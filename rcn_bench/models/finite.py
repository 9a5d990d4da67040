"""Whether the numbers of a network are finite: with one NaN or infinity among them no accuracy means anything."""

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from rcn_bench.errors import InputError


def not_finite(state: Any) -> str | None:
    """The name of the first tensor with a NaN or an infinity in it, None if there is none.

    state: a state dict, of an optimizer too, where tensors lie deeper: ``state.0.momentum_buffer``. All of them lie on
    one device, which is waited for once.
    """
    named = [(name, tensor) for name, tensor in _tensors(state, "") if tensor.is_floating_point()]
    if not named:
        return None
    finite = torch.stack([tensor.isfinite().all() for _, tensor in named]).tolist()
    return next((name for (name, _), right in zip(named, finite, strict=True) if not right), None)


def require_finite(state: Any, source: str, advice: str = "take weights of a training that did not diverge") -> None:
    """Errors: InputError, "source: name of the tensor: ...; advice", for one with a NaN or an infinity in it."""
    if name := not_finite(state):
        raise InputError(f"{source}: {name}: not all of its values are finite; {advice}")


def _tensors(part: Any, name: str) -> Iterator[tuple[str, Tensor]]:
    if isinstance(part, Tensor):
        yield name, part
    inside = part.items() if isinstance(part, Mapping) else enumerate(part) if isinstance(part, (list, tuple)) else ()
    for key, each in inside:
        yield from _tensors(each, f"{name}.{key}" if name else str(key))

"""Models by name: builders register themselves, ``create_model`` calls them, ``list_models`` lists them."""

import difflib
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import partial
from typing import Any, get_args, get_type_hints

from torch import nn

from rcn_bench.errors import InputError

Builder = Callable[..., nn.Module]


@dataclass(frozen=True)
class Specification:
    """What a model claims of itself, in its default form with 400 classes; the tests recompute every figure.

    parameters; gmacs: 1e9 multiply-accumulates for one clip of shape clip (T, H, W); causal: no output depends on a
    later frame, in eval mode; temporal_stride: input frames per output frame; shortest_clip: in frames.
    """

    parameters: int
    gmacs: float
    clip: tuple[int, int, int]
    causal: bool
    temporal_stride: int
    shortest_clip: int = 1


_BUILDERS: dict[str, Builder] = {}
_SPECIFICATIONS: dict[str, Specification] = {}


def register(builder: Builder | None = None, *, specification: Specification | None = None) -> Any:
    """Make a builder ``name(num_classes, *, option=default, ...)`` available under its function's name.

    Use it plain, ``@register``, or with what the model claims, ``@register(specification=...)``.
    Errors: ValueError if the name is taken.
    """
    if builder is None:
        return partial(register, specification=specification)
    name = builder.__name__
    if name in _BUILDERS:
        raise ValueError(f"a model named {name} is registered already")
    _BUILDERS[name] = builder
    if specification is not None:
        _SPECIFICATIONS[name] = specification
    return builder


def create_model(name: str, num_classes: int = 400, **options) -> nn.Module:
    """Build a model: clips (N, 3, T, H, W) to logits (N, num_classes).

    options are the builder's keywords, for example stem_pool, w_xh, weights_file, w_hh, mode, inflation.
    Errors: InputError for an unknown model or an option that the model does not have; the model itself raises one
    for a clip with fewer frames than it needs.
    """
    allowed = model_options(name)
    for option in options:
        if option not in allowed:
            raise InputError(f"{name} has no option {option!r}; it has {', '.join(allowed) or 'none'}")
    model = _BUILDERS[name](num_classes, **options)
    shortest = shortest_clip(name)
    if shortest > 1:
        model.register_forward_pre_hook(partial(_require_frames, name, shortest))
    return model


def list_models(pattern: str = "*") -> list[str]:
    """Names of all models that match a shell-style pattern, sorted."""
    return sorted(name for name in _BUILDERS if fnmatchcase(name, pattern))


def model_options(name: str) -> list[str]:
    """The option names of a model. Errors: InputError for an unknown model."""
    if name not in _BUILDERS:
        close = difflib.get_close_matches(name, _BUILDERS, n=1)
        hint = f"; did you mean {close[0]}?" if close else f"; choose one of {', '.join(list_models())}"
        raise InputError(f"unknown model {name!r}{hint}")
    options: list[str] = []
    for parameter in list(inspect.signature(_BUILDERS[name]).parameters.values())[1:]:
        if parameter.kind is parameter.VAR_KEYWORD:  # **options: Unpack[SomeTypedDict]
            (keywords,) = get_args(parameter.annotation)
            options += get_type_hints(keywords)
        else:
            options.append(parameter.name)
    return options


def specification(name: str) -> Specification | None:
    """What a model claims of itself; None for a registered model without claims. Errors: InputError if unknown."""
    model_options(name)
    return _SPECIFICATIONS.get(name)


def shortest_clip(name: str) -> int:
    """The fewest frames that a model takes; 1 for a registered model that claims nothing."""
    claims = specification(name)
    return claims.shortest_clip if claims else 1


def _require_frames(name: str, shortest: int, model: nn.Module, inputs: tuple) -> None:
    if inputs[0].shape[2] < shortest:
        raise InputError(f"{name} needs clips of {shortest} frames or more, got {inputs[0].shape[2]}")

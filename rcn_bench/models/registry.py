"""Models by name: builders register themselves, ``create_model`` calls them, ``list_models`` lists them.

A module of this package is imported when one of its models is first asked for; plugins are imported beforehand.
"""

import difflib
import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache, partial
from importlib import import_module
from typing import Any, Unpack, get_args, get_origin, get_type_hints

from torch import nn

from rcn_bench.code import ModelSource, find_models, plugin_code
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
    temporal_stride: int = 1
    shortest_clip: int = 1


_BUILDERS: dict[str, Builder] = {}
_SPECIFICATIONS: dict[Builder, Specification] = {}
_TRUNKS: dict[Builder, str] = {}


def register(
    builder: Builder | None = None, *, trunk: str | None = None, specification: Specification | None = None
) -> Any:
    """Make a builder ``name(num_classes, *, option=default, ...)`` available under its function's name.

    Use it plain, ``@register``, or with arguments, ``@register(trunk="resnet18")``.
    trunk: the 2D network whose weights the model starts from, a name for ``network2d``; written out as a string, since
    it is also read from the source without running it. specification: what the model claims of itself.

    The model's options are the builder's keywords. One that ends in ``**kwargs`` and has a trunk takes besides them
    the options that its trunk has, so that it may hand them on, ``network2d("resnet18", num_classes, **kwargs)``:
    w_xh, weights_file and, of a ResNet, stem_pool. Other options are named before it: ``*, w_hh="identity", **kwargs``.
    Errors: InputError if the name is taken.
    """
    if builder is None:
        return partial(register, trunk=trunk, specification=specification)
    name = builder.__name__
    own = _own_models().get(name)
    if name in _BUILDERS or (own is not None and own.module != builder.__module__):
        raise InputError(f"{builder.__module__}: a model named {name} is registered already; give it another name")
    _BUILDERS[name] = builder
    if specification is not None:
        _SPECIFICATIONS[builder] = specification
    if trunk is not None:
        _TRUNKS[builder] = trunk
    return builder


@cache
def _own_models() -> dict[str, ModelSource]:
    """The models of this package, read from its sources."""
    return find_models()


def _builder(name: str) -> Builder:
    """The function that builds a model. Errors: InputError for an unknown model."""
    if name in _BUILDERS:
        return _BUILDERS[name]
    if name in _own_models():
        return getattr(import_module(_own_models()[name].module), name)
    close = difflib.get_close_matches(name, list_models(), n=1)
    hint = f"; did you mean {close[0]}?" if close else f"; choose one of {', '.join(list_models())}"
    raise InputError(f"unknown model {name!r}{hint}")


def create_model(name: str, num_classes: int = 400, **options) -> nn.Module:
    """Build a model: clips (N, 3, T, H, W) to logits (N, num_classes).

    options are the builder's keywords, for example stem_pool, w_xh, weights_file, w_hh, mode, inflation.
    Errors: InputError for an unknown model or an option that the model does not have; the model itself raises one
    for a clip with fewer frames than it needs. Likewise for a plugin's builder that fails or returns no module.
    """
    require_options(name, options)
    builder = _builder(name)
    with plugin_code(builder.__module__, f"the builder of {name} failed"):
        model = builder(num_classes, **options)
    if not isinstance(model, nn.Module):
        raise InputError(f"the builder of {name} must return a torch.nn.Module, not {type(model).__name__}")
    shortest = shortest_clip(name)
    if shortest > 1:
        model.register_forward_pre_hook(partial(_require_frames, name, shortest))
    return model


def list_models(pattern: str = "*") -> list[str]:
    """Names of all models that match a shell-style pattern, sorted."""
    return sorted(name for name in _BUILDERS | _own_models() if fnmatchcase(name, pattern))


def model_options(name: str) -> list[str]:
    """The option names of a model. Errors: InputError for an unknown model."""
    builder, options = _builder(name), []
    for parameter in list(inspect.signature(builder).parameters.values())[1:]:
        if parameter.kind is not parameter.VAR_KEYWORD:
            options.append(parameter.name)
            continue
        with plugin_code(builder.__module__, f"the annotations of {name} cannot be read"):
            annotation = get_type_hints(builder).get(parameter.name)
        if get_origin(annotation) is Unpack:  # **options: Unpack[SomeTypedDict]
            options += get_type_hints(*get_args(annotation))
        elif trunk := _TRUNKS.get(builder):
            from rcn_bench.models.network2d import has_stem_pool  # torchvision, which not every model needs

            options += ["w_xh", "weights_file", *(["stem_pool"] if has_stem_pool(trunk) else [])]
    return options


def require_options(name: str, options: Iterable[str]) -> None:
    """Errors: InputError for an unknown model or an option that the model does not have."""
    allowed = model_options(name)
    for option in options:
        if option not in allowed:
            raise InputError(f"{name} has no option {option!r}; it has {', '.join(allowed) or 'none'}")


def specification(name: str) -> Specification | None:
    """What a model claims of itself; None for a registered model without claims. Errors: InputError if unknown."""
    return _SPECIFICATIONS.get(_builder(name))


def trunk_of(name: str) -> str | None:
    """The 2D network whose weights a model starts from; None if it starts from none. Errors: InputError if unknown."""
    return _TRUNKS.get(_builder(name))


def shortest_clip(name: str) -> int:
    """The fewest frames that a model takes; 1 for a registered model that claims nothing."""
    claims = specification(name)
    return claims.shortest_clip if claims else 1


def _require_frames(name: str, shortest: int, model: nn.Module, inputs: tuple) -> None:
    if inputs[0].shape[2] < shortest:
        raise InputError(f"{name} needs clips of {shortest} frames or more, got {inputs[0].shape[2]}")

"""Models by name: builders register themselves, ``create_model`` calls them, ``list_models`` lists them."""

import difflib
import inspect
from collections.abc import Callable
from fnmatch import fnmatchcase

from torch import nn

from rcn_bench.errors import InputError

Builder = Callable[..., nn.Module]
_BUILDERS: dict[str, Builder] = {}


def register(builder: Builder) -> Builder:
    """Make a builder ``name(num_classes, *, option=default, ...)`` available under its function's name.

    Errors: ValueError if the name is taken.
    """
    name = builder.__name__
    if name in _BUILDERS:
        raise ValueError(f"a model named {name} is registered already")
    _BUILDERS[name] = builder
    return builder


def create_model(name: str, num_classes: int = 400, **options) -> nn.Module:
    """Build a model: clips (N, 3, T, H, W) to logits (N, num_classes).

    options are the builder's keywords, for example stem_pool, w_xh, weights_file, w_hh, mode, inflation.
    Errors: InputError for an unknown model or an option that the model does not have.
    """
    allowed = model_options(name)
    for option in options:
        if option not in allowed:
            raise InputError(f"{name} has no option {option!r}; it has {', '.join(allowed)}")
    return _BUILDERS[name](num_classes, **options)


def list_models(pattern: str = "*") -> list[str]:
    """Names of all models that match a shell-style pattern, sorted."""
    return sorted(name for name in _BUILDERS if fnmatchcase(name, pattern))


def model_options(name: str) -> list[str]:
    """The option names of a model. Errors: InputError for an unknown model."""
    if name not in _BUILDERS:
        close = difflib.get_close_matches(name, _BUILDERS, n=1)
        hint = f"; did you mean {close[0]}?" if close else f"; choose one of {', '.join(list_models())}"
        raise InputError(f"unknown model {name!r}{hint}")
    parameters = list(inspect.signature(_BUILDERS[name]).parameters)
    return parameters[1:]

"""Video models. A module of theirs is imported when one of its models is first asked for."""

from rcn_bench.models.registry import (
    Specification,
    create_model,
    list_models,
    model_options,
    register,
    require_options,
    shortest_clip,
    specification,
    trunk_of,
)

__all__ = [
    "Specification",
    "create_model",
    "list_models",
    "model_options",
    "register",
    "require_options",
    "shortest_clip",
    "specification",
    "trunk_of",
]

"""Video models. Importing this package registers them all."""

from rcn_bench.models import c2d, causal, i3d, r2plus1d, rcn, s3d
from rcn_bench.models.registry import (
    Specification,
    create_model,
    list_models,
    model_options,
    register,
    shortest_clip,
    specification,
)

__all__ = [
    "Specification",
    "c2d",
    "causal",
    "create_model",
    "i3d",
    "list_models",
    "model_options",
    "r2plus1d",
    "rcn",
    "register",
    "s3d",
    "shortest_clip",
    "specification",
]

"""Video models. Importing this package registers them all."""

from rcn_bench.models import c2d, i3d, r2plus1d, rcn
from rcn_bench.models.registry import create_model, list_models, model_options, register

__all__ = ["c2d", "create_model", "i3d", "list_models", "model_options", "r2plus1d", "rcn", "register"]

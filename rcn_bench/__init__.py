"""Benchmarking and reproducibility suite for "Recurrent Convolutions for Causal 3D CNNs" (RCN)."""

from importlib import import_module

__version__ = "0.1.0"
__all__ = ["create_model", "list_models"]


def __getattr__(name: str):
    # Loaded on first use: `import rcn_bench` must not wait seconds for torch.
    if name in __all__:
        return getattr(import_module("rcn_bench.models"), name)
    raise AttributeError(f"module 'rcn_bench' has no attribute {name!r}")

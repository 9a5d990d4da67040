"""Benchmarking and reproducibility suite for "Recurrent Convolutions for Causal 3D CNNs" (RCN).

create_model, list_models: video models by name. load_results: a folder of results as frames of pandas.
The command line is `rcn-bench --help`; the README has all of it.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rcn_bench.models import create_model, list_models
    from rcn_bench.results import load_results

__version__ = "0.1.0"
__all__ = ["create_model", "list_models", "load_results"]


def __getattr__(name: str):
    # Loaded on first use: `import rcn_bench` must not wait seconds for torch or pandas.
    if name not in __all__:
        raise AttributeError(f"module 'rcn_bench' has no attribute {name!r}")
    return getattr(import_module("rcn_bench.results" if name == "load_results" else "rcn_bench.models"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

"""Any table or figure of an experiment: built by the function that its product names, and written."""

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rcn_bench.errors import InputError
from rcn_bench.plan.experiment import Experiment
from rcn_bench.plan.products import find_product
from rcn_bench.plan.products.base import Product
from rcn_bench.records.origins import begin

if TYPE_CHECKING:
    from rcn_bench.reporting.figure import Drawing
    from rcn_bench.reporting.table import Table


def write_product(experiment: Experiment, kind: str, name: str) -> None:
    """Build a table or figure (kind) and write its files, with a record of where it comes from.

    Errors: InputError for an unknown name, a builder that is not there, or a result that is missing or not the
    experiment's own.
    """
    product = find_product(experiment, name, kind)
    if kind == "table":
        from rcn_bench.reporting.table import Table

        _write(product, Table, experiment.paths.table(name))
        return
    from rcn_bench.reporting.figure import Drawing, house_style

    with house_style():
        _write(product, Drawing, experiment.paths.figure(name))


def builder(product: Product) -> Callable[[Product], Any]:
    """The function that builds a product. Errors: InputError if there is none at the place that the product names."""
    module, _, function = product.builder.partition(":")
    try:
        found = getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError, ValueError) as error:
        raise InputError(
            f"{product.name}: cannot load its builder {product.builder} ({error}); it must be module:function"
        ) from error
    return found


def _write(product: Product, kind: type["Table"] | type["Drawing"], path: Path) -> None:
    made = builder(product)(product)
    if not isinstance(made, kind):
        raise InputError(f"{product.name}: {product.builder} must return a {kind.__name__}, not {type(made).__name__}")
    origin = begin(product.experiment, product.kind, product.name, product.reads(), with_torch=False)
    made.write(path, origin, product.runs())

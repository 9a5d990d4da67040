"""Every table and figure, each in one place; ``base`` says what a product is."""

import importlib
import os
import sys
from collections.abc import Iterable, Sequence

from rcn_bench.code import find_products
from rcn_bench.errors import InputError
from rcn_bench.plan.experiment import Experiment
from rcn_bench.plan.products import figures, tables
from rcn_bench.plan.products.base import CostsOf, Product, merge_costs, registered
from rcn_bench.plan.run import Run

__all__ = ["all_runs", "figures", "find_product", "product_classes", "products_of", "profiled", "tables", "timed"]


def product_classes(plugins: Sequence[str] = ()) -> dict[str, type[Product]]:
    """All products by name, those of plugins included. Errors: InputError for a plugin that cannot be imported."""
    own = find_products(plugins)
    if own and os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    for module in own:
        try:
            importlib.import_module(module)
        except ImportError as error:
            raise InputError(f"plugins: cannot import {module} ({error})") from error
    return registered(["rcn_bench.plan.products.tables", "rcn_bench.plan.products.figures", *own])


def products_of(experiment: Experiment) -> dict[str, Product]:
    """The products of an experiment by name: those whose section its config has."""
    sections = {"tables": experiment.tables, "figures": experiment.figures}
    return {
        name: cls.of(experiment, sections[cls.section[0]][cls.section[1]])
        for name, cls in product_classes(experiment.plugins).items()
        if cls.section[1] in sections[cls.section[0]]
    }


def find_product(experiment: Experiment, name: str, kind: str) -> Product:
    """A table or figure (kind). Errors: InputError if the experiment has none of that name."""
    there = {each: made for each, made in products_of(experiment).items() if made.kind == kind}
    if name not in there:
        raise InputError(f"no {kind} {name!r} in {experiment.name}; it has {', '.join(there) or 'none'}")
    return there[name]


def all_runs(products: Iterable[Product]) -> list[Run]:
    """Every run that some products show, each once."""
    return sorted({run for product in products for run in product.runs()})


def profiled(products: Iterable[Product]) -> CostsOf:
    """Every model whose cost some products show, with the clip lengths, in frames, at which they do."""
    return merge_costs(product.profiled() for product in products)


def timed(products: Iterable[Product]) -> CostsOf:
    """Every model whose throughput some products show, with the clip lengths at which they do."""
    return merge_costs(product.timed() for product in products)

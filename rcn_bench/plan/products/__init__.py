"""Every table and figure, each in one place; ``base`` says what a product is."""

from collections.abc import Callable, Iterable, Sequence
from importlib import import_module
from typing import Any

from rcn_bench.code import find_products, is_plugin, load_plugins, plugin_code
from rcn_bench.errors import InputError
from rcn_bench.plan.experiment import Experiment
from rcn_bench.plan.products import claims, classes, figures, league, tables, training
from rcn_bench.plan.products.base import CostsOf, Product, merge_costs, registered
from rcn_bench.plan.run import Run


def product_classes(plugins: Sequence[str] = ()) -> dict[str, type[Product]]:
    """All products by name, those of plugins included. Errors: InputError for a plugin that cannot be used."""
    own = find_products(plugins)
    load_plugins(own)
    modules = [module.__name__ for module in (tables, figures, league, classes, training, claims)]
    found = registered([*modules, *own])
    for name, cls in found.items():
        if is_plugin(cls.__module__):
            with plugin_code(cls.__module__, f"{name}: the types of its keys cannot be read"):
                cls.schema()
    return found


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


def builder_of(product: Product) -> Callable[[Product], Any]:
    """The function that builds a product. Errors: InputError if there is none at the place that the product names."""
    module, _, function = product.builder.partition(":")
    with plugin_code(type(product).__module__, f"{product.name}: cannot load its builder {product.builder}"):
        found = getattr(import_module(module), function)
    if not callable(found):
        raise InputError(f"{product.name}: its builder {product.builder} is no function, but {type(found).__name__}")
    return found


def all_runs(products: Iterable[Product]) -> list[Run]:
    """Every run that some products show, each once."""
    return sorted({run for product in products for run in product.runs()})


def profiled(products: Iterable[Product]) -> CostsOf:
    """Every model whose cost some products show, with the clip lengths, in frames, at which they do."""
    return merge_costs(product.profiled() for product in products)


def timed(products: Iterable[Product]) -> CostsOf:
    """Every model whose throughput some products show, with the clip lengths at which they do."""
    return merge_costs(product.timed() for product in products)


def certified(products: Iterable[Product]) -> CostsOf:
    """Every model whose causality some products show, with the clip lengths at which they do."""
    return merge_costs(product.certified() for product in products)

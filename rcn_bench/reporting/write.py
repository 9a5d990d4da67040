"""Any table or figure of an experiment: built by the function that its product names, and written."""

from pathlib import Path
from typing import TYPE_CHECKING, cast

from rcn_bench.code import plugin_code
from rcn_bench.errors import InputError
from rcn_bench.plan.experiment import Experiment
from rcn_bench.plan.products import builder_of, find_product
from rcn_bench.plan.products.base import Product
from rcn_bench.records.origins import begin
from rcn_bench.reporting.results import in_part

if TYPE_CHECKING:
    from rcn_bench.reporting.figure import Drawing
    from rcn_bench.reporting.table import Table


def build(product: Product) -> "Table | Drawing":
    """What a product shows, not yet written.

    Errors: InputError for a builder that is not there, a plugin's that fails, or a result that is missing or not the
    experiment's own.
    """
    kind = _kind(product)
    builder = builder_of(product)
    with plugin_code(type(product).__module__, f"{product.name}: its builder {product.builder} failed"):
        made = builder(product)
    if not isinstance(made, kind):
        raise InputError(f"{product.name}: {product.builder} must return a {kind.__name__}, not {type(made).__name__}")
    return made


def _kind(product: Product) -> type["Table"] | type["Drawing"]:
    if product.kind == "table":
        from rcn_bench.reporting.table import Table

        return Table
    from rcn_bench.reporting.figure import Drawing

    return Drawing


def table_in_part(experiment: Experiment, name: str) -> tuple["Table", list[str]]:
    """A table of the results that are there, not to be written, and a line on each that it lacks.

    Errors: InputError as from ``build``, and if nothing of it is there.
    """
    product = find_product(experiment, name, "table")
    with in_part() as missing:
        made = cast("Table", build(product))
    if made.rows.empty:
        raise InputError(f"{name}: nothing of it is there yet; {missing[0]}" if missing else f"{name}: has no row")
    return made, list(dict.fromkeys(missing))


def write_product(experiment: Experiment, kind: str, name: str) -> None:
    """Build a table or figure (kind) and write its files, with a record of where it comes from.

    Errors: InputError for an unknown name, a builder that is not there, a plugin's that fails, or a result that is
    missing or not the experiment's own.
    """
    product = find_product(experiment, name, kind)
    if kind == "table":
        _write(product, experiment.paths.table(name))
        return
    from rcn_bench.reporting.style import house_style

    with house_style():
        _write(product, experiment.paths.figure(name))


def _write(product: Product, path: Path) -> None:
    made = build(product)
    origin = begin(product.experiment, product.kind, product.name, product.reads(), with_torch=False)
    made.write(path, origin, product.runs())

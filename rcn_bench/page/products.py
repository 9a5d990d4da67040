"""The tables and figures of a tree that are there, as they were written."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rcn_bench.page.cells import Row, columns_of, read_rows
from rcn_bench.page.grid import Grid, Source, data_uri, without_constants
from rcn_bench.page.shelf import Shelf
from rcn_bench.plan.products.base import Product
from rcn_bench.records.products import FigureRecord, ProductRecord, TableRecord
from rcn_bench.trust.why import behind, row_names

IMAGES = {"svg": "image/svg+xml", "png": "image/png"}  # what a browser shows, the better first


@dataclass(frozen=True)
class Picture:
    """A figure. image, download: data URIs, of what is drawn and of the numbers behind it; empty if not there."""

    name: str
    caption: str
    image: str
    download: str
    source: Source


def read_table(shelf: Shelf, name: str) -> tuple[TableRecord, list[Row], str] | None:
    """The record of a table, its rows, and its CSV as a data URI; None if it is not there or has changed."""
    record, content = _read(shelf, "table", name, "csv")
    if not isinstance(record, TableRecord) or content is None:
        return None
    return record, read_rows(content.decode()), data_uri("text/csv", content)


def grid_of(shelf: Shelf, name: str) -> Grid | None:
    """A table; None if it is not there or has changed."""
    read = read_table(shelf, name)
    if read is None:
        return None
    record, rows, download = read
    columns, notes = without_constants(columns_of(rows))
    labels = [", ".join(cells) for cells in row_names(rows)]
    sources = sources_of(shelf, name, rows)
    return Grid(
        name=f"table-{name}",
        title=record.title,
        columns=columns,
        notes=[*notes, *record.notes],
        labels=labels,
        sources=sources,
        file=f"{name}.csv",
        download=download,
    )


def sources_of(shelf: Shelf, name: str, rows: Sequence[Row]) -> list[Source]:
    """What each row of a table rests on; last, that of the table itself."""
    path = _path(shelf, "table", name)
    of_all = [run.name for run in shelf.tree.products[name].runs()]
    found = []
    for row in rows:
        records = [link.path for link in behind(shelf.tree, name, row)]
        runs = row["runs"].split() if "runs" in row else of_all
        found.append(Source(runs, _numbers(shelf, [*records, path])))
    return found


def picture_of(shelf: Shelf, name: str) -> Picture | None:
    """A figure; None if it is not there or has changed."""
    path = _path(shelf, "figure", name)
    record = shelf.records.get(path)
    if not isinstance(record, FigureRecord):
        return None
    there = (suffix for suffix in IMAGES if suffix in record.files and not _was_left_out(shelf, path, suffix))
    suffix = next(there, "")
    image = _read(shelf, "figure", name, suffix)[1] if suffix else None
    numbers = _read(shelf, "figure", name, "csv")[1]
    return Picture(
        name,
        _caption(shelf.tree.products[name]),
        data_uri(IMAGES[suffix], image) if image else "",
        data_uri("text/csv", numbers) if numbers else "",
        Source(record.runs, _numbers(shelf, [*shelf.tree.reads[name], path])),
    )


def _caption(product: Product) -> str:
    """The first line of its class's docstring; its name, where that has none."""
    written, name = (type(product).__doc__ or "").strip(), type(product).__name__
    return product.name if written.startswith(f"{name}(") else written.partition("\n")[0].rstrip(".") or product.name


def _path(shelf: Shelf, kind: str, name: str) -> str:
    return next(path for path, link in shelf.links.items() if (link.stage, link.target) == (kind, name))


def _numbers(shelf: Shelf, paths: Sequence[str]) -> list[int]:
    return [shelf.numbers[path] for path in paths if path in shelf.numbers]


def _read(shelf: Shelf, kind: str, name: str, suffix: str) -> tuple[ProductRecord | None, bytes | None]:
    """The record of a product and one of its files; None for what cannot be read."""
    path = _path(shelf, kind, name)
    record = shelf.records.get(path)
    if not isinstance(record, ProductRecord):
        return None, None
    if _was_left_out(shelf, path, suffix):
        return record, None
    file = (shelf.tree.root / path).with_suffix(f".{suffix}")
    return record, shelf.tried(shelf.tree.name(file), lambda: record.content(file))


def _was_left_out(shelf: Shelf, path: str, suffix: str) -> bool:
    """Whether the file beside a record was not kept."""
    return Path(path).with_suffix(f".{suffix}").as_posix() in shelf.left_out

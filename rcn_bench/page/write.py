"""The page of one or several result trees, written as one file."""

import hashlib
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from rcn_bench.files import write_bytes
from rcn_bench.page.beside import side_by_side
from rcn_bench.page.claims import Claims, claims_of
from rcn_bench.page.gaps import Gap, gaps_of
from rcn_bench.page.grid import Grid
from rcn_bench.page.products import Picture, grid_of, picture_of
from rcn_bench.page.runs import Runs, machines_grid, records_grid, runs_of
from rcn_bench.page.shelf import Shelf
from rcn_bench.trust.tree import labels_of

FOREST = "forest"  # the figure of the claims, which stands with them


@dataclass(frozen=True)
class View:
    """All that the page shows of a tree. key: by which its links differ from those of other trees."""

    key: str
    label: str
    shelf: Shelf
    claims: Claims | None
    forest: Picture | None
    tables: list[Grid]
    pictures: list[Picture]
    runs: Runs
    records: Grid
    machines: Grid
    gaps: list[Gap]
    config: str

    @property
    def made(self) -> tuple[str, str] | None:
        """The days of the first and the last start; None without a record."""
        times = [start.time for record in self.shelf.records.values() for start in record.origin.starts]
        return (min(times)[:10], max(times)[:10]) if times else None


def write_page(folders: Sequence[Path], output: Path) -> None:
    """One HTML page of result trees, complete or not, at work or kept; it asks no network for anything.

    Errors: InputError for a folder that is no experiment's results.
    """
    shelves = list(zip(labels_of(folders), map(Shelf, folders), strict=True))
    views = [_view(f"t{number}", label, shelf) for number, (label, shelf) in enumerate(shelves)]
    page = render(views, side_by_side(shelves) if len(shelves) > 1 else [])
    write_bytes(output, page.encode(errors="backslashreplace"))  # names of files can be any bytes


def render(views: Sequence[View], beside: Sequence[Grid]) -> str:
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=PackageLoader("rcn_bench.page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style, script = _template("page.css"), _template("page.js")
    return environment.get_template("page.html").render(
        views=views,
        beside=beside,
        style=Markup(style),
        script=Markup(script),
        policy="; ".join(
            ["default-src 'none'", "img-src data:", f"style-src {_trusted(style)}", f"script-src {_trusted(script)}"]
        ),
    )


def _view(key: str, label: str, shelf: Shelf) -> View:
    products, claims = shelf.tree.products.items(), claims_of(shelf)
    tables = [grid_of(shelf, name) for name, product in products if product.kind == "table"]
    figures = [name for name, product in products if product.kind == "figure"]
    pictures = {name: picture for name in figures if (picture := picture_of(shelf, name))}
    forest, runs = pictures.pop(FOREST, None), runs_of(shelf)
    return View(
        key=key,
        label=label,
        shelf=shelf,
        claims=claims,
        forest=forest,
        tables=[table for table in tables if table and not (claims and table.name == claims.tested.name)],
        pictures=list(pictures.values()),
        runs=runs,
        records=records_grid(shelf),
        machines=machines_grid(shelf),
        gaps=gaps_of(shelf),
        config=shelf.tree.experiment.paths.config.read_text(encoding="utf-8"),
    )


def _template(name: str) -> str:
    return (files("rcn_bench.page") / "templates" / name).read_text()


def _trusted(text: str) -> str:
    """That of a content security policy by which a browser runs this text and no other."""
    return f"'sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"

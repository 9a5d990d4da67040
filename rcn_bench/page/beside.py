"""Several trees side by side: what each is of, its verdicts, and the accuracies of tables that they share."""

from collections.abc import Sequence

from rcn_bench.page.cells import NOTHING, WORDS, Cell, Column, Row, column, interval_cell
from rcn_bench.page.claims import claim_cell, effect_cell, read_claims, verdict_cell
from rcn_bench.page.grid import Grid
from rcn_bench.page.products import read_table
from rcn_bench.page.shelf import Shelf
from rcn_bench.records.kept import systems_of
from rcn_bench.records.runs import Evaluation, Trained
from rcn_bench.trust.why import first_cells

Labelled = Sequence[tuple[str, Shelf]]
ACCURACY = "video acc %"
INTERVAL = "video acc 95 % interval"


def side_by_side(shelves: Labelled) -> list[Grid]:
    found = [_overview(shelves), _verdicts(shelves)]
    tables = dict.fromkeys(
        name for _, shelf in shelves for name, product in shelf.tree.products.items() if product.kind == "table"
    )
    return [grid for grid in (*found, *(_accuracies(name, shelves) for name in tables)) if grid is not None]


def _overview(shelves: Labelled) -> Grid:
    records = [list(shelf.records.values()) for _, shelf in shelves]
    columns = [
        column("results", [label for label, _ in shelves]),
        column("experiment", [shelf.tree.experiment.name for _, shelf in shelves]),
        column("seeds", [" ".join(map(str, shelf.tree.experiment.seeds)) for _, shelf in shelves]),
        column("runs trained", [str(sum(isinstance(each, Trained) for each in of)) for of in records]),
        column("runs evaluated", [str(sum(isinstance(each, Evaluation) for each in of)) for of in records]),
        column("records not there", [str(len(shelf.absent)) for _, shelf in shelves]),
        column("machines", ["; ".join(_machines(shelf)) for _, shelf in shelves]),
    ]
    return Grid("overview", "The results on this page", columns)


def _machines(shelf: Shelf) -> list[str]:
    systems = systems_of(record.origin for record in shelf.records.values())
    return list(dict.fromkeys(system.machine.name for system in systems))


def _verdicts(shelves: Labelled) -> Grid | None:
    """A row a claim, a verdict and an effect a tree; None unless two trees have claims."""
    found = {label: {row["claim"]: row for row in _claims(shelf)} for label, shelf in shelves}
    found = {label: rows for label, rows in found.items() if rows}
    if len(found) < 2:
        return None
    claims = {claim: row for rows in reversed(found.values()) for claim, row in rows.items()}
    columns = [Column("claim", [claim_cell(row) for row in claims.values()])]
    for label, rows in found.items():
        there = [rows.get(claim) for claim in claims]
        columns.append(Column(f"{label}: verdict", [verdict_cell(row) if row else NOTHING for row in there]))
        effects = [effect_cell(row) if row else NOTHING for row in there]
        columns.append(Column(f"{label}: effect", effects, numeric=True))
    return Grid("verdicts", "The paper's claims, side by side", columns)


def _accuracies(name: str, shelves: Labelled) -> Grid | None:
    """A row of a table a row, an accuracy and its interval a tree; None unless two trees have accuracies in it."""
    found = {label: {_name_of(row): row for row in _rows(shelf, name)} for label, shelf in shelves}
    found = {label: rows for label, rows in found.items() if any(ACCURACY in row for row in rows.values())}
    if len(found) < 2:
        return None
    names = dict.fromkeys(label for rows in found.values() for label in rows)
    columns = [column("row", list(names))]
    for label, rows in found.items():
        there = [rows.get(each) for each in names]
        columns.append(column(f"{label}: {ACCURACY}", [(row or {}).get(ACCURACY) or "" for row in there]))
        columns.append(Column(f"{label}: 95 % interval", [_interval(row or {}) for row in there], numeric=True))
    notes = ["Compare the pattern where the videos, sizes or trainings differ; rcn-bench compare pairs runs by video."]
    return Grid(f"beside_{name}", f"{name}: video accuracy, side by side", columns, notes)


def _name_of(row: Row) -> str:
    named = zip(row, first_cells(row), strict=False)  # fewer cells than columns
    return ", ".join(f"{column} {WORDS[cell]}" if cell in WORDS else cell for column, cell in named)


def _claims(shelf: Shelf) -> list[Row]:
    read = read_claims(shelf)
    return read[1] if read else []


def _rows(shelf: Shelf, name: str) -> list[Row]:
    read = read_table(shelf, name) if name in shelf.tree.products else None
    return read[1] if read else []


def _interval(row: Row) -> Cell:
    return interval_cell(*(row.get(f"{INTERVAL} {end}", "") for end in ("low", "high")))

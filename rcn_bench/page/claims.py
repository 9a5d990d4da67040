"""The paper's claims on the page: those that were tested with their effects, the others with what they lack."""

from collections import Counter
from dataclasses import dataclass

from rcn_bench.page.cells import NOTHING, Cell, Column, Row, column
from rcn_bench.page.grid import Grid
from rcn_bench.page.products import read_table, sources_of
from rcn_bench.page.shelf import Shelf
from rcn_bench.records.products import TableRecord

TABLE = "claims"
INTERVAL = "effect 95 % interval"
COLUMNS = {"claim", "says", "where", "verdict", "effect", f"{INTERVAL} low", f"{INTERVAL} high", "unit", "p", "paper"}
COLUMNS |= {"on training clips", "tested on", "note"}
NOT_TESTED = "not tested"
VERDICTS = ("supported", "contradicted", "undecided", NOT_TESTED)


@dataclass(frozen=True)
class Claims:
    """counts: of each verdict. tested, others: the claims with a verdict, and those without."""

    counts: dict[str, int]
    tested: Grid
    others: Grid


def read_claims(shelf: Shelf) -> tuple[TableRecord, list[Row], str] | None:
    """As from read_table; None also for a table of other columns, as other versions may have written."""
    read = read_table(shelf, TABLE) if TABLE in shelf.tree.products else None
    return read if read and all(set(row) >= COLUMNS for row in read[1]) else None


def claims_of(shelf: Shelf) -> Claims | None:
    """None where no table of claims is there."""
    read = read_claims(shelf)
    if read is None:
        return None
    record, rows, download = read
    tested = [row for row in rows if row["verdict"] != NOT_TESTED]
    others = [row for row in rows if row["verdict"] == NOT_TESTED]
    sources, counts = sources_of(shelf, TABLE, tested), Counter(row["verdict"] for row in rows)
    names = [row["claim"] for row in tested]
    return Claims(
        {verdict: counts[verdict] for verdict in VERDICTS if counts[verdict]},
        Grid(
            name=f"table-{TABLE}",
            title=record.title,
            columns=_tested(tested),
            notes=record.notes,
            labels=names,
            sources=sources,
            file=f"{TABLE}.csv",
            download=download,
            stacks=True,
        ),
        Grid(f"table-{TABLE}-not-tested", "Claims that these results do not test", _others(others)),
    )


def claim_cell(row: Row) -> Cell:
    return Cell(f"{row['claim']}: {row['says']} ({row['where']})", row["claim"])


def verdict_cell(row: Row) -> Cell:
    return Cell(row["verdict"], row["verdict"], mark=f"verdict {row['verdict'].replace(' ', '-')}")


def effect_cell(row: Row) -> Cell:
    """Such as +2.6 points."""
    value = row["effect"]
    return Cell(f"{_signed(value, row)} {row['unit']}", value, value) if value else NOTHING


def _tested(rows: list[Row]) -> list[Column]:
    return [
        Column("claim", [claim_cell(row) for row in rows]),
        Column("verdict", [verdict_cell(row) for row in rows]),
        Column("effect", [_signed_cell(row, "effect") for row in rows], numeric=True),
        Column("95 % interval", [_interval(row) for row in rows], numeric=True),
        Column("paper", [_signed_cell(row, "paper") for row in rows], numeric=True),
        column("unit", [row["unit"] if row["effect"] else "" for row in rows]),
        Column("p", [_p_cell(row["p"]) for row in rows], numeric=True),
        Column("on training clips", [_signed_cell(row, "on training clips") for row in rows], numeric=True),
        column("tested on", [row["tested on"] for row in rows]),
        column("note", [row["note"] for row in rows]),
    ]


def _others(rows: list[Row]) -> list[Column]:
    return [
        Column("claim", [claim_cell(row) for row in rows]),
        Column("paper", [_signed_cell(row, "paper") for row in rows], numeric=True),
        column("why not", [row["note"] for row in rows]),
    ]


def _interval(row: Row) -> Cell:
    low, high = (row[f"{INTERVAL} {end}"] for end in ("low", "high"))
    if not (low and high):
        return NOTHING
    return Cell(f"{_signed(low, row)} to {_signed(high, row)}", low, f"{low} to {high}")


def _signed_cell(row: Row, name: str) -> Cell:
    return Cell(_signed(row[name], row), row[name], row[name]) if row[name] else NOTHING


def _p_cell(p: str) -> Cell:
    return Cell(f"{float(p):.3f}" if float(p) >= 0.0005 else "<0.001", p, p) if p else NOTHING


def _signed(value: str, row: Row) -> str:
    of_accuracy = row["unit"] == "points" or "%" in row["unit"]
    return f"{float(value):+.1f}" if of_accuracy else f"{float(value):.3g}"

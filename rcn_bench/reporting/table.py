"""A table, and its files: plain numbers, Markdown, LaTeX, and a record of where it comes from."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from rcn_bench.plan.run import Run
from rcn_bench.provenance import Origin
from rcn_bench.records.base import write_hashed
from rcn_bench.records.products import TableRecord
from rcn_bench.reporting.columns import (
    HIGH,
    LOW,
    NOT_AVAILABLE,
    SPREAD,
    Column,
    columns_of,
    empty_columns,
    readable_columns,
    told,
)
from rcn_bench.reporting.latex import latex


@dataclass(frozen=True)
class Table:
    """A table and what its reader must know.

    rows: None is a value that is not available. Columns that end in " low" and " high" are the ends of an interval,
    one that ends in " spread %" belongs to that before it, those with % are shown with one decimal place; the names of
    runs in a column "runs" become links, those in "seeds" are counted. Columns without any value are not shown, and
    what columns.COUNTS and columns.CONDITIONS say of all rows alike is told in a line. readable: what Markdown and
    LaTeX show in place of the rows, where that is not their numbers alone. record: of a run, that its name links to.
    """

    title: str
    rows: pd.DataFrame
    notes: list[str]
    readable: pd.DataFrame | None = None
    record: str = "eval.json"

    @classmethod
    def of(
        cls,
        title: str,
        rows: Iterable[Mapping[str, Any]],
        notes: Iterable[str],
        readable: Iterable[Mapping[str, str]] | None = None,
        why: Mapping[str, str] | None = None,
        record: str = "eval.json",
    ) -> "Table":
        """rows, readable: a mapping each, from column to value. why: of a column, why it lacks values where it does."""
        text = None if readable is None else pd.DataFrame(list(readable))
        numbers = pd.DataFrame(list(rows), dtype=object)  # 3 stays whole beside a missing one
        return cls(title, numbers, [*notes, *_reasons(numbers, why or {})], text, record)

    def write(self, path: Path, origin: Origin, runs: Sequence[Run]) -> None:
        """Write path.csv (plain numbers), path.md (runs as links), path.tex and path.json (its record)."""
        TableRecord(
            origin=origin,
            name=path.name,
            files={
                suffix: write_hashed(path.with_suffix(f".{suffix}"), text.encode())
                for suffix, text in self.texts(path.name).items()
            },
            runs=[run.name for run in runs],
            title=self.title,
            notes=self.notes,
        ).write(path.with_suffix(".json"))

    def texts(self, name: str) -> dict[str, str]:
        """The contents of its files, by their suffixes; name: of the table."""
        return {"csv": self.csv(), "md": self.markdown(), "tex": self.latex(name)}

    def csv(self) -> str:
        return self.rows.to_csv(index=False)

    def markdown(self) -> str:
        columns = self._columns()
        shown = {column.name: [cell.replace("|", r"\|") for cell in column.cells] for column in columns}
        sides = ["right" if column.is_numeric else "left" for column in columns]
        table = pd.DataFrame(shown).to_markdown(index=False, disable_numparse=True, colalign=sides if columns else None)
        notes = "".join(f"- {note}\n" for note in self._shown_notes())
        return f"# {self.title}\n\n{table}\n\n{notes}"

    def latex(self, name: str) -> str:
        columns = [column for column in self._columns() if column.name != "runs"]
        return latex(self.title, columns, self._shown_notes(), f"tab:{name}")

    def _columns(self) -> list[Column]:
        if self.readable is not None:
            return readable_columns(self.readable)
        columns = columns_of(self.rows)
        return [
            replace(each, cells=[_links(cell, self.record) for cell in each.cells]) if each.name == "runs" else each
            for each in columns
        ]

    def _shown_notes(self) -> list[str]:
        if self.readable is not None:
            return self.notes
        of_all = told(self.rows)
        empty = [name.removesuffix(LOW) for name in empty_columns(self.rows) if not name.endswith((HIGH, SPREAD))]
        empty = [name for name in empty if not any(name in note for note in self.notes)]
        return [
            *([f"Of each row: {', '.join(of_all)}."] if of_all else []),
            *([f"Of no row: {', '.join(empty)}."] if empty else []),
            *self.notes,
        ]


def _reasons(rows: pd.DataFrame, why: Mapping[str, str]) -> list[str]:
    """A note for each reason why columns lack values; columns: by their names, of an interval without " low"."""
    lacking: dict[str, list[str]] = {}
    for name, reason in why.items():
        values = rows.get(name, rows.get(f"{name} low"))
        if values is not None and values.isna().any():
            lacking.setdefault(reason, []).append(name)
    return [f"{NOT_AVAILABLE} for {_listed(names)}: {reason}." for reason, names in lacking.items()]


def _listed(names: Sequence[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last


def _links(names: str, record: str) -> str:
    return ", ".join(f"[{name}](../runs/{name}/{record})" for name in names.split())

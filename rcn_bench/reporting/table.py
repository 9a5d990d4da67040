"""A table, and its files: plain numbers, Markdown, LaTeX, and a record of where it comes from."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from rcn_bench.plan.run import Run
from rcn_bench.provenance import Origin
from rcn_bench.records.base import write_hashed
from rcn_bench.records.products import TableRecord

NOT_AVAILABLE = "n/a"
COUNTS = ("videos", "clips", "videos skipped", "seeds")  # shown in a line where no rows differ in them
LATEX = str.maketrans(
    {sign: f"\\{sign}" for sign in "%_&#${}"}
    | {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
)


@dataclass(frozen=True)
class Table:
    """A table and what its reader must know.

    rows: None is a value that is not available. Columns that end in " low" and " high" are the ends of an interval,
    those that end in % are shown with one decimal place; the names of runs in a column "runs" become links. COUNTS in
    which no rows differ are shown in a line, not in a column. readable: what Markdown and LaTeX show in place of the
    rows, where that is not their numbers alone.
    """

    title: str
    rows: pd.DataFrame
    notes: list[str]
    readable: pd.DataFrame | None = None

    @classmethod
    def of(
        cls,
        title: str,
        rows: Iterable[Mapping[str, Any]],
        notes: Iterable[str],
        readable: Iterable[Mapping[str, str]] | None = None,
    ) -> "Table":
        """rows, readable: a mapping each, from column to value."""
        text = None if readable is None else pd.DataFrame(list(readable))
        numbers = pd.DataFrame(list(rows), dtype=object)  # 3 stays whole beside a missing one
        return cls(title, numbers, list(notes), text)

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
        shown = self._shown()
        if "runs" in shown:
            shown["runs"] = [_links(names) for names in shown["runs"]]
        notes = "".join(f"- {note}\n" for note in self._shown_notes())
        return f"# {self.title}\n\n{shown.to_markdown(index=False, disable_numparse=True)}\n\n{notes}"

    def latex(self, name: str) -> str:
        caption = f"{self.title}. {' '.join(self._shown_notes())}".translate(LATEX)  # pandas escapes cells only
        rows = self._shown().drop(columns="runs", errors="ignore")
        return rows.to_latex(index=False, escape=True, caption=caption, label=f"tab:{name}")

    def _counts_of_all(self) -> list[str]:
        if self.readable is not None:
            return []
        return [name for name in COUNTS if name in self.rows and self.rows[name].nunique(dropna=False) == 1]

    def _shown_notes(self) -> list[str]:
        told = [f"{name} {_text(self.rows[name].iloc[0], percent=False)}" for name in self._counts_of_all()]
        return [*([f"Of each row: {', '.join(told)}."] if told else []), *self.notes]

    def _shown(self) -> pd.DataFrame:
        """The rows as text: an interval's two columns become one."""
        if self.readable is not None:
            return self.readable.copy()
        shown = pd.DataFrame(index=self.rows.index)
        for column in map(str, self.rows.drop(columns=self._counts_of_all())):
            if column.endswith(" low"):
                name = column.removesuffix(" low")
                ends = zip(self.rows[column], self.rows[f"{name} high"], strict=True)
                shown[name] = [_interval(low, high) for low, high in ends]
            elif not column.endswith(" high"):
                shown[column] = [_text(value, percent=column.endswith("%")) for value in self.rows[column]]
        return shown


def _text(value: Any, percent: bool) -> str:
    if value is None or (isinstance(value, float) and pd.isna(value)):
        return NOT_AVAILABLE
    if isinstance(value, float):
        return f"{value:.1f}" if percent or abs(value) >= 100 else f"{value:.3g}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def _interval(low: float | None, high: float | None) -> str:
    if pd.isna(low):
        return NOT_AVAILABLE
    return f"{low:.1f}-{high:.1f}" if low >= 0 else f"{low:.1f} to {high:.1f}"


def _links(names: str) -> str:
    return ", ".join(f"[{name}](../runs/{name}/eval.json)" for name in names.split())

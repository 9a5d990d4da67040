"""The paper's claims, each tested on what the experiment's other tables and figures show; docs/claims.md has the rules.

A start is a run but for its seed, such as rcn18-t8-xh_stills-hh_identity.
"""

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar, cast

from rcn_bench.plan.products.base import (
    CostsOf,
    Product,
    Rows,
    evaluations,
    hidden_states,
    merge_costs,
    product,
)
from rcn_bench.plan.products.figures import Figure1, Figure2, Figure3, LifetimeAccuracy
from rcn_bench.plan.products.tables import Table1, Table2, Table3, Table4, Table5, Table6, accuracy_settings
from rcn_bench.plan.run import Run, base_model
from rcn_bench.plan.schema import plain

Shown = TypeVar("Shown", bound=Product)
FEWEST_SEEDS = 4  # in every row of a claim on accuracy
READ = (Table1, Table2, Table3, Table4, Table5, Table6, Figure1, Figure2, Figure3, LifetimeAccuracy)


def start_of(run: Run) -> str:
    return run.name.rpartition("-s")[0]


@dataclass(frozen=True)
class Tested(Product):
    """What claims are tested on: no run, profile or certificate of its own, but those that the products READ show."""

    def shown(self, cls: type[Shown]) -> Shown | None:
        """The table or figure of this class, if the experiment has it."""
        kind, name = cls.section
        sections = self.experiment.tables if kind == "tables" else self.experiment.figures
        return cast(Shown, cls.of(self.experiment, sections[name])) if name in sections else None

    @cached_property
    def trainings(self) -> dict[str, list[Run]]:
        """All runs that are shown, by start."""
        found: dict[str, list[Run]] = {}
        for run in sorted({run for cls in READ if (shown := self.shown(cls)) for run in shown.runs()}):
            found.setdefault(start_of(run), []).append(run)
        return found

    @property
    def inits(self) -> list[str]:
        """The four starts of Table 1, or fewer, in its order."""
        table = self.shown(Table1)
        return [start_of(runs[0]) for runs in table.rows().values() if runs] if table else []

    def peer(self, family: str) -> str:
        """The network of a family, i3d or r2plus1d, that is as deep as Table 1's; empty without Table 1."""
        table = self.shown(Table1)
        depth = re.search(r"\d+$", base_model(table.model)) if table else None
        return f"{family}{depth[0]}" if depth else ""

    @property
    def by_length(self) -> dict[str, dict[int, str]]:
        """The starts of Table 3, by model and clip length."""
        table = self.shown(Table3)
        found: dict[str, dict[int, str]] = {}
        for (model, frames), runs in table.rows().items() if table else ():
            found.setdefault(model, {})[frames] = start_of(runs[0])
        return found

    @property
    def identities(self) -> list[str]:
        """The starts with identity w_hh that Figures 1 and 2 show."""
        figures = [shown for cls in (Figure1, Figure2) if (shown := self.shown(cls))]
        runs = [run for figure in figures for run in figure.runs() if run.w_hh == "identity"]
        return list(dict.fromkeys(map(start_of, runs)))

    @property
    def in_figure3(self) -> list[str]:
        figure = self.shown(Figure3)
        return [start_of(run) for run in figure.runs()] if figure else []

    @property
    def aged(self) -> dict[tuple[str, int], str]:
        """The starts whose lifetime is shown, by model and clip length."""
        figure = self.shown(LifetimeAccuracy)
        return {row: start_of(runs[0]) for row, runs in figure.rows().items()} if figure else {}

    @property
    def compared(self) -> list[str]:
        """The starts whose accuracies claims compare, those that are shown."""
        architectures, named = self.shown(Table2), [*self.inits]
        named += [start_of(runs[0]) for runs in architectures.rows().values() if runs] if architectures else []
        named += [start for starts in self.by_length.values() for start in starts.values()]
        return list(dict.fromkeys(named))

    def rows(self) -> Rows:
        return {start: self.trainings[start] for start in self._starts}

    @property
    def _starts(self) -> list[str]:
        return [*self.compared, *self.identities, *self.in_figure3, *self.aged.values()]

    def counted(self) -> CostsOf:
        """The models whose counts and memory are shown, with the clip lengths at which they are."""
        return merge_costs(shown.profiled() for cls in READ if (shown := self.shown(cls)))

    def reads(self) -> list[Path]:
        paths, rows = self.experiment.paths, self.rows()
        scored = [run for start in self.compared for run in rows[start]]
        recurrent = sorted({run for start in [*self.identities, *self.in_figure3] for run in rows[start]})
        found = [*evaluations(self.experiment, scored), *(paths.metrics(run) for run in scored)]
        found += [*hidden_states(self.experiment, recurrent), *map(paths.profile, self.counted())]
        for cls in (Table5, LifetimeAccuracy):
            found += shown.reads() if (shown := self.shown(cls)) else []
        return list(dict.fromkeys(found))

    def settings(self) -> dict[str, Any]:
        shown = {cls.name: plain(found) for cls in READ if (found := self.shown(cls))}
        return accuracy_settings(self.experiment) | {"stem_pool": self.experiment.stem_pool, "shown": shown}


@product
@dataclass(frozen=True)
class Claims(Tested):
    """What the records say of each claim."""

    kind = "table"
    name = "claims"
    section = ("tables", "claims")
    builder = "rcn_bench.reporting.claims.table:claims_table"


@product
@dataclass(frozen=True)
class Forest(Tested):
    """The effects that decide the claims on accuracy, with their intervals."""

    kind = "figure"
    name = "forest"
    section = ("figures", "forest")
    builder = "rcn_bench.reporting.claims.forest:forest"

"""A table and a figure of trainings themselves: of those that the experiment's other tables and figures show."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rcn_bench.code import find_products
from rcn_bench.errors import InputError
from rcn_bench.plan.experiment import Experiment
from rcn_bench.plan.products import classes, figures, league, tables
from rcn_bench.plan.products.base import Product, Rows, product, registered, trained_at
from rcn_bench.plan.run import BATCH_FRAMES, Run


@dataclass(frozen=True)
class OfTrainings(Product):
    """Those that others show; it asks for no run of its own."""

    def rows(self) -> Rows:
        """By model, clip length, w_xh and w_hh: models as the config lists them, random starts first."""
        place = {model: number for number, model in enumerate(self.experiment.models)}
        for model, number in list(place.items()):
            place.setdefault(trained_at(BATCH_FRAMES, model), number)

        def order(run: Run) -> tuple[Any, ...]:
            model = place.get(run.variant, len(place)), run.variant  # a plugin's may be of a model that is not listed
            return *model, run.frames, run.w_xh != "random", run.w_hh != "random", run.seed

        found: dict[tuple[str, int, str, str | None], list[Run]] = {}
        for run in sorted(_shown(self.experiment), key=order):
            found.setdefault((run.variant, run.frames, run.w_xh, run.w_hh), []).append(run)
        return found

    def reads(self) -> list[Path]:
        paths = self.experiment.paths
        return [path for run in self.runs() for path in (paths.metrics(run), paths.training(run))]

    def check(self) -> None:
        if not self.rows():
            raise InputError(f"{self.place}: no table or figure shows a training; add one, such as tables.table1")


@product
@dataclass(frozen=True)
class Trainings(OfTrainings):
    """What each training took: updates, their time, minutes of a GPU, memory; it asks for no run of its own."""

    kind = "table"
    name = "trainings"
    section = ("tables", "trainings")
    builder = "rcn_bench.reporting.trainings:trainings"

    def settings(self) -> dict[str, Any]:
        return {
            "name": self.experiment.name,
            "twins": self.experiment.dataset.twins,
            "frames_per_batch": self.experiment.train.frames_per_batch,
        }


@product
@dataclass(frozen=True)
class LearningCurves(OfTrainings):
    """Loss and accuracy in training, epoch by epoch; it asks for no run of its own."""

    kind = "figure"
    name = "learning_curves"
    section = ("figures", "learning_curves")
    builder = "rcn_bench.reporting.learning:learning_curves"


def _shown(experiment: Experiment) -> set[Run]:
    sections = {"tables": experiment.tables, "figures": experiment.figures}
    modules = [*(module.__name__ for module in (tables, figures, league, classes)), *find_products(experiment.plugins)]
    others = [cls for cls in registered(modules).values() if not issubclass(cls, OfTrainings)]
    asked = [(cls, sections[cls.section[0]]) for cls in others]
    shown = [cls.of(experiment, section[cls.section[1]]) for cls, section in asked if cls.section[1] in section]
    return {run for each in shown for run in each.runs()}

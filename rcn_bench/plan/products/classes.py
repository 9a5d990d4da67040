"""What is right and wrong by class: a table of accuracies, and a figure of what classes are taken for."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rcn_bench.plan.products.base import (
    Frames,
    Models,
    Product,
    Rows,
    default_runs,
    evaluations,
    product,
    require_listed,
    require_runs,
)
from rcn_bench.plan.products.tables import accuracy_settings


@dataclass(frozen=True)
class OfModels(Product):
    """Models at one clip length, pretrained with identity w_hh where a model can be."""

    models: Models
    frames: Frames

    def rows(self) -> Rows:
        """By model."""
        return {model: default_runs(self.experiment, model, self.frames) for model in self.models}

    def reads(self) -> list[Path]:
        return evaluations(self.experiment, self.runs())

    def settings(self) -> dict[str, Any]:
        return accuracy_settings(self.experiment)

    def check(self) -> None:
        require_listed(self, self.models, ".models")
        require_runs(self, self.rows())


@product
@dataclass(frozen=True)
class PerClass(OfModels):
    """The accuracy of every class, and what it is taken for."""

    kind = "table"
    name = "per_class"
    section = ("tables", "per_class")
    builder = "rcn_bench.reporting.classes:per_class"


@product
@dataclass(frozen=True)
class Confusion(OfModels):
    """Which class is taken for which, twins apart from others."""

    kind = "figure"
    name = "confusion"
    section = ("figures", "confusion")
    builder = "rcn_bench.reporting.classes:confusion"

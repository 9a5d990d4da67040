"""The league: models that run on live video, how accurate they are, and what that costs on one machine."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from rcn_bench.plan.experiment import Experiment
from rcn_bench.plan.products.base import (
    CostsOf,
    Frames,
    Models,
    Product,
    Rows,
    costs_of,
    default_runs,
    product,
    require_listed,
)
from rcn_bench.plan.run import base_model
from rcn_bench.plan.schema import Limits, key, parse_section

SECTION = "league"
AtOnce = Annotated[int, Limits(minimum=2, maximum=10**5)]


@dataclass(frozen=True)
class League(Product):
    """Models by name; those under models of the config are trained, and the others' accuracies left empty."""

    models: Models
    frames: Frames
    videos: Annotated[list[AtOnce], Limits(uniqueItems=True)] = key(
        "live videos at once, whose new frames are one batch, for each of which frames a second are measured",
        [8, 64, 512],
    )

    section = ("tables", SECTION)

    def rows(self) -> Rows:
        """By model."""
        return {model: default_runs(self.experiment, model, self.frames) for model in self.models}

    def reads(self) -> list[Path]:
        paths, tables = self.experiment.paths, [self.experiment.paths.online(run) for run in self.runs()]
        records = [path.with_suffix(".json") for path in tables]
        trainings = [paths.training(run) for run in self.runs()]
        return [*tables, *records, *trainings, paths.league, paths.causality]

    def settings(self) -> dict[str, Any]:
        return {"twins": self.experiment.dataset.twins, "crop": self.experiment.clip.crop}

    def certified(self) -> CostsOf:
        return costs_of(self.models, [self.frames])

    def check(self) -> None:
        require_listed(self, [model for model in self.models if "+" in model], ".models")

    @property
    def costed(self) -> Sequence[str]:
        """The models that are measured, each once; an ablation costs as much as its model."""
        return list(dict.fromkeys(map(base_model, self.models)))


@product
@dataclass(frozen=True)
class LeagueTable(League):
    """The league: accuracy while a video is seen, latency, frames a second, GMACs, state, energy and certificate."""

    kind = "table"
    name = "league"
    builder = "rcn_bench.reporting.league:league"


@product
@dataclass(frozen=True)
class AccuracyByLatency(League):
    """Video accuracy against the time that a new frame takes."""

    kind = "figure"
    name = "accuracy_by_latency"
    builder = "rcn_bench.reporting.league:accuracy_by_latency"


def league_of(experiment: Experiment) -> League | None:
    """The section of a config; None of one without."""
    section = experiment.tables.get(SECTION)
    return None if section is None else parse_section(League, section, experiment=experiment)

"""The figures: the paper's three of w_hh, accuracy as a video is seen, by a state's age, by cost."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from rcn_bench.plan.experiment import Experiment
from rcn_bench.plan.products.base import (
    CostsOf,
    Frames,
    Lengths,
    Models,
    Product,
    Rows,
    costs_of,
    default_runs,
    default_w_xh,
    evaluations,
    hidden_states,
    init_runs,
    merge_costs,
    product,
    require_listed,
    require_runs,
    require_starts,
)
from rcn_bench.plan.products.tables import Inits, accuracy_settings, cost_settings
from rcn_bench.plan.run import Run
from rcn_bench.plan.schema import Limits, Schema, key, parse, schema_of

PANELS = "abcdefgh"


@product
@dataclass(frozen=True)
class Figure1(Inits):
    """Figure 1 (a-d): statistics of w_hh for the inits of Table 1."""

    kind = "figure"
    name = "figure1"
    builder = "rcn_bench.reporting.weights:figure1"

    def rows(self) -> Rows:
        """By panel."""
        return dict(zip(PANELS, super().rows().values(), strict=False))

    def reads(self) -> list[Path]:
        return hidden_states(self.experiment, self.runs())


@product
@dataclass(frozen=True)
class Figure2(Product):
    """Figure 2 (a, b): statistics of w_hh of two depths at the longer clip length."""

    models: Annotated[Models, Limits(maxItems=len(PANELS))]
    frames: Frames
    seeds: Annotated[int, Limits(minimum=1)] = key("how many of a model's seeds, the first ones", 1)

    kind = "figure"
    name = "figure2"
    section = ("figures", "figure2")
    builder = "rcn_bench.reporting.weights:figure2"

    def rows(self) -> Rows:
        """Random w_xh, identity w_hh, a panel a model; the last again from pretrained weights.

        The caption of (b), the paper's last, can be read as either start, so both are drawn.
        """
        starts = {panel: (model, "random") for panel, model in zip(PANELS, self.models, strict=False)}
        if self.experiment.pretrained is not None:
            starts[f"{max(starts)}'"] = (self.models[-1], self.experiment.pretrained)
        return {
            panel: [
                Run.of(model, self.frames, w_xh, "identity", seed)
                for seed in self.experiment.seeds_of(model)[: self.seeds]
            ]
            for panel, (model, w_xh) in starts.items()
        }

    def reads(self) -> list[Path]:
        return hidden_states(self.experiment, self.runs())

    def check(self) -> None:
        require_listed(self, self.models, ".models")
        for model in self.models:
            require_starts(self, model, {"w_xh": ["random"], "w_hh": ["identity"]})
        if self.experiment.pretrained is not None:
            require_starts(self, self.models[-1], {"w_xh": [self.experiment.pretrained]})


@product
@dataclass(frozen=True)
class Figure3(Inits):
    """Figure 3: w_hh of every layer as a heat map, of the last init of Table 1, the best there; it names none."""

    kind = "figure"
    name = "figure3"
    builder = "rcn_bench.reporting.weights:figure3"

    def rows(self) -> Rows:
        *_, last = super().rows().values()
        return {"": last[:1]}

    def reads(self) -> list[Path]:
        return _with_matrices(self.experiment, self.runs())


def _with_matrices(experiment: Experiment, runs: Sequence[Run]) -> list[Path]:
    matrices = [experiment.paths.hidden_state(run).with_suffix(".safetensors") for run in runs]
    return [*hidden_states(experiment, runs), *matrices]


@product
@dataclass(frozen=True)
class Eigenvalues(Product):
    """Eigenvalues of w_hh, and how fast the hidden state forgets by them, layer by layer."""

    model: str
    frames: Frames
    w_hh: Annotated[list[Literal["random", "identity"]], Limits(minItems=1, uniqueItems=True)] = key(
        "what it starts from, a row of panels each", ["random", "identity"]
    )
    seeds: Annotated[int, Limits(minimum=1)] = key("how many of the model's seeds, the first ones", 1)

    kind = "figure"
    name = "eigenvalues"
    section = ("figures", "eigenvalues")
    builder = "rcn_bench.reporting.eigenvalues:eigenvalues"

    def rows(self) -> Rows:
        """By w_hh's start, from pretrained w_xh if the model can have it."""
        w_xh = default_w_xh(self.experiment, self.model)
        return {
            w_hh: init_runs(self.experiment, self.model, self.frames, w_xh, w_hh)[: self.seeds] for w_hh in self.w_hh
        }

    def reads(self) -> list[Path]:
        return _with_matrices(self.experiment, self.runs())

    def check(self) -> None:
        require_listed(self, [self.model], ".model")
        require_starts(self, self.model, {"w_hh": self.w_hh})


@dataclass(frozen=True)
class OfLengths(Product):
    """A figure of models trained on clips of some lengths: rcn18: [8, 16]."""

    lengths: dict[str, Lengths]

    @classmethod
    def schema(cls) -> Schema:
        return schema_of(dict[str, Lengths]) | {"minProperties": 1}

    @classmethod
    def of(cls, experiment: Experiment, section: Any) -> Self:
        return cls(experiment, parse(dict[str, Lengths], section))

    def rows(self) -> Rows:
        """(model, frames)."""
        return {
            (model, frames): default_runs(self.experiment, model, frames)
            for model, lengths in self.lengths.items()
            for frames in lengths
        }

    def check(self) -> None:
        require_listed(self, list(self.lengths), "")
        require_runs(self, self.rows(), lambda row: row[0])

    def _reads(self, table: Callable[[Run], Path]) -> list[Path]:
        """Each run's table, the record beside it, and that of its training."""
        tables = [table(run) for run in self.runs()]
        records = [path.with_suffix(".json") for path in tables]
        return tables + records + [self.experiment.paths.training(run) for run in self.runs()]


@product
@dataclass(frozen=True)
class OnlineAccuracy(OfLengths):
    """Video accuracy against the share of a video seen."""

    kind = "figure"
    name = "online_accuracy"
    section = ("figures", "online_accuracy")
    builder = "rcn_bench.reporting.online:online_accuracy"

    def reads(self) -> list[Path]:
        return self._reads(self.experiment.paths.online)

    def settings(self) -> dict[str, Any]:
        return {"twins": self.experiment.dataset.twins}


@product
@dataclass(frozen=True)
class LifetimeAccuracy(OfLengths):
    """Accuracy against the frames since a network's state last began anew."""

    kind = "figure"
    name = "lifetime"
    section = ("figures", "lifetime")
    builder = "rcn_bench.reporting.lifetime:lifetime"

    def reads(self) -> list[Path]:
        return self._reads(self.experiment.paths.lifetime)

    def check(self) -> None:
        super().check()
        for run in self.runs():
            self.experiment.lifetime_of(run)


@dataclass(frozen=True)
class OfLengthsWithCosts(OfLengths):
    """A figure of accuracies beside parameters, GMACs, memory and clips a second."""

    def reads(self) -> list[Path]:
        paths = self.experiment.paths
        return [*evaluations(self.experiment, self.runs()), *map(paths.profile, self.profiled()), paths.throughput]

    def settings(self) -> dict[str, Any]:
        return accuracy_settings(self.experiment) | cost_settings(self.experiment)

    def profiled(self) -> CostsOf:
        return merge_costs(costs_of([model], lengths) for model, lengths in self.lengths.items())

    def timed(self) -> CostsOf:
        return self.profiled()


@product
@dataclass(frozen=True)
class AccuracyByCost(OfLengthsWithCosts):
    """Video accuracy against parameters, GMACs, memory and clips a second."""

    kind = "figure"
    name = "cost"
    section = ("figures", "cost")
    builder = "rcn_bench.reporting.accuracy_by_cost:accuracy_by_cost"


@product
@dataclass(frozen=True)
class ClipLength(OfLengthsWithCosts):
    """Video accuracy, memory and clips a second in training against the frames of a clip."""

    kind = "figure"
    name = "clip_length"
    section = ("figures", "clip_length")
    builder = "rcn_bench.reporting.clip_length:clip_length"

"""The tables: Table 1 of the paper, and those that its text asks for."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

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
    default_w_hh,
    evaluations,
    hidden_states,
    init_runs,
    merge_costs,
    product,
    require_listed,
    require_plain,
    require_runs,
    require_starts,
    w_xh_inits,
)
from rcn_bench.plan.run import base_model


@dataclass(frozen=True)
class Inits(Product):
    """The four inits of one model: what Table 1, Figure 1 and Figure 3 show."""

    model: str
    frames: Frames

    section = ("tables", "table1")

    def rows(self) -> Rows:
        """(w_xh, w_hh), in the paper's order."""
        inits = [(w_xh, w_hh) for w_xh in w_xh_inits(self.experiment) for w_hh in ("random", "identity")]
        return {init: init_runs(self.experiment, self.model, self.frames, *init) for init in inits}

    def check(self) -> None:
        require_listed(self, [self.model], ".model")
        require_plain(self, [self.model], ".model")
        require_starts(self, self.model, {"w_xh": w_xh_inits(self.experiment), "w_hh": ["random", "identity"]})


def accuracy_settings(experiment: Experiment) -> dict[str, Any]:
    """What a reader of accuracies is told of how they were taken."""
    return {
        "name": experiment.name,
        "pretrained": experiment.pretrained,
        "evaluation_clips": experiment.clip.evaluation_clips,
        "evaluation_crops": experiment.clip.evaluation_crops,
        "twins": experiment.dataset.twins,
    }


def cost_settings(experiment: Experiment) -> dict[str, Any]:
    """What costs that stand beside accuracies depend on."""
    return {"stem_pool": experiment.stem_pool, "crop": experiment.clip.crop, "size": experiment.profile_size}


@product
@dataclass(frozen=True)
class Table1(Inits):
    """Table 1: the four inits of RCN, measured, beside the paper's figures where they are comparable."""

    kind = "table"
    name = "table1_init"
    builder = "rcn_bench.reporting.accuracy:table1"

    def reads(self) -> list[Path]:
        stills = [self.stills] if self.experiment.pretrained == "stills" else []
        return evaluations(self.experiment, self.runs()) + stills

    @property
    def stills(self) -> Path:
        """The record of the network trained on stills that half of the rows start from."""
        return self.experiment.paths.pretrained(self.experiment.trunk(self.model)).with_suffix(".json")

    def settings(self) -> dict[str, Any]:
        return accuracy_settings(self.experiment)


@product
@dataclass(frozen=True)
class Table2(Product):
    """Table 2: every architecture, from random and from pretrained weights."""

    models: Models
    frames: Frames

    kind = "table"
    name = "table2_architectures"
    section = ("tables", "table2")
    builder = "rcn_bench.reporting.accuracy:table2"

    def rows(self) -> Rows:
        """(model, w_xh); no runs where a model cannot start so."""
        return {
            (model, w_xh): init_runs(self.experiment, model, self.frames, w_xh, default_w_hh(self.experiment, model))
            for model in self.models
            for w_xh in w_xh_inits(self.experiment)
        }

    def reads(self) -> list[Path]:
        profiles = [self.experiment.paths.profile(model) for model in self.profiled()]
        return evaluations(self.experiment, self.runs()) + profiles

    def settings(self) -> dict[str, Any]:
        shown = {"stem_pool": self.experiment.stem_pool, "num_classes": self.experiment.profile.num_classes}
        return accuracy_settings(self.experiment) | shown

    def profiled(self) -> CostsOf:
        return costs_of(self.models, [self.frames])

    def check(self) -> None:
        require_listed(self, self.models, ".models")
        rows = self.rows()
        require_runs(
            self, {model: [run for row in rows if row[0] == model for run in rows[row]] for model in self.models}
        )


@product
@dataclass(frozen=True)
class Table3(Product):
    """Table 3: accuracy, memory and time at each clip length."""

    models: Models
    frames: Lengths

    kind = "table"
    name = "table3_clip_length"
    section = ("tables", "table3")
    builder = "rcn_bench.reporting.accuracy:table3"

    def rows(self) -> Rows:
        """(model, frames), pretrained with identity w_hh where the model can be."""
        return {
            (model, frames): default_runs(self.experiment, model, frames)
            for model in self.models
            for frames in self.frames
        }

    def reads(self) -> list[Path]:
        paths = self.experiment.paths
        costs = [*(paths.profile(model) for model in self.profiled()), paths.throughput]
        return evaluations(self.experiment, self.runs()) + costs

    def settings(self) -> dict[str, Any]:
        return accuracy_settings(self.experiment) | cost_settings(self.experiment)

    def profiled(self) -> CostsOf:
        return costs_of(self.models, self.frames)

    def timed(self) -> CostsOf:
        return self.profiled()

    def check(self) -> None:
        require_listed(self, self.models, ".models")
        require_runs(self, self.rows(), lambda row: row[0])


@dataclass(frozen=True)
class Costs(Product):
    """The models of Tables 4 and 6, trained here or not."""

    models: Models
    frames: Lengths

    section = ("tables", "table4")

    def reads(self) -> list[Path]:
        return [self.experiment.paths.profile(model) for model in self.profiled()]

    def settings(self) -> dict[str, Any]:
        return {"stem_pool": self.experiment.stem_pool}

    def profiled(self) -> CostsOf:
        return costs_of(self.models, self.frames)

    def check(self) -> None:
        require_plain(self, self.models, ".models")


@product
@dataclass(frozen=True)
class Table4(Costs):
    """Table 4: parameters, GMACs and throughput of every model, on clips and on live video."""

    kind = "table"
    name = "table4_cost"
    builder = "rcn_bench.reporting.cost:table4"

    def reads(self) -> list[Path]:
        return [*super().reads(), self.experiment.paths.throughput]

    def settings(self) -> dict[str, Any]:
        return super().settings() | {"reference": self.reference, "crop": self.experiment.clip.crop}

    def timed(self) -> CostsOf:
        model, frames = self.reference
        return merge_costs([self.profiled(), {model: [frames]}])

    @property
    def reference(self) -> tuple[str, int]:
        """The model and clip length that live video is compared with: those of Table 1, if it is made."""
        inits = self.experiment.tables.get("table1", {"model": self.models[0], "frames": self.frames[0]})
        return base_model(inits["model"]), inits["frames"]


@product
@dataclass(frozen=True)
class Table5(Product):
    """Table 5: the causality certificate of every model, its temporal receptive field and resolution."""

    models: Models
    frames: Frames

    kind = "table"
    name = "table5_causality"
    section = ("tables", "table5")
    builder = "rcn_bench.reporting.causality:table5"

    def reads(self) -> list[Path]:
        return [self.experiment.paths.causality]

    def certified(self) -> CostsOf:
        return costs_of(self.models, [self.frames])

    def check(self) -> None:
        require_plain(self, self.models, ".models")


@product
@dataclass(frozen=True)
class Table6(Costs):
    """Table 6: memory of every model and clip length, and the largest batch that fits the card."""

    kind = "table"
    name = "table6_memory"
    builder = "rcn_bench.reporting.cost:table6"

    def settings(self) -> dict[str, Any]:
        size, profile = self.experiment.profile_size, self.experiment.profile
        shown = {"size": size, "num_classes": profile.num_classes, "memory_gib": profile.memory_gib}
        return super().settings() | shown


@product
@dataclass(frozen=True)
class HiddenStateChange(Inits):
    """How far training moves w_hh from its start, by layer, for inits such as those of Table 1."""

    kind = "table"
    name = "w_hh"
    section = ("tables", "w_hh")
    builder = "rcn_bench.reporting.weights:change_table"

    def reads(self) -> list[Path]:
        return hidden_states(self.experiment, self.runs())

    def settings(self) -> dict[str, Any]:
        return {"name": self.experiment.name, "twins": self.experiment.dataset.twins}

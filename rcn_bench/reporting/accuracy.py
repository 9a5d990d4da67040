"""Tables 1 to 3: the accuracy of inits, architectures and clip lengths. Every row names the runs that it comes from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from rcn_bench.errors import InputError
from rcn_bench.intervals import accuracy_interval
from rcn_bench.plan.experiment import Experiment
from rcn_bench.plan.products.base import Product
from rcn_bench.plan.products.tables import Table1, Table2, Table3
from rcn_bench.plan.run import Run, base_model
from rcn_bench.records.runs import Evaluation
from rcn_bench.reporting import paper
from rcn_bench.reporting.cost import MIB, best_memory, find_row, memory_note, timing_note
from rcn_bench.reporting.results import read_evaluation, read_pretrained, read_profile, read_throughput
from rcn_bench.reporting.table import NOT_AVAILABLE, Table


def table1(product: Table1) -> Table:
    """Table 1: the four inits of RCN, measured, beside the paper's if they are of this model and clip length."""
    experiment = product.experiment
    accuracies = Accuracies.of(product)
    beside_paper = (product.model, product.frames) == paper.TABLE1_IS_OF
    rows = [
        {
            "w_xh": w_xh,
            "w_hh": w_hh,
            **accuracies.cells(runs),
            **(_papers_cells(w_xh, w_hh) if beside_paper else {}),
            **accuracies.sources(runs),
        }
        for (w_xh, w_hh), runs in product.rows().items()
    ]
    notes = _accuracy_notes(experiment)
    if experiment.pretrained == "stills":
        stills = read_pretrained(experiment, experiment.trunk(product.model))
        notes.append(
            f"The network trained on stills has {100 * stills.held_out_accuracy:.1f} % on {stills.held_out_stills} "
            "held-out stills."
        )
    if beside_paper:
        notes += _paper_notes(experiment)
    title = f"Table 1. Inits of {product.model} at {product.frames} frames on {_data_set(experiment)}"
    return Table.of(title, rows, notes)


def _papers_cells(w_xh: str, w_hh: str) -> dict[str, float]:
    clip, video = paper.TABLE1["random" if w_xh == "random" else "imagenet", w_hh]
    return {"paper, on Kinetics: clip acc %": clip, "paper, on Kinetics: video acc %": video}


def _paper_notes(experiment: Experiment) -> list[str]:
    if experiment.pretrained != "stills":
        return [paper.TABLE1_CAVEAT]
    return [
        paper.TABLE1_CAVEAT,
        "The paper's pretrained rows start from ImageNet; here w_xh is pretrained on stills of the embedded data set, "
        "so compare the pattern, not the level.",
    ]


def table2(product: Table2) -> Table:
    """Table 2: every architecture, from random and from pretrained weights."""
    experiment = product.experiment
    accuracies = Accuracies.of(product)
    rows = []
    for (model, w_xh), runs in product.rows().items():
        profile, path = read_profile(experiment, base_model(model)), experiment.paths.profile(base_model(model))
        costs = find_row(profile.rows, base_model(model), product.frames, experiment.stem_pool, path)
        rows.append(
            {
                "model": model,
                "w_xh": w_xh,
                "stem pool": costs.stem_pool,
                "parameters": costs.parameters,
                **accuracies.cells(runs),
                **accuracies.sources(runs),
            }
        )
    notes = [
        *_accuracy_notes(experiment),
        f"Parameters at {experiment.profile.num_classes} classes. {NOT_AVAILABLE}: the model cannot start from 2D "
        "weights, or the config does not list that start. Recurrent models have identity w_hh. c2d ignores the order "
        "of frames.",
    ]
    return Table.of(f"Table 2. Architectures at {product.frames} frames on {_data_set(experiment)}", rows, notes)


def table3(product: Table3) -> Table:
    """Table 3: accuracy, memory and time at each clip length."""
    experiment, paths = product.experiment, product.experiment.paths
    accuracies, throughput = Accuracies.of(product), read_throughput(experiment)
    rows = []
    for (model, frames), runs in product.rows().items():
        name, stem_pool = base_model(model), experiment.stem_pool
        costs = find_row(read_profile(experiment, name).rows, name, frames, stem_pool, paths.profile(name))
        speed = find_row(throughput.rows, name, frames, stem_pool, paths.throughput)
        memory, kind = best_memory(costs)
        rows.append(
            {
                "model": model,
                "frames": frames,
                "w_xh": runs[0].w_xh,
                **accuracies.cells(runs),
                "training MiB/clip": memory.training_bytes and memory.training_bytes / costs.memory_batch / MIB,
                "memory measured or estimated": kind,
                "training ms/clip": 1000 / speed.training_clips_per_second,
                **accuracies.sources(runs),
            }
        )
    notes = [*_accuracy_notes(experiment), memory_note(experiment), timing_note(experiment, throughput)]
    return Table.of(f"Table 3. Clip length on {_data_set(experiment)}", rows, notes)


@dataclass(frozen=True)
class Accuracies:
    """What the runs of a product came to, as cells of a table. predictions: of each run, by video."""

    evaluations: Mapping[Run, Evaluation]
    predictions: Mapping[Run, pd.DataFrame]

    @classmethod
    def of(cls, product: Product) -> "Accuracies":
        """Errors: InputError if a result is missing, not this experiment's own, or of other videos than the others."""
        experiment, runs = product.experiment, product.runs()
        evaluations = {run: read_evaluation(experiment, run) for run in runs}
        for run in runs:
            if evaluations[run].data_fingerprint != evaluations[runs[0]].data_fingerprint:
                raise InputError(
                    f"{experiment.paths.evaluation(run)}: evaluated on other videos than {runs[0].name}; run "
                    f"`rcn-bench evaluate` for both again"
                )
        tables = {run: evaluations[run].predictions(experiment.paths.predictions(run)) for run in runs}
        return cls(evaluations, {run: table.set_index("video") for run, table in tables.items()})

    def cells(self, runs: Sequence[Run]) -> dict[str, Any]:
        """Clip and video accuracy in percent, averaged over seeds, with intervals that resample groups of videos."""
        cells: dict[str, Any] = {}
        for kind, correct in (("clip", self._clips_correct), ("video", self._video_correct)):
            names = (f"{kind} acc %", f"{kind} acc 95 % interval low", f"{kind} acc 95 % interval high")
            cells |= zip(names, self._percent([correct(run) for run in runs], runs), strict=True)
        return cells

    def sources(self, runs: Sequence[Run]) -> dict[str, Any]:
        """How many videos were used and skipped, which seeds, which runs."""
        evaluation = self.evaluations[runs[0]] if runs else None
        return {
            "videos": evaluation and evaluation.videos_used,
            "videos skipped": evaluation and len(evaluation.videos_skipped),
            "seeds": " ".join(str(run.seed) for run in runs) or None,
            "runs": " ".join(run.name for run in runs),
        }

    def _clips_correct(self, run: Run) -> pd.Series:
        """Of each video, the share of its clips."""
        return self.predictions[run]["clips_correct"] / self.evaluations[run].clips_per_video

    def _video_correct(self, run: Run) -> pd.Series:
        predictions = self.predictions[run]
        return (predictions["predicted"] == predictions["label"]).astype(float)

    def _percent(self, correct: list[pd.Series], runs: Sequence[Run]) -> tuple[float | None, ...]:
        """The mean over videos and its interval; correct: for each run, by video."""
        if not runs:
            return None, None, None
        over_seeds = pd.concat(correct, axis=1).mean(axis=1)
        groups = self.predictions[runs[-1]]["group"]
        low, high = accuracy_interval(over_seeds, list(groups[over_seeds.index]))
        return 100 * float(over_seeds.mean()), 100 * low, 100 * high


def _data_set(experiment: Experiment) -> str:
    """As a title names it; an experiment on one's own videos is called after them."""
    return "moving digits" if experiment.dataset.twins else experiment.name


def _accuracy_notes(experiment: Experiment) -> list[str]:
    paired = "pairs of twin videos" if experiment.dataset.twins else "videos"
    notes = [
        f"Video accuracy: mean softmax over {experiment.clip.evaluation_clips} different clips of a video; clip "
        f"accuracy: over all clips. 95 % intervals resample {paired}; they do not hold the variation between seeds."
    ]
    if len(experiment.seeds) == 1:
        notes.append("One seed: rows whose intervals overlap are not ordered by this table, nor are close ones.")
    if experiment.dataset.twins:
        notes.append("Twins differ in the order of frames alone: no model that ignores it can pass 50 % here.")
    return notes

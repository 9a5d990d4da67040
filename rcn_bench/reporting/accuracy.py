"""Tables 1 to 3: the accuracy of inits, architectures and clip lengths. Every row names the runs that it comes from."""

from collections import Counter
from dataclasses import replace
from functools import partial

from rcn_bench.plan.experiment import Experiment
from rcn_bench.plan.products.tables import Table1, Table2, Table3
from rcn_bench.predictions import views
from rcn_bench.reporting import paper
from rcn_bench.reporting.accuracies import TOP5, Accuracies
from rcn_bench.reporting.cost import (
    NO_STEM,
    WHY_NO_MEMORY,
    WHY_NO_TIME,
    costs_as_trained,
    memory_cells,
    memory_note,
    speed_as_trained,
    timing_notes,
    training_time_cells,
)
from rcn_bench.reporting.results import data_set, if_there, read_pretrained, read_throughput
from rcn_bench.reporting.table import Table


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
        for (w_xh, w_hh), runs in accuracies.rows(product).items()
    ]
    notes = accuracy_notes(experiment, accuracies)
    network = experiment.trunk(product.model) if experiment.pretrained == "stills" else None
    if network and (stills := if_there(partial(read_pretrained, experiment, network))):
        notes.append(
            f"The network trained on stills has {100 * stills.held_out_accuracy:.1f} % on {stills.held_out_stills} "
            "held-out stills."
        )
    if beside_paper:
        notes += _paper_notes(experiment)
    title = f"Table 1. Inits of {product.model} at {product.frames} frames on {data_set(experiment)}"
    return Table.of(title, rows, notes, why=accuracies.why())


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
    for (model, w_xh), runs in accuracies.rows(product).items():
        costs = if_there(partial(costs_as_trained, experiment, model, product.frames))
        rows.append(
            {
                "model": model,
                "w_xh": w_xh,
                "stem pool": costs and costs.stem_pool,
                "parameters": costs and costs.parameters,
                **accuracies.cells(runs, accuracies.kinds_of_classes),
                **accuracies.sources(runs),
            }
        )
    notes = [
        *accuracy_notes(experiment, accuracies),
        f"Parameters at {experiment.profile.num_classes} classes. Recurrent models have identity w_hh.",
    ]
    if TOP5 in accuracies.kinds_of_classes:
        notes.append("Top-5: the true class is among the five best by a video's mean softmax.")
    if unlisted := [f"{model} from {w_xh}" for (model, w_xh), runs in product.rows().items() if not runs]:
        notes.append(f"No row for {', '.join(unlisted)}: the config lists no such start.")
    if any(model.startswith("c2d") for model in product.models):
        notes.append("c2d ignores the order of frames.")
    title = f"Table 2. Architectures at {product.frames} frames on {data_set(experiment)}"
    why = {"stem pool": NO_STEM, "parameters": "they are not counted yet"}
    return Table.of(title, rows, notes, why=accuracies.why() | why)


def table3(product: Table3) -> Table:
    """Table 3: accuracy, memory and time at each clip length."""
    experiment = product.experiment
    accuracies, throughput = Accuracies.of(product), if_there(partial(read_throughput, experiment))
    rows = []
    for (model, frames), runs in accuracies.rows(product).items():
        costs = if_there(partial(costs_as_trained, experiment, model, frames))
        speed = throughput and speed_as_trained(experiment, throughput, model, frames)
        rows.append(
            {
                "model": model,
                "frames": frames,
                "w_xh": runs[0].w_xh,
                **accuracies.cells(runs),
                **(memory_cells(costs) if costs else {}),
                **(training_time_cells(speed) if speed else {}),
                **accuracies.sources(runs),
            }
        )
    notes = [*accuracy_notes(experiment, accuracies), memory_note(experiment)]
    notes += timing_notes(throughput) if throughput else []
    title = f"Table 3. Clip length on {data_set(experiment)}"
    return Table.of(title, rows, notes, why=accuracies.why() | WHY_NO_MEMORY | WHY_NO_TIME)


def accuracy_notes(experiment: Experiment, accuracies: Accuracies) -> list[str]:
    """What a reader of accuracies must know of how they were taken, and what their intervals hold."""
    clip = experiment.clip
    videos = "pairs of twin videos" if experiment.dataset.twins else "videos"
    seeds = Counter(replace(run, seed=0) for run in accuracies.scored).values()
    if max(seeds) == 1:
        intervals = (
            f"One seed: 95 % intervals are of each one trained network on new {videos}. What another seed would give "
            "they do not tell, so the table orders no rows."
        )
    else:
        intervals = f"95 % intervals of a row with several seeds are of the mean over trainings, on new {videos}."
        if min(seeds) == 1:
            intervals += " That of a row with one seed is of this one trained network, so it is not ordered by it."
    notes = [
        f"Video accuracy: mean softmax over {views(clip.evaluation_clips, clip.evaluation_crops)} of a video, all "
        "different; clip accuracy: over all clips, of each by its own crops.",
        intervals,
        *accuracies.notes(),
    ]
    if experiment.dataset.twins:
        notes.append("Twins differ in the order of frames alone: no model that ignores it can pass 50 % here.")
    return notes

"""The record that each stage leaves and where it lies; and why a result would be made again."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from rcn_bench.errors import shown
from rcn_bench.plan.experiment import Experiment
from rcn_bench.plan.paths import Paths
from rcn_bench.plan.run import Run
from rcn_bench.plan.stages import Dependencies, dependencies
from rcn_bench.records.base import Record
from rcn_bench.records.costs import Causality, Profile, StepTimes, Throughput
from rcn_bench.records.hidden_state import HiddenState
from rcn_bench.records.league import LeagueCosts
from rcn_bench.records.lifetime import Lifetime
from rcn_bench.records.products import FigureRecord, TableRecord
from rcn_bench.records.runs import Calibration, Evaluation, Online, Pretrained, ShardRecord, Trained

RECORDS: Mapping[str, tuple[type[Record], Callable[[Paths, str], Path]]] = {
    "cache": (ShardRecord, lambda paths, split: paths.shard_record(split, 0)),
    "pretrain": (Pretrained, lambda paths, network: paths.pretrained(network).with_suffix(".json")),
    "train": (Trained, lambda paths, run: paths.training(Run.parse(run))),
    "evaluate": (Evaluation, lambda paths, run: paths.evaluation(Run.parse(run))),
    "online": (Online, lambda paths, run: paths.online(Run.parse(run)).with_suffix(".json")),
    "w_hh": (HiddenState, lambda paths, run: paths.hidden_state(Run.parse(run))),
    "lifetime": (Lifetime, lambda paths, run: paths.lifetime(Run.parse(run)).with_suffix(".json")),
    "profile": (Profile, lambda paths, model: paths.profile(model)),
    "throughput": (Throughput, lambda paths, _: paths.throughput),
    "league": (LeagueCosts, lambda paths, _: paths.league),
    "causality": (Causality, lambda paths, _: paths.causality),
    "steps": (StepTimes, lambda paths, _: paths.step_times),
    "calibrate": (Calibration, lambda paths, weights: paths.calibration(weights)),
    "table": (TableRecord, lambda paths, name: paths.table(name).with_suffix(".json")),
    "figure": (FigureRecord, lambda paths, name: paths.figure(name).with_suffix(".json")),
}


def record_path(paths: Paths, stage: str, target: str = "") -> Path:
    return RECORDS[stage][1](paths, target)


def explain(experiment: Experiment, stage: str, target: str) -> str:
    """What a result depends on, a line each, and what differs from that of the result that is there.

    Errors: InputError for an unknown stage or target, or a file that is not its record.
    """
    depends = dependencies(experiment, stage, target)
    lines = [f"{stage} {target}".strip() + f": {depends.hash}", *_parts(depends)]
    if stage in RECORDS:  # digits leave none
        path = record_path(experiment.paths, stage, target)
        if path.exists():
            lines += [str(path), *_compared(RECORDS[stage][0].read_of(path, target), depends)]
    return "\n".join(map(shown, lines))


def _parts(depends: Dependencies) -> list[str]:
    others = {"code", *(f"file {name}" for name in depends.files)}
    settings = {name: value for name, value in depends.parts().items() if name not in others}
    groups = [("settings", settings), ("files", depends.files), (f"code {depends.code.hash}", depends.code.modules)]
    lines: list[str] = []
    for title, parts in groups:
        if parts:
            lines += [title, *(f"  {name}: {value}" for name, value in parts.items())]
    return lines


def _compared(record: Record, depends: Dependencies) -> list[str]:
    """Files are left out: a record knows them under other names."""
    earlier = replace(depends, settings=record.origin.settings).parts() | {"code": record.origin.code}
    now = replace(depends, settings=json.loads(json.dumps(depends.settings)))  # lists for tuples, as they are read back
    told = now.differences(earlier) or ["made with these settings and this code"]
    return [f"  {text}" for text in told]

"""What each stage is done for in an experiment: runs, models, splits, products."""

from collections.abc import Iterable
from pathlib import Path

from rcn_bench.errors import InputError
from rcn_bench.plan.experiment import Experiment
from rcn_bench.plan.products import all_runs, products_of, profiled
from rcn_bench.plan.run import Run
from rcn_bench.plan.stages import STAGES

SPLITS = ("train", "val")
PUBLISHED_WEIGHTS = ("r3d_18", "r2plus1d_18", "s3d", "rcn50")  # whose accuracy `calibrate` takes


def targets(experiment: Experiment, stage: str) -> list[str]:
    """Those of a stage by name; none for a stage that is done once for all."""
    products = products_of(experiment)
    runs, paths = all_runs(products.values()), experiment.paths
    match stage:
        case "cache":
            return list(SPLITS)
        case "pretrain":
            return sorted({experiment.trunk(run.model) for run in runs if run.w_xh == "stills"})
        case "train":
            return _names(runs)
        case "evaluate":
            return _names(evaluated_runs(experiment))
        case "online":
            read = _read(experiment)
            return _names(run for run in runs if paths.online(run) in read)
        case "w_hh":
            read = _read(experiment)
            return _names(run for run in runs if paths.hidden_state(run) in read)
        case "lifetime":
            read = _read(experiment)
            return _names(run for run in runs if paths.lifetime(run) in read)
        case "profile":
            return list(profiled(products.values()))
        case "calibrate":
            return list(PUBLISHED_WEIGHTS)
        case "table" | "figure":
            return [name for name, product in products.items() if product.kind == stage]
    return []


def require_target(experiment: Experiment, stage: str, target: str) -> None:
    """Errors: InputError for an unknown stage, or a target that it does not have; the message lists those it has."""
    if stage not in STAGES:
        raise InputError(f"unknown stage {stage!r}; choose one of {', '.join(STAGES)}")
    known = targets(experiment, stage)
    if not known and target:
        raise InputError(f"{stage}: is done once for all of {experiment.name}; leave {target!r} out")
    if known and target not in known:
        what = f"{target!r} is none of" if target else "of what? Of"
        raise InputError(f"{stage}: {what} {', '.join(known)}")


def evaluated_runs(experiment: Experiment) -> list[Run]:
    """Those whose accuracy a table or figure shows."""
    read = _read(experiment)
    return [run for run in all_runs(products_of(experiment).values()) if experiment.paths.evaluation(run) in read]


def _read(experiment: Experiment) -> set[Path]:
    """The result files that tables and figures are made from."""
    return {path for product in products_of(experiment).values() for path in product.reads()}


def _names(runs: Iterable[Run]) -> list[str]:
    return [run.name for run in runs]

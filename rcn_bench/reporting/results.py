"""The result files of an experiment, each refused unless it is the experiment's own: made with the same config.

Results copied from elsewhere are not known to the workflow, so whoever reads one for a table or figure reads it here.
All raise InputError for a file that is missing, not such a record, or of another config.
"""

from pathlib import Path
from typing import TypeVar

from rcn_bench.errors import InputError
from rcn_bench.plan.experiment import Experiment
from rcn_bench.plan.run import Run
from rcn_bench.records.base import Record
from rcn_bench.records.costs import Causality, Profile, Throughput
from rcn_bench.records.origins import require_own
from rcn_bench.records.runs import Evaluation, Online, Pretrained, Trained

Kind = TypeVar("Kind", bound=Record)


def read_evaluation(experiment: Experiment, run: Run) -> Evaluation:
    """Errors: InputError, beside what all raise, if it is of other weights than the run's training made."""
    evaluation = _own(Evaluation, experiment, "evaluate", run.name, experiment.paths.evaluation(run))
    _require_weights(experiment, run, evaluation)
    return evaluation


def read_online(experiment: Experiment, run: Run) -> Online:
    """Errors: as from read_evaluation."""
    online = _own(Online, experiment, "online", run.name, experiment.paths.online(run).with_suffix(".json"))
    _require_weights(experiment, run, online)
    return online


def read_pretrained(experiment: Experiment, network: str) -> Pretrained:
    path = experiment.paths.pretrained(network).with_suffix(".json")
    return _own(Pretrained, experiment, "pretrain", network, path)


def read_profile(experiment: Experiment, model: str) -> Profile:
    return _own(Profile, experiment, "profile", model, experiment.paths.profile(model))


def read_throughput(experiment: Experiment) -> Throughput:
    return _own(Throughput, experiment, "throughput", "", experiment.paths.throughput)


def read_causality(experiment: Experiment) -> Causality:
    return _own(Causality, experiment, "causality", "", experiment.paths.causality)


def _own(kind: type[Kind], experiment: Experiment, stage: str, target: str, path: Path) -> Kind:
    record = kind.read(path)
    require_own(record, experiment, stage, target, path)
    return record


def _require_weights(experiment: Experiment, run: Run, result: Evaluation | Online) -> None:
    """An evaluation does not hold how its weights were trained; their own record does."""
    path = experiment.paths.training(run)
    trained = _own(Trained, experiment, "train", run.name, path)
    if result.weights_sha256 != trained.weights_sha256:
        raise InputError(f"{path}: of other weights than were evaluated; run `{result.command(path)}` again")

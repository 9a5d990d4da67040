"""Several trainings in one process, each to the same bits as alone, a network's with one compilation."""

import gc
import json
from collections.abc import Sequence

import torch

from rcn_bench.engine.train import check_training, train
from rcn_bench.errors import InputError, TrainingDiverged
from rcn_bench.files import file_hash
from rcn_bench.plan.experiment import Experiment
from rcn_bench.plan.run import Run
from rcn_bench.plan.stages import dependencies
from rcn_bench.process import Process
from rcn_bench.records.runs import Trained


def train_runs(runs: Sequence[Run], experiment: Experiment) -> None:
    """One run, whether or not it is finished, or several as by ``train_all``."""
    if len(runs) == 1:
        train(runs[0], experiment)
    else:
        train_all(runs, experiment)


def train_all(runs: Sequence[Run], experiment: Experiment) -> None:
    """Train runs one after the other, those of one network together, after all of them have been checked.

    Those that are finished, by this code, with these settings and from these files, are left as they are, with a line.
    torch.compile finds what it has compiled by the code and the shapes that it is called with, so that a network is
    compiled for its first run alone.
    Errors: InputError as from ``train``, before anything is trained where that can be, and for a run that is given
    twice; of one that fails later the error says which are trained.
    """
    if len(set(runs)) < len(runs):
        twice = next(run.name for run in runs if runs.count(run) > 1)
        raise InputError(f"{twice}: given twice; give each run once")
    process = Process.here()
    found = [run for run in runs if not _is_finished(run, experiment, check_training(run, experiment))]
    left = process.from_main(found)  # of processes that share them, the same in all
    for run in runs:
        if run not in left:
            process.print(f"{run.name}: is trained already")
    trained: list[str] = []
    network = None
    for run in _by_network(left):
        if network not in (None, _network(run)):
            _forget_compiled(experiment)
        network = _network(run)
        try:
            train(run, experiment)
        except (InputError, TrainingDiverged) as error:
            others = [other.name for other in left if other.name not in trained and other != run]
            told = [f"trained before it: {', '.join(trained)}"] if trained else []
            told += [f"not trained: {', '.join(others)}"] if others else []
            raise type(error)("; ".join([str(error), *told])) from error
        trained.append(run.name)
        gc.collect()  # a step and its graph refer to each other, and hold their memory on the GPU
        if torch.cuda.is_available():
            torch.cuda.empty_cache()


def _network(run: Run) -> tuple[str, int]:
    """What is compiled anew where it differs."""
    return run.variant, run.frames


def _by_network(runs: Sequence[Run]) -> list[Run]:
    """In their order, but those of a network follow its first."""
    first = list(dict.fromkeys(map(_network, runs)))
    return sorted(runs, key=lambda run: first.index(_network(run)))


def _forget_compiled(experiment: Experiment) -> None:
    """torch.compile keeps only so many variants of a function, and then runs others as they are."""
    if experiment.train.compile:
        torch.compiler.reset()


def _is_finished(run: Run, experiment: Experiment, inputs: dict[str, str]) -> bool:
    """Whether its record and the files beside it are there, whole, and what ``train`` would make."""
    paths = experiment.paths
    if not all(path.is_file() for path in (paths.training(run), paths.weights(run), paths.metrics(run))):
        return False
    try:
        record = Trained.read_of(paths.training(run), run.name)
    except InputError:
        return False
    origin, depends = record.origin, dependencies(experiment, "train", run.name)
    made = origin.settings, origin.code, origin.inputs, record.weights_sha256, record.metrics_sha256
    files = file_hash(paths.weights(run)), file_hash(paths.metrics(run))
    return made == (json.loads(json.dumps(depends.settings)), depends.code.hash, inputs, *files)

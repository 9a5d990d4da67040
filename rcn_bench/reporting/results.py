"""The result files of an experiment, each refused unless it is the experiment's own: made with the same config.

Results copied from elsewhere are not known to the workflow, so whoever reads one for a table or figure reads it here.
All raise InputError for a file that is missing, not such a record, of another run or model, or of another config;
``if_there`` lets a part of a table do without.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

from rcn_bench.errors import InputError
from rcn_bench.plan.experiment import Experiment
from rcn_bench.plan.run import Run
from rcn_bench.records.base import Record
from rcn_bench.records.costs import Causality, Profile, Throughput
from rcn_bench.records.found import record_path
from rcn_bench.records.hidden_state import HiddenState
from rcn_bench.records.league import LeagueCosts
from rcn_bench.records.lifetime import Lifetime
from rcn_bench.records.origins import require_own
from rcn_bench.records.overlap import overlap_notes
from rcn_bench.records.runs import Epoch, Evaluation, Online, Pretrained, Trained

Kind = TypeVar("Kind", bound=Record)
OfWeights = TypeVar("OfWeights", Evaluation, Online, HiddenState, Lifetime)
T = TypeVar("T")

_missing: ContextVar[list[str] | None] = ContextVar("missing", default=None)


@contextmanager
def in_part() -> Iterator[list[str]]:
    """While it holds, tables are built of what is there; the list gets a line on each result that cannot be had."""
    lines: list[str] = []
    token = _missing.set(lines)
    try:
        yield lines
    finally:
        _missing.reset(token)


def if_there(read: Callable[[], T]) -> T | None:
    """What is read. None, where a table is built in part, for what cannot be. Errors: else as from ``read``."""
    missing = _missing.get()
    try:
        return read()
    except InputError as error:
        if missing is None:
            raise
        missing.append(str(error))
        return None


def data_set(experiment: Experiment) -> str:
    """As a title names it; an experiment on one's own videos is called after them."""
    return "moving digits" if experiment.dataset.twins else experiment.name


def read_evaluation(experiment: Experiment, run: Run) -> Evaluation:
    """Errors: InputError, beside what all raise, if it is of other weights or videos than the run's and the cache's."""
    evaluation = _of_own_weights(_own(Evaluation, experiment, "evaluate", run.name), experiment, run)
    known, path = experiment.paths.fingerprint("val"), experiment.paths.evaluation(run)
    if known.is_file() and known.read_text(errors="replace").strip() != evaluation.data_fingerprint:
        raise InputError(f"{path}: of other videos than {known} tells of; run `{evaluation.command(path)}` again")
    return evaluation


def read_online(experiment: Experiment, run: Run) -> Online:
    """Errors: as from read_evaluation."""
    return _of_own_weights(_own(Online, experiment, "online", run.name), experiment, run)


def read_hidden_state(experiment: Experiment, run: Run) -> HiddenState:
    """Errors: InputError, beside what all raise, if it is of other weights than the run's."""
    return _of_own_weights(_own(HiddenState, experiment, "w_hh", run.name), experiment, run)


def read_lifetime(experiment: Experiment, run: Run) -> Lifetime:
    return _of_own_weights(_own(Lifetime, experiment, "lifetime", run.name), experiment, run)


def read_training(experiment: Experiment, run: Run) -> Trained:
    return _own(Trained, experiment, "train", run.name)


def read_epochs(experiment: Experiment, run: Run) -> list[Epoch]:
    """Loss and accuracy in training."""
    return read_training(experiment, run).epochs(experiment.paths.metrics(run))


def notes_on_overlap(results: Mapping[Run, Evaluation] | Mapping[Run, Online]) -> list[str]:
    """What videos of validation and training have in common, and at which clip lengths, if not at all that are shown.

    Training videos shorter than a clip are not trained on, so it may differ.
    """
    lengths: dict[str, set[int]] = {}
    for run, result in results.items():
        for note in overlap_notes(result.overlap):
            lengths.setdefault(note, set()).add(run.frames)
    shown = {run.frames for run in results}
    return [
        note if at == shown else f"At {', '.join(map(str, sorted(at)))} frames: {note}" for note, at in lengths.items()
    ]


def read_pretrained(experiment: Experiment, network: str) -> Pretrained:
    return _own(Pretrained, experiment, "pretrain", network)


def read_profile(experiment: Experiment, model: str) -> Profile:
    return _own(Profile, experiment, "profile", model)


def read_throughput(experiment: Experiment) -> Throughput:
    return _own(Throughput, experiment, "throughput")


def read_league(experiment: Experiment) -> LeagueCosts:
    return _own(LeagueCosts, experiment, "league")


def read_causality(experiment: Experiment) -> Causality:
    return _own(Causality, experiment, "causality")


def _own(kind: type[Kind], experiment: Experiment, stage: str, target: str = "") -> Kind:
    path = record_path(experiment.paths, stage, target)
    record = kind.read_of(path, target)
    require_own(record, experiment, stage, target, path)
    return record


def _of_own_weights(result: OfWeights, experiment: Experiment, run: Run) -> OfWeights:
    """An evaluation does not hold how its weights were trained; their own record does."""
    if result.weights_sha256 != read_training(experiment, run).weights_sha256:
        path = experiment.paths.training(run)
        raise InputError(f"{path}: of other weights than were evaluated; run `{result.command(path)}` again")
    return result

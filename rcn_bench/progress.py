"""How far an experiment is, by what lies in its results; nothing is changed there, and no job waits for it."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Literal

from rcn_bench.errors import InputError, shown
from rcn_bench.files import lock_file
from rcn_bench.plan.experiment import Experiment
from rcn_bench.plan.paths import Paths
from rcn_bench.plan.products import all_runs, products_of
from rcn_bench.plan.run import Run
from rcn_bench.plan.targets import evaluated_runs
from rcn_bench.plan.writers import Writer, at_work
from rcn_bench.records.checkpoint import epochs_so_far
from rcn_bench.records.found import record_path
from rcn_bench.records.runs import Evaluation, Trained

State = Literal["done", "trained", "running", "failed", "stopped", "waiting"]
LOOKED_AT = 4096  # bytes at the end of a log
# How the last line of a command begins that did not end well; that of a fault stands below the error itself.
PROGRAM = "rcn-bench: "
INTERRUPTED, FAULT = f"{PROGRAM}interrupted; ", f"{PROGRAM}a fault of its own; "


@dataclass(frozen=True)
class RunProgress:
    """How far a run is.

    state: trained is one whose evaluation is still to come; stopped one that was trained for some epochs, and with
    which nobody goes on now. doing: of one that is running or failed, the stage, train or evaluate. epoch: whole ones
    so far, of epochs. loss, accuracy: in training, of the last; validation_accuracy: of clips of the validation videos,
    as last looked at. epoch_seconds: that one takes; seconds_left: of its training. much_waiting: the share of the last
    epoch that was waiting for clips, if more ``train.workers`` would help. video_accuracy: from 0 to 1, of so many
    videos. why: of one that failed.
    """

    run: str
    state: State
    epochs: int
    epoch: int = 0
    doing: str | None = None
    loss: float | None = None
    accuracy: float | None = None
    validation_accuracy: float | None = None
    epoch_seconds: float | None = None
    seconds_left: float | None = None
    much_waiting: float | None = None
    video_accuracy: float | None = None
    videos: int | None = None
    why: str | None = None


@dataclass(frozen=True)
class Progress:
    """How far an experiment is.

    products: whether each table and figure is there, by name. at_work: what is done now, and by which process.
    seconds_left: of training, as fast and with as many at a time as now; None if nobody trains, or of some run nothing
    is known.
    """

    name: str
    runs: list[RunProgress]
    products: dict[str, bool]
    at_work: list[str]
    seconds_left: float | None

    @property
    def is_done(self) -> bool:
        return all(run.state == "done" for run in self.runs) and all(self.products.values())


def progress_of(experiment: Experiment) -> Progress:
    """Errors: InputError for an entry of who is at work that cannot be understood."""
    products, writers = products_of(experiment), at_work(experiment)
    runs, evaluated = all_runs(products.values()), set(evaluated_runs(experiment))
    found = {run: _run(experiment, run, run in evaluated, writers) for run in runs}
    return Progress(
        experiment.name,
        list(found.values()),
        {name: record_path(experiment.paths, each.kind, name).is_file() for name, each in products.items()},
        [str(writer) for writer in writers],
        _seconds_left(found),
    )


def _run(experiment: Experiment, run: Run, is_evaluated: bool, writers: Sequence[Writer]) -> RunProgress:
    """is_evaluated: whether a table or figure shows its accuracy."""
    paths, epochs = experiment.paths, experiment.train.epochs
    under_way = {writer.title: writer.process for writer in writers}
    begun = _begun(run, epochs, paths.checkpoint(run))
    if _is_in_training(run, paths, under_way.get(f"train {run.name}")):
        return _in_training(begun, paths.checkpoint(run))
    try:
        if not paths.training(run).is_file():
            return _failed(begun, "train", paths.log("train", run.name), paths.checkpoint(run)) or begun
        record = Trained.read_of(paths.training(run), run.name)
        seconds = round(record.training_seconds / epochs, 3)
        trained = RunProgress(run.name, "trained", epochs, epochs, epoch_seconds=seconds)
        if not is_evaluated:
            return replace(trained, state="done")
        if f"evaluate {run.name}" in under_way:
            return replace(trained, state="running", doing="evaluate")
        log = paths.log("evaluate", run.name)
        return _evaluated(trained, record, paths.evaluation(run)) or _failed(trained, "evaluate", log) or trained
    except InputError as error:
        return RunProgress(run.name, "failed", epochs, why=str(error))


def _is_in_training(run: Run, paths: Paths, process: str | None) -> bool:
    """process: which holds the run's training. It may hold several, which it trains one after the other."""
    lock, record = lock_file(paths.run(run)), paths.training(run)
    try:
        ended = record.is_file() and record.stat().st_mtime > lock.stat().st_mtime
        return lock.read_text().strip() == process and not ended
    except OSError:  # it has not begun
        return False


def _evaluated(trained: RunProgress, record: Trained, path: Path) -> RunProgress | None:
    """None if these weights have not been evaluated yet."""
    if not path.is_file():
        return None
    found = Evaluation.read_of(path, trained.run)
    if found.weights_sha256 != record.weights_sha256:
        return None
    return replace(trained, state="done", video_accuracy=found.video_accuracy, videos=found.videos_used)


def _begun(run: Run, epochs: int, checkpoint: Path) -> RunProgress:
    """A run that is not in training now, by its checkpoint."""
    so_far = epochs_so_far(checkpoint)
    if not so_far:
        return RunProgress(run.name, "waiting", epochs)
    last, seconds = so_far[-1], median(epoch.seconds for epoch in so_far)
    return RunProgress(
        run.name,
        "stopped",
        epochs,
        last.epoch,
        loss=last.loss,
        accuracy=last.accuracy,
        validation_accuracy=next(
            (each.validation_accuracy for each in reversed(so_far) if each.validation_accuracy is not None), None
        ),
        epoch_seconds=seconds,
        seconds_left=max(epochs - last.epoch, 0) * seconds,
        much_waiting=last.much_waiting,
    )


def _in_training(begun: RunProgress, checkpoint: Path) -> RunProgress:
    """With the time that has passed since its last whole epoch taken off."""
    left = begun.seconds_left
    if left is not None and checkpoint.is_file():
        left = max(left - (time.time() - checkpoint.stat().st_mtime), 0)
    return replace(begun, state="running", doing="train", seconds_left=left)


def _failed(run: RunProgress, stage: str, log: Path, since: Path | None = None) -> RunProgress | None:
    """A run whose job ended by an error, as the end of its log says; None if it did not.

    since: what is written while it gets on; once that is newer, the log is of an earlier try.
    """
    if not log.is_file() or (since and since.is_file() and since.stat().st_mtime > log.stat().st_mtime):
        return None
    with log.open("rb") as file:
        file.seek(max(log.stat().st_size - LOOKED_AT, 0))
        lines = [line for line in file.read().decode(errors="replace").splitlines() if line.strip()]
    if not lines or not lines[-1].startswith(PROGRAM) or lines[-1].startswith(INTERRUPTED):
        return None
    why = lines[-2] if lines[-1].startswith(FAULT) and len(lines) > 1 else lines[-1].removeprefix(PROGRAM)
    return replace(run, state="failed", doing=stage, why=shown(f"{why} ({log})"))


def _seconds_left(found: dict[Run, RunProgress]) -> float | None:
    at_a_time = sum(run.state == "running" and run.doing == "train" for run in found.values())
    if not at_a_time:
        return None
    known = {(run.variant, run.frames): each.epoch_seconds for run, each in found.items() if each.epoch_seconds}
    left = 0.0
    for run, each in found.items():
        if each.seconds_left is not None:
            left += each.seconds_left
        elif each.epoch < each.epochs:
            if not (seconds := known.get((run.variant, run.frames))):
                return None
            left += seconds * each.epochs
    return left / at_a_time

"""Learning curves as TensorBoard's event files: from records and checkpoints, so that trainings know nothing of it."""

from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path

from rcn_bench.errors import InputError
from rcn_bench.files import write_bytes
from rcn_bench.plan.experiment import Experiment
from rcn_bench.plan.products import all_runs, products_of
from rcn_bench.plan.run import Run
from rcn_bench.records.checkpoint import epochs_so_far
from rcn_bench.records.runs import Epoch, Evaluation, Trained

FILE = "events.out.tfevents.{epochs:08}.rcn_bench"  # TensorBoard goes on to the last one by name
TAGS = {  # by field of an epoch
    "loss": "training/loss",
    "accuracy": "training/clip accuracy",
    "lr": "training/learning rate",
    "seconds": "training/seconds of an epoch",
    "waiting_for_clips": "training/waiting for clips",
    "validation_accuracy": "validation/clip accuracy",
}
EVALUATED = {"clip_accuracy": "evaluation/clip accuracy", "video_accuracy": "evaluation/video accuracy"}

Scalars = Mapping[str, float]


def write_events(experiment: Experiment, folder: Path) -> int:
    """A folder a run with its epochs so far and the accuracy of its evaluation; returns of how many runs.

    Called again, it writes what is there by then. Errors: InputError without the package tensorboard, for a record or
    metrics that do not hold, or if no run has been trained for an epoch.
    """
    written = 0
    for run in all_runs(products_of(experiment).values()):
        epochs, ended = _epochs(experiment, run)
        if epochs:
            _write(folder / run.name, epochs, ended, _evaluated(experiment, run))
            written += 1
    if not written:
        raise InputError(f"{experiment.paths.root}: no run has been trained for an epoch yet; train one first")
    return written


def _epochs(experiment: Experiment, run: Run) -> tuple[Sequence[Epoch], float]:
    """Those of a finished training, or of a checkpoint, and when the last of them ended."""
    paths = experiment.paths
    if paths.training(run).is_file():
        record, file = Trained.read_of(paths.training(run), run.name), paths.metrics(run)
        return record.epochs(file), file.stat().st_mtime
    checkpoint = paths.checkpoint(run)
    epochs = epochs_so_far(checkpoint)
    return epochs, checkpoint.stat().st_mtime if epochs else 0.0


def _evaluated(experiment: Experiment, run: Run) -> Scalars:
    path = experiment.paths.evaluation(run)
    if not path.is_file():
        return {}
    record = Evaluation.read_of(path, run.name)
    return {tag: getattr(record, field) for field, tag in EVALUATED.items()}


def _write(folder: Path, epochs: Sequence[Epoch], ended: float, evaluated: Scalars) -> None:
    """One file, in the place of earlier ones."""
    times, at = [], ended
    for epoch in reversed(epochs):
        times.append(at)
        at -= epoch.seconds
    points = [(_scalars(epoch), epoch.epoch, at) for epoch, at in zip(epochs, reversed(times), strict=True)]
    path = folder / FILE.format(epochs=len(epochs))
    write_bytes(path, _encoded([*points, (evaluated, epochs[-1].epoch, ended)]))
    for earlier in folder.glob(FILE.replace("{epochs:08}", "*")):
        if earlier != path:
            earlier.unlink()


def _scalars(epoch: Epoch) -> Scalars:
    found = {tag: getattr(epoch, field) for field, tag in TAGS.items()}
    return {tag: value for tag, value in found.items() if value is not None}


def _encoded(points: Sequence[tuple[Scalars, int, float]]) -> bytes:
    """points: values by tag, at an epoch and a time in seconds since 1970."""
    try:
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.compat.proto.summary_pb2 import Summary
        from tensorboard.summary.writer.record_writer import RecordWriter
    except ImportError as error:
        raise InputError(
            "the package tensorboard is not installed here; pip install 'rcn_bench[tensorboard]'"
        ) from error
    file = BytesIO()
    writer = RecordWriter(file)
    writer.write(Event(wall_time=points[0][2], file_version="brain.Event:2").SerializeToString())
    for scalars, epoch, at in points:
        values = [Summary.Value(tag=tag, simple_value=value) for tag, value in scalars.items()]
        if values:
            writer.write(Event(wall_time=at, step=epoch, summary=Summary(value=values)).SerializeToString())
    return file.getvalue()

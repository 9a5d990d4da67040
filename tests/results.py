"""Result files for tests, through the classes of rcn_bench.records; what a test does not care about is made up."""

import json
import pkgutil
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from importlib import import_module
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import numpy as np
from safetensors.numpy import save

from rcn_bench import records
from rcn_bench.analysis.hidden_state import relative_change, statistics
from rcn_bench.plan.experiment import Experiment
from rcn_bench.plan.run import Run
from rcn_bench.plan.stages import dependencies
from rcn_bench.predictions import Predictions, Videos, predictions
from rcn_bench.provenance import Machine, Origin, Start
from rcn_bench.records.base import Document, write_hashed
from rcn_bench.records.hidden_state import HiddenLayer, HiddenState
from rcn_bench.records.overlap import Overlap, Some
from rcn_bench.records.plain import Signed
from rcn_bench.records.products import ProductRecord
from rcn_bench.records.rows import write_rows
from rcn_bench.records.runs import PREDICTIONS, Epoch, Evaluation, Trained, write_metrics
from rcn_bench.records.scores import write_scores
from rcn_bench.records.weights import Card, sealed

for module in pkgutil.iter_modules(records.__path__):
    import_module(f"{records.__name__}.{module.name}")

T = TypeVar("T")
NONE_OF_FOUR = Some(0, 4, "")
APART = Overlap(*[NONE_OF_FOUR] * 4, untrained={})


def document_kinds(base: type[Document] = Document) -> list[type[Document]]:
    """The kinds of files that rcn_bench.records knows, by name: all that a command makes."""
    below = [kind for inherits in base.__subclasses__() for kind in [inherits, *document_kinds(inherits)]]
    return sorted({kind for kind in below if hasattr(kind, "made_by")}, key=lambda kind: kind.__name__)


def an_example(kind: type[T], **changes: Any) -> T:
    """A dataclass with these fields; the others have a value of their type, lists one item, and nothing is None."""
    hints = get_type_hints(kind)
    if issubclass(kind, ProductRecord):
        changes = {"files": {field.removeprefix("files."): "a text" for field in kind.beside}} | changes
    made_up = {field.name: _value(hints[field.name]) for field in fields(kind) if field.name not in changes}
    return kind(**made_up, **changes)


def _value(kind: Any) -> Any:
    container, arguments = get_origin(kind), get_args(kind)
    if is_dataclass(kind):
        return an_example(kind)
    if container in (Union, UnionType):
        return _value(next(argument for argument in arguments if argument is not NoneType))
    if container is Literal:
        return arguments[0]
    if container is list:
        return [_value(arguments[0])]
    if container is tuple:
        return tuple(_value(argument) for argument in arguments)
    if container is dict:
        return {"a key": _value(arguments[1])}
    return {str: "a text", int: 1, float: 0.5, Signed: -0.5, bool: False, Any: "anything"}[kind]


def an_origin(**changes: Any) -> Origin:
    return an_example(Origin, **changes)


def an_origin_on(**machine: Any) -> Origin:
    """On a machine such as device="cpu", threads=2."""
    return an_origin(starts=[an_example(Start, machine=an_example(Machine, **machine))])


def an_evaluation(**changes: Any) -> Evaluation:
    return an_example(Evaluation, **changes)


LABELS = ["walk", "run", "sit"]


def write_evaluation(
    folder: Path, video_correct: Sequence[bool], clips_correct: Sequence[int], **changes: Any
) -> Evaluation:
    """What an evaluation leaves in a run's folder: of pairs of videos, whether each is right, and of its clips.

    changes: fields of the evaluation; and videos: their names, clips: of each.
    """
    count, most = len(video_correct), changes.setdefault("clips_per_video", max(clips_correct))
    names, clips = changes.pop("videos", [f"v{i}" for i in range(count)]), changes.pop("clips", [most] * count)
    videos = Videos(names, [f"g{int(name[1:]) // 2}" for name in names], ["walk"] * count, clips, most)
    of_videos = zip(video_correct, clips_correct, clips, strict=True)
    scores = np.concatenate([_scores(*of_video) for of_video in of_videos])
    found = predictions(scores, LABELS, videos)
    assert [rank == 1 for rank in found.rows["rank"]] == [bool(correct) for correct in video_correct]
    assert list(found.rows["clips_correct"]) == list(clips_correct)
    return _write(folder, scores, LABELS, videos, found, changes)


def write_scored(folder: Path, scores: np.ndarray, labels: list[str], videos: Videos, **changes: Any) -> Evaluation:
    """scores.safetensors, predictions.csv and eval.json of a run's folder; changes: fields of the evaluation."""
    return _write(folder, scores, labels, videos, predictions(scores, labels, videos), changes)


def _write(
    folder: Path, scores: np.ndarray, labels: list[str], videos: Videos, found: Predictions, changes: dict[str, Any]
) -> Evaluation:
    count = len(videos.names)
    skipped = changes.setdefault("videos_skipped", [])
    known = {
        "videos_listed": count + len(skipped),
        "videos_usable": count,
        "videos_used": count,
        "clips": sum(videos.clips),
    }
    known |= {"run": folder.name, "groups": len(set(videos.groups)), "overlap": APART, "labels": labels}
    known |= {"clips_per_video": videos.clips_per_video, "crops": videos.crops, **found.accuracies()}
    hashes = {
        "scores_sha256": write_scores(folder / "scores.safetensors", scores),
        "predictions_sha256": write_rows(folder / "predictions.csv", PREDICTIONS, found.rows),
    }
    evaluation = an_evaluation(**{**known, **changes, **hashes})
    evaluation.write(folder / "eval.json")
    return evaluation


def _scores(video_correct: bool, clips_correct: int, clips: int) -> np.ndarray:
    """Of a video's clips, (clips, LABELS): so many are right, the first of the labels, and so is their mean or not.

    Those that do not agree with the mean are as good as undecided; those that are to be outvoted do not agree with
    each other.
    """
    scores = np.zeros((clips, len(LABELS)), np.float16)
    right = np.arange(clips) < clips_correct
    best = np.where(right, 0, 1 + np.arange(clips) % 2 * video_correct)
    scores[np.arange(clips), best] = np.where(right == video_correct, 8, 0.01)
    if video_correct:
        scores[~right, 3 - best[~right]] = -8
    return scores


# Results as the jobs of an experiment leave them


def own_origin(experiment: Experiment, stage: str, target: str = "", **machine: Any) -> Origin:
    """That of a job of this experiment; machine: where it ran, such as device="a card"."""
    depends = dependencies(experiment, stage, target)
    settings = json.loads(json.dumps(depends.settings))
    return an_origin(stage=stage, settings=settings, code=depends.code.hash, starts=an_origin_on(**machine).starts)


def write_own_run(
    experiment: Experiment,
    run: Run,
    video_correct: Sequence[bool],
    clips_correct: Sequence[int],
    accuracies: Sequence[float] = (0.25, 0.5),
    **changes: Any,
) -> None:
    """A run's training, with these accuracies, one an epoch, and evaluation; changes: fields of the evaluation."""
    write_training(experiment, run, accuracies)
    own = _of_own_weights(experiment, run)
    write_evaluation(experiment.paths.run(run), video_correct, clips_correct, **{**own, **changes})


def write_own_scores(experiment: Experiment, run: Run, scores: np.ndarray, labels: list[str], videos: Videos) -> None:
    """A run's training, and its evaluation by the scores."""
    write_training(experiment, run, (0.25, 0.5))
    write_scored(experiment.paths.run(run), scores, labels, videos, **_of_own_weights(experiment, run))


def _of_own_weights(experiment: Experiment, run: Run) -> dict[str, Any]:
    """Fields of the evaluation of a run that was trained here."""
    return {"origin": own_origin(experiment, "evaluate", run.name), "weights_sha256": "w"}


def write_own_hidden_state(
    experiment: Experiment, run: Run, start: Sequence[np.ndarray], trained: Sequence[np.ndarray]
) -> None:
    """A run's training, and its w_hh by layer at the start and after it."""
    path, tensors = (
        experiment.paths.hidden_state(run),
        {f"layer{place}.w_hh": w_hh for place, w_hh in enumerate(trained)},
    )
    write_training(experiment, run)
    halves = {name: w_hh.astype(np.float16) for name, w_hh in tensors.items()}
    HiddenState(
        origin=own_origin(experiment, "w_hh", run.name),
        run=run.name,
        layers=[
            HiddenLayer(place, name, len(after), statistics(after), statistics(before), relative_change(before, after))
            for place, (before, (name, after)) in enumerate(zip(start, tensors.items(), strict=True), start=1)
        ],
        weights_sha256="w",
        matrices_sha256=write_hashed(path.with_suffix(".safetensors"), save(halves)),
    ).write(path)


def write_training(
    experiment: Experiment,
    run: Run,
    accuracies: Sequence[float] = (0.25, 0.5),
    validation: Mapping[int, float] | None = None,
    **changes: Any,
) -> None:
    """The record of a run's training, and its metrics with these accuracies, one an epoch; changes: of its fields.

    validation: accuracies on validation videos, by epoch.
    """
    looked_at = validation or {}
    epochs = [
        an_example(Epoch, epoch=at, accuracy=each, validation_accuracy=looked_at.get(at))
        for at, each in enumerate(accuracies, start=1)
    ]
    known = {
        "origin": own_origin(experiment, "train", run.name),
        "run": run.name,
        "clips_trained": sum(epoch.samples for epoch in epochs),
        "metrics_sha256": write_metrics(experiment.paths.metrics(run), epochs),
        "weights_sha256": "w",
    }
    an_example(Trained, **{**known, **changes}).write(experiment.paths.training(run))


def save_with_card(state: Mapping[str, np.ndarray], path: Path, card: Card) -> None:
    path.write_bytes(sealed(save(dict(state), card.to_metadata())))

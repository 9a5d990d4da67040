"""Runs of two machines or dates, or of two settings, on the videos that both scored."""

from collections.abc import Iterator
from pathlib import Path

from rcn_bench.errors import InputError
from rcn_bench.intervals import Scores, told
from rcn_bench.plan.config import merged
from rcn_bench.plan.paths import Paths
from rcn_bench.plan.stages import changes
from rcn_bench.records.overlap import overlap_notes
from rcn_bench.records.runs import Evaluation
from rcn_bench.reporting.accuracies import KINDS, scores_of
from rcn_bench.reporting.same_videos import Result, same_videos


def compare(first: Path, second: Path) -> Iterator[str]:
    """Lines on each run that lies in both folders, or on the only one in each; and on what only one of them has.

    first, second: folders of runs, of an experiment or of results. Each run's accuracy stands with its bounds, if many
    videos were missing, and what its videos have in common with those of training; the difference with a paired
    interval.
    Errors: InputError if there are no runs to compare, or two of one name in a folder, or if two are of other lists or
    have no video in common.
    """
    here, there = _evaluations(first), _evaluations(second)
    pairs = [(path, there[name]) for name, path in here.items() if name in there]
    if len(here) == len(there) == 1:
        pairs = list(zip(here.values(), there.values(), strict=True))
    if not pairs:
        raise InputError(f"{first}, {second}: no run was evaluated in both")
    yield from _configs(first, second)
    for pair in pairs:
        yield from _compared(*map(_result, pair))
    compared = {path for pair in pairs for path in pair}
    for folder, found in ((first, here), (second, there)):
        if alone := [name for name, path in found.items() if path not in compared]:
            yield f"{folder} alone has {', '.join(alone)}"


def _configs(first: Path, second: Path) -> Iterator[str]:
    """Where both folders are of one experiment each, what differs between their configs, a line each."""
    files = [Paths(folder).config for folder in (first, second)]
    if all(file.is_file() for file in files):
        yield from (f"config: {change}" for change in changes(*(merged([file]) for file in files)))


def _evaluations(folder: Path) -> dict[str, Path]:
    """By the names of the runs. Errors: InputError for two of one name."""
    found: dict[str, Path] = {}
    for path in sorted(folder.rglob("eval.json")):
        if (other := found.setdefault(path.parent.name, path)) != path:
            raise InputError(f"{folder}: has {other} and {path}; name the folder of one experiment")
    return found


def _result(path: Path) -> Result[Evaluation]:
    evaluation = Evaluation.read(path)
    return Result(path, evaluation, evaluation.predictions(path.with_name("predictions.csv")).set_index("video"))


def _compared(first: Result[Evaluation], second: Result[Evaluation]) -> Iterator[str]:
    for result in (first, second):
        record, path = result.record, result.path.parent
        video = f"video {record.video_accuracy:.1%} of {record.videos_used} videos"
        yield "; ".join(filter(None, [f"{path}: {video}", record.left_out(record.video_accuracy)]))
        yield from (f"  {note}" for note in overlap_notes(record.overlap))
    if differences := changes(first.record.origin.settings, second.record.origin.settings):
        yield f"  made with other settings: {', '.join(differences)}"
    one, other = same_videos({0: first, 1: second}).values()
    yield f"  of the {len(one.videos)} videos that both scored:"
    for kind in KINDS:
        before, after = scores_of(kind, one), scores_of(kind, other)
        difference = f"{after.accuracy - before.accuracy:+.1%}{told(after.difference_interval(before), '+')}"
        yield f"  {kind} {_shown(before)} and {_shown(after)}, second less first {difference}"


def _shown(scores: Scores) -> str:
    return f"{scores.accuracy:.1%}{told(scores.interval())}"

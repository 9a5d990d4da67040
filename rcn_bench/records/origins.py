"""What a result of an experiment comes from, and whether a result is one of its own."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rcn_bench.code import Code
from rcn_bench.errors import InputError, warn
from rcn_bench.files import file_hash
from rcn_bench.plan.experiment import Experiment
from rcn_bench.plan.stages import STAGES, Dependencies, dependencies
from rcn_bench.provenance import Origin, Start, named
from rcn_bench.records.base import Record

_told: set[str] = set()  # stages of whose other code this process has said so


def begin(
    experiment: Experiment,
    stage: str,
    target: str = "",
    inputs: Iterable[Path | tuple[Path, str]] = (),
    *,
    earlier: Sequence[Start] = (),
    with_torch: bool = True,
) -> Origin:
    """The origin of a job that starts now; stage and target as in ``plan.stages.dependencies``.

    inputs: files that it reads, or pairs of one and what it is known by: its sha256 if that is known, of a cache its
    fingerprint. earlier: the job's starts before, if it is resumed. with_torch: whether it computes with torch.
    Errors: InputError for an unknown stage or target, or a file that cannot be read.
    """
    depends = dependencies(experiment, stage, target)
    known = dict(_known(file, experiment) for file in inputs)
    return Origin.begin(stage, depends.settings, depends.code.hash, known, earlier, with_torch=with_torch)


def require_own(made: Record | Origin, experiment: Experiment, stage: str, target: str, path: Path) -> None:
    """Refuse a result of other settings than the experiment's; of other code alone, say so on stderr, once a stage.

    path: of the result. Errors: InputError that names the file and what differs.
    """
    if isinstance(made, Record):
        origin, command = made.origin, made.command(path)
    else:  # the card of weights
        origin, command = made, f"rcn-bench {stage} {target}"
    depends = dependencies(experiment, stage, target)
    earlier, now = _settings(origin.settings), _settings(json.loads(json.dumps(depends.settings)))
    if differences := now.differences(earlier.parts()):
        raise InputError(f"{path}: made with other settings: {', '.join(differences)}; run `{command}` again")
    if origin.code != depends.code.hash and stage not in _told:
        _told.add(stage)
        warn(f"{path}, perhaps others: made with other code of {stage} ({origin.code}, now {depends.code.hash})")


@contextmanager
def silent_on_code() -> Iterator[None]:
    """While it holds, require_own says nothing of other code: for who says it of all results at once."""
    told = _told.copy()
    _told.update(STAGES)
    try:
        yield
    finally:
        _told.intersection_update(told)


def _known(file: Path | tuple[Path, str], experiment: Experiment) -> tuple[str, str]:
    path, known = (file, "") if isinstance(file, Path) else file
    try:
        return named(path, experiment.results), known or file_hash(path)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error


def _settings(settings: Mapping[str, Any]) -> Dependencies:
    """Those alone, without code and files."""
    return Dependencies(settings, Code({}), {})

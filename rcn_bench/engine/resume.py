"""Checkpoints: everything a training needs to go on after its last whole epoch, and after the one before that."""

import hashlib
import io
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from rcn_bench.errors import InputError, refusing, warn
from rcn_bench.files import replacing
from rcn_bench.models.finite import require_finite
from rcn_bench.plan.stages import SPREAD, Dependencies
from rcn_bench.process import Process
from rcn_bench.provenance import Start
from rcn_bench.records.plain import from_plain, to_plain
from rcn_bench.records.runs import Epoch

ADVICE = "delete it to train anew"
# How processes share batches may change from one start to the next: clips, their order and their batches do not.
MAY_DIFFER = tuple(f"train.{key} " for key in SPREAD)  # as differences begin
MARK = b"rcn checkpoint 1\n"  # what a file begins with; then the sha256 of the rest, and the rest


class DamagedCheckpoint(InputError):
    """A file that does not hold what was written."""


def save_checkpoint(
    path: Path, identity: Dependencies, starts: Sequence[Start], epochs: Sequence[Epoch], parts: dict[str, Any]
) -> None:
    """Write the state of every part (model, optimizer, ...) after some whole epochs, and keep that of before.

    identity: all that the training depends on. starts: of its job so far.
    """
    content = {
        "identity": identity.parts(),
        "starts": to_plain(starts),
        "epochs": to_plain(epochs),
        **{name: part.state_dict() for name, part in parts.items()},
    }
    buffer = io.BytesIO()
    torch.save(content, buffer)
    with replacing(path) as temporary:
        with temporary.open("wb") as file:  # in two, since their sum would be a copy of all
            file.write(MARK + hashlib.sha256(buffer.getbuffer()).digest())
            file.write(buffer.getbuffer())
        if path.is_file():
            os.replace(path, _before(path))


def resume(path: Path, identity: Dependencies, parts: dict[str, Any]) -> tuple[list[Start], list[Epoch]]:
    """Load a checkpoint into the parts; returns the starts and whole epochs before, ([], []) without a checkpoint.

    One that is damaged, or lost, is replaced by the one before it, with a line that says so.
    Errors: InputError if there is none that is whole, or if it is of a training that depended on anything else, which
    is named; unless that was finished, when nothing is lost by training anew.
    """
    if not path.is_file():
        finished = _resume_finished(_finished(path), identity, parts)
        if finished or not _before(path).is_file():
            return finished or ([], [])
    try:
        return _load(path, identity, parts)
    except DamagedCheckpoint as error:
        if not _before(path).is_file():
            raise
        loaded = _load(_before(path), identity, parts)
        warn(f"{error}; going on from the one before it")
        os.replace(_before(path), path)  # the damaged one must not become the one before, in the place of this
        return loaded


def resume_together(
    process: Process, path: Path, identity: Dependencies, parts: dict[str, Any]
) -> tuple[list[Start], list[Epoch]]:
    """As ``resume``, by the main process; all others get its parts, whatever they started with, and all call it."""
    if process.world == 1:
        return resume(path, identity, parts)
    before: tuple[list[Start], list[Epoch]] = [], []
    state = io.BytesIO()
    if process.is_main:
        before = resume(path, identity, parts)
        torch.save({name: part.state_dict() for name, part in parts.items()}, state)
    before, content = process.from_main((before, state.getvalue()))
    if not process.is_main:
        for name, part_state in torch.load(io.BytesIO(content), "cpu", weights_only=True).items():
            _load_part(parts[name], part_state)
    return before


def keep_finished(path: Path) -> None:
    """Set the last checkpoint of a finished training aside, from which its results could be written again."""
    if path.is_file():  # else it is what this training went on from
        os.replace(path, _finished(path))
    _before(path).unlink(missing_ok=True)


def discard_finished(path: Path) -> None:
    """Remove what was set aside: the training's results are in use."""
    _finished(path).unlink(missing_ok=True)


def _before(path: Path) -> Path:
    return path.with_suffix(f".before{path.suffix}")


def _finished(path: Path) -> Path:
    return path.with_suffix(f".finished{path.suffix}")


def _resume_finished(
    path: Path, identity: Dependencies, parts: dict[str, Any]
) -> tuple[list[Start], list[Epoch]] | None:
    """None if there is none of this training."""
    if not path.is_file():
        return None
    try:
        content = _own_content(path, identity)  # by processes as now, since its results are not computed again
    except InputError:
        path.unlink()
        return None
    return _loaded(content, path, parts)


def _load(path: Path, identity: Dependencies, parts: dict[str, Any]) -> tuple[list[Start], list[Epoch]]:
    return _loaded(_own_content(path, identity, may_differ=MAY_DIFFER), path, parts)


def _own_content(path: Path, identity: Dependencies, may_differ: tuple[str, ...] = ()) -> dict[str, Any]:
    """What a checkpoint of this training holds. Errors: DamagedCheckpoint; InputError for one of another."""
    content = _content(path)
    with refusing(lambda why: InputError(f"{path}: checkpoint of an earlier version; {ADVICE}")):
        found = identity.differences(content["identity"])
        differences = [difference for difference in found if not difference.startswith(may_differ)]
    if differences:
        what = ", ".join(differences)
        raise InputError(f"{path}: checkpoint of another training: {what}; {ADVICE}, or undo the change")
    return content


def _loaded(content: dict[str, Any], path: Path, parts: dict[str, Any]) -> tuple[list[Start], list[Epoch]]:
    with refusing(lambda why: InputError(f"{path}: checkpoint that does not fit this model ({why}); {ADVICE}")):
        starts = from_plain(list[Start], content["starts"], path, ADVICE)
        epochs = from_plain(list[Epoch], content["epochs"], path, ADVICE)
        for name, part in parts.items():
            require_finite(content[name], f"{path}: {name}", ADVICE)
            _load_part(part, content[name])
    return starts, epochs


def _load_part(part: Any, state: dict[str, Any]) -> None:
    """Errors: ValueError, or others, for a state that would fail later, at the first step."""
    own = part.state_dict()
    if {name: type(value) for name, value in state.items()} != {name: type(value) for name, value in own.items()}:
        raise ValueError("its values are of another kind")
    if isinstance(part, torch.optim.Optimizer):
        part.load_state_dict(own | {"state": state["state"]})  # its settings are those of the config
        for parameter, kept in part.state.items():
            for name, value in kept.items():
                if not isinstance(value, torch.Tensor) or value.shape != parameter.shape:
                    raise ValueError(f"{name} is not that of its parameter")
    else:
        part.load_state_dict(state)


def _content(path: Path) -> Any:
    """Errors: DamagedCheckpoint; InputError for one of an earlier version."""
    try:
        stored = memoryview(path.read_bytes())
    except OSError as error:
        raise DamagedCheckpoint(f"{path}: checkpoint that cannot be read ({error.strerror}); {ADVICE}") from error
    start = len(MARK) + hashlib.sha256().digest_size
    if hashlib.sha256(stored[start:]).digest() != stored[len(MARK) : start] or stored[: len(MARK)] != MARK:
        raise DamagedCheckpoint(f"{path}: damaged checkpoint, or of an earlier version; {ADVICE}")
    with refusing(lambda why: InputError(f"{path}: not a checkpoint ({why}); {ADVICE}")):
        return torch.load(io.BytesIO(stored[start:]), "cpu", weights_only=True)

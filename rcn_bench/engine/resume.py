"""Checkpoints: everything a training needs to go on after its last whole epoch."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from rcn_bench.errors import InputError, reason
from rcn_bench.files import write_bytes
from rcn_bench.plan.stages import Dependencies
from rcn_bench.provenance import Start
from rcn_bench.records.plain import from_plain, to_plain
from rcn_bench.records.runs import Epoch

ADVICE = "delete it to train anew"


def save_checkpoint(
    path: Path, identity: Dependencies, starts: Sequence[Start], epochs: Sequence[Epoch], parts: dict[str, Any]
) -> None:
    """Write the state of every part (model, optimizer, ...) after some whole epochs.

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
    write_bytes(path, buffer.getbuffer())


def resume(path: Path, identity: Dependencies, parts: dict[str, Any]) -> tuple[list[Start], list[Epoch]]:
    """Load a checkpoint into the parts; returns the starts and whole epochs before, ([], []) without a checkpoint.

    Errors: InputError if it is damaged, or of a training that depended on anything else, which it names.
    """
    if not path.is_file():
        return [], []
    try:
        content = torch.load(path, "cpu", weights_only=True)
    except Exception as error:  # torch.load raises many kinds on damaged files
        raise InputError(f"{path}: damaged checkpoint ({type(error).__name__}); {ADVICE}") from error
    if not isinstance(content, dict) or not isinstance(content.get("identity"), dict):
        raise InputError(f"{path}: checkpoint of an earlier version; {ADVICE}")
    if differences := identity.differences(content["identity"]):
        what = ", ".join(differences)
        raise InputError(f"{path}: checkpoint of another training: {what}; {ADVICE}, or undo the change")
    try:
        starts = from_plain(list[Start], content["starts"], path, ADVICE)
        epochs = from_plain(list[Epoch], content["epochs"], path, ADVICE)
        for name, part in parts.items():
            part.load_state_dict(content[name])
    except (KeyError, RuntimeError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path}: checkpoint that does not fit this model ({reason(error)}); {ADVICE}") from error
    return starts, epochs

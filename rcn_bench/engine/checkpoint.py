"""Checkpoints: everything a training needs to go on after its last whole epoch."""

import io
from pathlib import Path
from typing import Any

import torch

from rcn_bench.errors import InputError
from rcn_bench.files import write_bytes


def save_checkpoint(path: Path, config_hash: str, epoch: int, metrics: list[dict], parts: dict[str, Any]) -> None:
    """Write the state of every part (model, optimizer, ...) after ``epoch`` whole epochs."""
    content = {
        "config_hash": config_hash,
        "epoch": epoch,
        "metrics": metrics,
        **{name: part.state_dict() for name, part in parts.items()},
    }
    buffer = io.BytesIO()
    torch.save(content, buffer)
    write_bytes(path, buffer.getbuffer())


def resume(path: Path, config_hash: str, parts: dict[str, Any]) -> tuple[int, list[dict]]:
    """Load a checkpoint into the parts; returns whole epochs done and their metrics, (0, []) without a checkpoint.

    Errors: InputError if it is damaged or was written under another config.
    """
    if not path.is_file():
        return 0, []
    try:
        content = torch.load(path, "cpu", weights_only=True)
    except Exception as error:  # torch.load raises many kinds on damaged files
        raise InputError(f"{path}: damaged checkpoint ({type(error).__name__}); delete it to train anew") from error
    if content.get("config_hash") != config_hash:
        raise InputError(
            f"{path}: checkpoint of another config ({content.get('config_hash')}, now {config_hash}); "
            "delete it to train anew, or restore the config"
        )
    for name, part in parts.items():
        part.load_state_dict(content[name])
    return content["epoch"], content["metrics"]

"""The card of trained weights: what model.safetensors says of itself, enough to use it without any other file."""

import hashlib
import json
import reprlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import safe_open

from rcn_bench.errors import InputError, refusing
from rcn_bench.provenance import Origin
from rcn_bench.records.plain import checked_plain, from_plain, once, to_plain

CONFIG_KEYS = {  # where an experiment's config has what the card says, if under another name
    "stride": "clip.stride",
    "crop": "clip.crop",
    "short_side": "data.short_side",
    "frame_rate": "data.frame_rate",
    "autocast": "train.autocast",
}
UNSEALED = b"in the place of the sha256 of this file, but for this, 64 bytes."  # as long as one in hexadecimal digits


@dataclass(frozen=True, kw_only=True)
class Card:
    """How a run's network is built and fed.

    labels: by class. frames, stride, crop, evaluation_clips, evaluation_crops: of its clips. short_side, frame_rate: of
    the videos, None as they are. recurrent_layers: names of the w_hh parameters in the network's order, which the file
    does not keep.
    """

    run: str
    labels: list[str]
    stem_pool: bool
    frames: int
    stride: int
    crop: int
    evaluation_clips: int
    evaluation_crops: int
    short_side: int | None
    frame_rate: float | None
    autocast: str
    plugins: list[str]
    recurrent_layers: list[str]
    origin: Origin

    def check(self) -> None:
        """Errors: ValueError for what no clip can be taken with, or labels that cannot be told apart."""
        clips = ("frames", "stride", "crop", "evaluation_clips", "evaluation_crops")
        for name in (*clips, "short_side", "frame_rate"):
            if (value := getattr(self, name)) == 0:
                raise ValueError(f"{name}: {value} is too little")
        if not self.labels or len(set(self.labels)) < len(self.labels):
            raise ValueError("labels: " + ("one is there twice" if self.labels else "there are none"))

    def to_metadata(self) -> dict[str, str]:
        """For the header of a safetensors file, which is then to be ``sealed``.

        Errors: InputError for a field that could not be read back.
        """
        return {"card": json.dumps({**checked_plain(self, f"the card of {self.run}"), "sha256": UNSEALED.decode()})}

    @classmethod
    def of(cls, path: Path) -> "Card":
        """The card of a run's model.safetensors. Errors: InputError if it is missing, or any other file."""
        if not path.is_file():
            raise InputError(f"{path}: no such weights file; train the run first")
        foreign = f"{path}: not the model.safetensors of a run"
        with refusing(lambda why: InputError(foreign)):
            with safe_open(path, "numpy") as file:
                metadata = file.metadata() or {}
            content = json.loads(metadata.get("card", "null"), object_pairs_hook=once)
        if not isinstance(content, dict):
            raise InputError(f"{path}: of an earlier version; train the run again" if "run" in metadata else foreign)
        seal = content.pop("sha256", None)
        card = from_plain(cls, content, path, "train the run again")
        if not _is_sealed(path.read_bytes(), seal):
            raise InputError(f"{path}: changed since it was written; put its own back, or train the run again")
        return card

    def differences(self, others: Mapping[str, Any]) -> list[str]:
        """What an experiment has otherwise, such as "clip.crop: 32, the config has 16".

        others: fields of a card by name, those that the experiment tells.
        """
        mine, theirs = to_plain(self), to_plain(dict(others))
        return [
            f"{CONFIG_KEYS.get(name, name)}: {reprlib.repr(mine[name])}, the config has {reprlib.repr(value)}"
            for name, value in theirs.items()
            if mine[name] != value
        ]


def sealed(weights: bytes) -> bytes:
    """A safetensors file whose header has a card, with the checksum of it all in that card."""
    return weights.replace(UNSEALED, _seal(weights).encode(), 1)


def _is_sealed(weights: bytes, seal: Any) -> bool:
    readable = isinstance(seal, str) and seal.isascii()
    return readable and _seal(weights.replace(seal.encode(), UNSEALED, 1)) == seal


def _seal(unsealed: bytes) -> str:
    return hashlib.sha256(unsealed).hexdigest()

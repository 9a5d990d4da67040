"""The card of an exported network: what its file says of itself, enough to run it on video without any other file."""

import json
from dataclasses import dataclass, field
from pathlib import Path

from rcn_bench.records.plain import checked_plain, from_plain, read_plain

KEY = "rcn_bench"  # of an ONNX file's metadata, or AOTInductor's; that of torch.export is a file of this name
ADVICE = "write it with `rcn-bench export`"
FRAME, STARTED, LOGITS = "frame", "started", "logits"  # names of inputs and outputs
SUFFIXES = {"onnx": ".onnx", "torch": ".pt2", "aoti": ".pt2"}  # of files, by their format
STATE, NEXT = "state.", "next."  # how those of a state's parts begin


@dataclass(frozen=True, kw_only=True)
class ExportedCard:
    """How an exported network is fed.

    network: a run, or a model with random weights. clip: frames of a clip; 0 of a step, which takes one frame of each
    video, whether that has started, and the state. labels: by class. frames: after which a state starts anew, 0 for
    never. stride, crop, short_side, frame_rate: as on the card of weights. mean, std: by which colours from 0 to 1 are
    normalised. weights_sha256: None of random weights. versions: of the packages that wrote it. precision: float32, or
    int8 for convolutions. states: the shapes of a step's parts of one video, without its axis, by name and in order.
    """

    network: str
    clip: int
    labels: list[str]
    frames: int
    stride: int
    crop: int
    short_side: int | None
    frame_rate: float | None
    mean: list[float]
    std: list[float]
    versions: dict[str, str]
    weights_sha256: str | None = None
    precision: str = "float32"
    states: dict[str, list[int]] = field(default_factory=dict)

    def check(self) -> None:
        """Errors: ValueError for what no frame can be taken with."""
        for name in ("stride", "crop", "short_side", "frame_rate"):
            if getattr(self, name) == 0:
                raise ValueError(f"{name}: 0 is too little")
        if not self.labels:
            raise ValueError("labels: there are none")
        if len(self.mean) != 3 or len(self.std) != 3 or 0 in self.std:
            raise ValueError("mean, std: three numbers each are wanted, and no std of 0")

    def to_json(self) -> str:
        """Errors: InputError for a field that could not be read back."""
        return json.dumps(checked_plain(self, f"the card of {self.network}"))

    @classmethod
    def of(cls, text: str, path: Path) -> "ExportedCard":
        """Errors: InputError for what is none."""
        return from_plain(cls, read_plain(text, path, ADVICE), path, ADVICE)

"""The files of runs, and of what comes before them: shards of a cache, 2D networks trained on stills."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from rcn_bench.errors import InputError
from rcn_bench.files import write_text
from rcn_bench.records.base import Record, read_made
from rcn_bench.records.plain import checked_plain, from_plain
from rcn_bench.records.rows import COUNT, RIGHT, SCORE, TEXT, Column, read_rows

if TYPE_CHECKING:
    import pandas as pd

# A row a video. score: of the predicted class. clips_correct: how many clips were right by themselves.
PREDICTIONS = dict.fromkeys(("video", "group", "label", "predicted"), TEXT) | {"score": SCORE, "clips_correct": COUNT}


@dataclass(frozen=True, slots=True)
class Skipped:
    """A video that is annotated but not used, and why."""

    id: str
    reason: str


@dataclass(frozen=True)
class Epoch:
    """A line of metrics.jsonl. epoch: from 1 on. lr: of its last step. seconds: that it took."""

    epoch: int
    loss: float
    accuracy: float
    lr: float
    samples: int
    seconds: float


def write_metrics(path: Path, epochs: Sequence[Epoch]) -> None:
    """Write metrics.jsonl, a line an epoch. Errors: InputError for a number that is not finite."""
    lines = (json.dumps(checked_plain(epoch, f"{path}: epoch {epoch.epoch}")) + "\n" for epoch in epochs)
    write_text(path, "".join(lines))


def read_metrics(path: Path) -> list[Epoch]:
    """Read metrics.jsonl. Errors: InputError if it is not there, or a line is none of an epoch or of a wrong one."""
    command = Trained.command(path)
    try:
        lines = read_made(path, command).decode().splitlines()
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: cannot be read ({error}); run `{command}` again") from error
    return [_epoch(line, number, path) for number, line in enumerate(lines, start=1)]


def _epoch(line: str, number: int, path: Path) -> Epoch:
    where, advice = f"{path}: line {number}", f"run `{Trained.command(path)}` again"
    try:
        content = json.loads(line)
    except (ValueError, RecursionError):
        raise InputError(f"{where}: not JSON; {advice}") from None
    epoch = from_plain(Epoch, content, where, advice)
    if epoch.epoch != number:
        raise InputError(f"{where}: epoch: {epoch.epoch} is not {number}; {advice}")
    return epoch


@dataclass(frozen=True)
class InitialWeights:
    """The 2D weights that a run started from: a file or the name of a download, and the file's sha256."""

    source: str
    sha256: str | None


@dataclass(frozen=True, kw_only=True)
class Trained(Record):
    """provenance.json of a run. initial_weights: None for random ones. peak_memory_bytes: of torch, on a GPU."""

    made_by: ClassVar[str] = "rcn-bench train {path.parent.name}"

    run: str
    seed: int
    data_fingerprint: str
    initial_weights: InitialWeights | None
    videos_used: int
    videos_skipped: list[Skipped]
    clips_trained: int
    training_seconds: float
    training_clips_per_second: float
    peak_memory_bytes: int | None
    weights_sha256: str


@dataclass(frozen=True, kw_only=True)
class Pretrained(Record):
    """What stands beside the weights of a 2D network trained on stills."""

    made_by: ClassVar[str] = "rcn-bench pretrain"

    network: str
    task: str
    held_out_accuracy: float
    held_out_stills: int
    training_seconds: float
    weights_sha256: str


@dataclass(frozen=True, kw_only=True)
class Evaluation(Record):
    """eval.json of a run: accuracies from 0 to 1, and their 95 % intervals over groups of videos.

    weights_sha256: of the weights evaluated. predictions_sha256: of predictions.csv, beside it.
    """

    made_by: ClassVar[str] = "rcn-bench evaluate {path.parent.name}"

    run: str
    clip_accuracy: float
    clip_interval: tuple[float, float]
    video_accuracy: float
    video_interval: tuple[float, float]
    videos_used: int
    videos_skipped: list[Skipped]
    groups: int
    clips_per_video: int
    clip_starts_of_first_video: list[int]
    evaluation_seconds: float
    data_fingerprint: str
    weights_sha256: str
    predictions_sha256: str

    def predictions(self, path: Path) -> "pd.DataFrame":
        """Those of a predictions.csv, a row a video. Errors: InputError if they are not the ones evaluated here."""
        return read_rows(path, PREDICTIONS, self.predictions_sha256, self.command(path))


@dataclass(frozen=True, kw_only=True)
class Online(Record):
    """online.json of a run. ways: in which videos were shown. shares: of a video, after which it was asked.

    online_sha256: of online.csv, beside it.
    """

    made_by: ClassVar[str] = "rcn-bench online {path.parent.name}"

    run: str
    ways: list[str]
    videos: int
    shares: list[float]
    weights_sha256: str
    online_sha256: str

    def rows(self, path: Path) -> "pd.DataFrame":
        """Those of an online.csv, a row a video and way; in a column a share, 1 if right, 0 if wrong, NaN if unknown.

        Errors: InputError if they are not those of this record.
        """
        return read_rows(path, online_columns(self.shares), self.online_sha256, self.command(path))


def online_columns(shares: Iterable[float]) -> dict[str, Column]:
    """A row a video and way: video, group, label, way, and one a share, such as 10%."""
    return dict.fromkeys(("video", "group", "label", "way"), TEXT) | {f"{share:.0%}": RIGHT for share in shares}


@dataclass(frozen=True, kw_only=True)
class ShardRecord(Record):
    """A shard of a cache by its file's name, and its size."""

    made_by: ClassVar[str] = "rcn-bench data cache"

    shard: str
    bytes: int


@dataclass(frozen=True, kw_only=True)
class Calibration(Record):
    """The accuracy, from 0 to 1, of published weights on an experiment's cache.

    weights_file: None for a download. published_accuracy: None if it is not known.
    """

    made_by: ClassVar[str] = "rcn-bench calibrate {path.stem}"

    weights: str
    weights_file: str | None
    published_accuracy: float | None
    video_accuracy: float
    video_interval: tuple[float, float]
    clip_accuracy: float
    frames: int
    clips_per_video: int
    videos_used: int
    videos_skipped: list[Skipped]
    data_fingerprint: str

"""The files of runs, and of what comes before them: shards of a cache, 2D networks trained on stills."""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from rcn_bench.errors import InputError
from rcn_bench.records.base import Record, check_shares, read_hashed, write_hashed
from rcn_bench.records.overlap import Overlap
from rcn_bench.records.plain import checked_plain, from_plain, read_plain
from rcn_bench.records.rows import COUNT, SCORE, TEXT, Column, answers, read_rows
from rcn_bench.records.scores import read_scores

if TYPE_CHECKING:
    import pandas as pd

    from rcn_bench.softmax import ClassScores

MUCH_WAITING = 1 / 3  # of an epoch, for clips

# A row a video. score: of the predicted class. rank: of the true class, 1 where the video is right, at most 5 where it
# is among the best five. clips_correct: how many of its clips were right by themselves.
PREDICTIONS = dict.fromkeys(("video", "group", "label", "predicted"), TEXT)
PREDICTIONS |= {"score": SCORE, "rank": COUNT, "clips_correct": COUNT, "clips": COUNT}


@dataclass(frozen=True, slots=True)
class Skipped:
    """A video that is annotated but not used, and why."""

    id: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class OfVideos:
    """How many videos of a list a result is of, for a record.

    videos_listed: all. videos_usable: those that the cache has, since they could be decoded and had a known label.
    videos_used: those long enough for a clip. videos_skipped: all others of the list.
    """

    videos_listed: int
    videos_usable: int
    videos_used: int
    videos_skipped: list[Skipped]

    def check(self) -> None:
        """Errors: ValueError if it is of no video, of which there is no accuracy, or of more than there are."""
        if self.videos_used == 0:
            raise ValueError("videos_used: 0 of them are no result")
        if not self.videos_used <= self.videos_usable <= self.videos_listed:
            counts = f"{self.videos_used} of {self.videos_usable} usable of {self.videos_listed} listed"
            raise ValueError(f"videos_used: {counts} cannot be")

    def left_out(self, accuracy: float | None = None) -> str:
        """Such as "7 of 20 listed videos left out: 1 unusable, 6 too short for a clip"; empty if none is.

        accuracy: of the videos used; where many are left out, its bounds stand there too.
        """
        from rcn_bench.intervals import bounds  # which loads numpy

        unusable, too_short = self.videos_listed - self.videos_usable, self.videos_usable - self.videos_used
        kinds = {"unusable": unusable, "too short for a clip": too_short}
        told = ", ".join(f"{count} {kind}" for kind, count in kinds.items() if count)
        if accuracy is not None and (ends := bounds(accuracy, self.videos_used, self.videos_listed)):
            told += f"; {ends[0]:.1%} to {ends[1]:.1%} of all, if those were all wrong or all right"
        return told and f"{unusable + too_short} of {self.videos_listed} listed videos left out: {told}"


@dataclass(frozen=True)
class Epoch:
    """A line of metrics.jsonl. epoch: from 1 on. lr: of its last step. seconds: that it took.

    validation_accuracy: of clips of the validation videos, after the epoch; None where it was not asked for.
    waiting_for_clips: the share of its steps' time, since the training's last start, in which a device had no clips; of
    several processes that of the one with most. None in records of before it was looked at.
    """

    epoch: int
    loss: float
    accuracy: float
    lr: float
    samples: int
    seconds: float
    validation_accuracy: float | None = None
    waiting_for_clips: float | None = None

    def check(self) -> None:
        check_shares(self, "accuracy", "validation_accuracy", "waiting_for_clips")
        if self.samples == 0:
            raise ValueError("samples: 0 of them are no epoch")

    @property
    def much_waiting(self) -> float | None:
        """The share of waiting for clips, if that is so much that more ``train.workers`` would help."""
        return self.waiting_for_clips if (self.waiting_for_clips or 0) > MUCH_WAITING else None


def write_metrics(path: Path, epochs: Sequence[Epoch]) -> str:
    """Write metrics.jsonl, a line an epoch; returns its sha256. Errors: InputError for a number that is not finite."""
    lines = (json.dumps(checked_plain(epoch, f"{path}: epoch {epoch.epoch}")) + "\n" for epoch in epochs)
    return write_hashed(path, "".join(lines).encode())


def _epoch(line: str, number: int, path: Path, command: str) -> Epoch:
    where, advice = f"{path}: line {number}", f"run `{command}` again"
    epoch = from_plain(Epoch, read_plain(line, where, advice), where, advice)
    if epoch.epoch != number:
        raise InputError(f"{where}: epoch: {epoch.epoch} is not {number}; {advice}")
    return epoch


@dataclass(frozen=True)
class InitialWeights:
    """The 2D weights that a run started from: a file or the name of a download, and the file's sha256."""

    source: str
    sha256: str | None


@dataclass(frozen=True, kw_only=True)
class Trained(OfVideos, Record):
    """provenance.json of a run.

    initial_weights: None for random ones. deterministic: whether the same command on the same kind of machine gives
    the same bits. peak_memory_bytes: of torch, on a GPU. metrics_sha256: of metrics.jsonl, beside it.
    validation_fingerprint: of the videos that were looked at while it was trained; None without.
    batch_norm: of several processes, what its statistics were of, per_gpu or synchronised; the running ones, by which
    the network is evaluated, are then the first process's, which has seen its part of every batch, or all of them.
    """

    made_by: ClassVar[str] = "rcn-bench train {path.parent.name}"
    subject: ClassVar[str] = "run"
    beside: ClassVar[Mapping[str, str]] = {"metrics_sha256": "metrics.jsonl", "weights_sha256": "model.safetensors"}

    run: str
    seed: int
    data_fingerprint: str
    initial_weights: InitialWeights | None
    clips_trained: int
    deterministic: bool
    training_seconds: float
    training_clips_per_second: float
    peak_memory_bytes: int | None
    metrics_sha256: str
    weights_sha256: str
    validation_fingerprint: str | None = None
    batch_norm: str | None = None

    def check(self) -> None:
        super().check()
        if self.clips_trained == 0:
            raise ValueError("clips_trained: 0 of them are no training")

    def epochs(self, path: Path) -> list[Epoch]:
        """Those of a metrics.jsonl. Errors: InputError if they are not the ones of this training."""
        command = self.command(path)
        content = read_hashed(path, self.metrics_sha256, command)
        try:
            lines = content.decode().splitlines()
        except UnicodeDecodeError as error:
            raise InputError(f"{path}: cannot be read ({error}); run `{command}` again") from error
        epochs = [_epoch(line, number, path, command) for number, line in enumerate(lines, start=1)]
        require_found(self, {"clips_trained": sum(epoch.samples for epoch in epochs)}, path)
        return epochs


@dataclass(frozen=True, kw_only=True)
class Pretrained(Record):
    """What stands beside the weights of a 2D network trained on stills."""

    made_by: ClassVar[str] = "rcn-bench pretrain"
    subject: ClassVar[str] = "network"
    beside: ClassVar[Mapping[str, str]] = {"weights_sha256": "{path.stem}.safetensors"}

    network: str
    task: str
    held_out_accuracy: float
    held_out_stills: int
    training_seconds: float
    weights_sha256: str

    def check(self) -> None:
        check_shares(self, "held_out_accuracy")

    @classmethod
    def command(cls, path: Path) -> str:
        return f"{cls.made_by} {path.stem.removesuffix('-stills')}"


@dataclass(frozen=True, kw_only=True)
class Evaluation(OfVideos, Record):
    """eval.json of a run: accuracies from 0 to 1, and their 95 % intervals over groups of videos, None of too few.

    labels: of the classes, in the order of the scores' columns.
    clips: of all videos. clips_per_video: the most; a video too short for as many has as many as fit. crops: of every
    clip, so that there are clips x crops rows of scores.
    overlap: with the videos of training; None if they were not there to compare.
    weights_sha256: of the weights evaluated. scores_sha256, predictions_sha256: of scores.safetensors, from which the
    accuracies and all of predictions.csv are computed, and of that; both lie beside it.
    """

    made_by: ClassVar[str] = "rcn-bench evaluate {path.parent.name}"
    subject: ClassVar[str] = "run"
    beside: ClassVar[Mapping[str, str]] = {
        "scores_sha256": "scores.safetensors",
        "predictions_sha256": "predictions.csv",
    }

    run: str
    clip_accuracy: float
    clip_interval: tuple[float, float] | None
    video_accuracy: float
    video_interval: tuple[float, float] | None
    labels: list[str]
    groups: int
    clips: int
    clips_per_video: int
    crops: int
    clip_starts_of_first_video: list[int]
    overlap: Overlap | None
    evaluation_seconds: float
    data_fingerprint: str
    weights_sha256: str
    scores_sha256: str
    predictions_sha256: str

    def check(self) -> None:
        super().check()
        check_shares(self, "clip_accuracy", "clip_interval", "video_accuracy", "video_interval")
        if not self.videos_used <= self.clips <= self.videos_used * self.clips_per_video:
            most = f"at most {self.clips_per_video} a video"
            raise ValueError(f"clips: {self.clips} of {self.videos_used} videos, {most}, cannot be")

    def scores(self, path: Path) -> "ClassScores":
        """Those of a scores.safetensors, (clips x crops, classes), float16: logits, as the videos of predictions.

        The clips of a video stand behind each other, and so do the crops of a clip.

        Errors: InputError if they are not the ones evaluated here.
        """
        return read_scores(path, self.scores_sha256, (self.clips * self.crops, len(self.labels)), self.command(path))

    def predictions(self, path: Path) -> "pd.DataFrame":
        """Those of a predictions.csv, a row a video.

        Errors: InputError if they are not the ones evaluated here, or give other numbers than this record.
        """
        rows = read_rows(path, PREDICTIONS, self.predictions_sha256, self.command(path))
        right = rows["predicted"] == rows["label"]
        allowed = {
            "rank": rows["rank"].between(1, len(self.labels)) & ((rows["rank"] == 1) == right),
            "clips": rows["clips"].between(1, self.clips_per_video),
            "clips_correct": rows["clips_correct"].between(0, rows["clips"]),
        }
        for column, fits in allowed.items():
            if not fits.all():
                row = int((~fits).argmax())
                raise InputError(
                    f"{path}: line {row + 2}: {column}: {rows[column][row]} cannot be; run `{self.command(path)}` again"
                )
        videos = len(rows)
        clips, clips_right = int(rows["clips"].sum()), int(rows["clips_correct"].sum())
        found = {"videos_used": videos, "groups": rows["group"].nunique(), "clips": clips}
        shares = {"video_accuracy": int(right.sum()) / max(videos, 1), "clip_accuracy": clips_right / max(clips, 1)}
        require_found(self, found | shares, path)
        return rows


@dataclass(frozen=True, kw_only=True)
class Online(OfVideos, Record):
    """online.json of a run. ways: in which videos were shown. shares: of a video, after which it was asked.

    overlap: with the videos of training; None if they were not there to compare.
    online_sha256: of online.csv, beside it.
    """

    made_by: ClassVar[str] = "rcn-bench online {path.parent.name}"
    subject: ClassVar[str] = "run"
    beside: ClassVar[Mapping[str, str]] = {"online_sha256": "online.csv"}

    run: str
    ways: list[str]
    shares: list[float]
    overlap: Overlap | None
    data_fingerprint: str
    weights_sha256: str
    online_sha256: str

    def check(self) -> None:
        super().check()
        check_shares(self, "shares")

    def rows(self, path: Path) -> "pd.DataFrame":
        """Those of an online.csv, a row a video and way; in a column a share, 1 if right, 0 if wrong, NaN if unknown.

        Errors: InputError if they are not those of this record, or of other videos or ways than it says.
        """
        rows = read_rows(path, online_columns(self.shares), self.online_sha256, self.command(path))
        require_found(self, {"videos_used": rows["video"].nunique(), "ways": list(rows["way"].unique())}, path)
        return rows


def require_found(record: Record, found: Mapping[str, Any], path: Path) -> None:
    """Refuse a record whose fields are not what its rows, which lie at ``path``, come to."""
    for name, value in found.items():
        said = getattr(record, name)
        if not (math.isclose(said, value, abs_tol=1e-9) if isinstance(value, (int, float)) else said == value):
            raise InputError(
                f"{path}: {name} of its rows is {value}, the record beside it has {said}; "
                f"run `{record.command(path)}` again"
            )


def online_columns(shares: Iterable[float]) -> dict[str, Column]:
    """A question a share, such as 10%."""
    return answers(f"{share:.0%}" for share in shares)


@dataclass(frozen=True, kw_only=True)
class ShardRecord(Record):
    """A shard of a cache by its file's name, and its size."""

    made_by: ClassVar[str] = "rcn-bench data cache --split {path.parent.name}"

    shard: str
    bytes: int


@dataclass(frozen=True, kw_only=True)
class Calibration(OfVideos, Record):
    """The accuracy, from 0 to 1, of published weights on an experiment's cache.

    clips, clips_per_video, crops: as of an Evaluation.
    weights_file: None for a download. published_accuracy: None if it is not known.
    """

    made_by: ClassVar[str] = "rcn-bench calibrate {path.stem}"
    subject: ClassVar[str] = "weights"

    weights: str
    weights_file: str | None
    published_accuracy: float | None
    video_accuracy: float
    video_interval: tuple[float, float] | None
    clip_accuracy: float
    frames: int
    clips: int
    clips_per_video: int
    crops: int
    data_fingerprint: str

    def check(self) -> None:
        super().check()
        check_shares(self, "published_accuracy", "video_accuracy", "video_interval", "clip_accuracy")

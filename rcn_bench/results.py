"""Results as frames of pandas, for a notebook: a row a run, an epoch, a video, a layer, a model."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from io import BytesIO
from math import nan
from operator import attrgetter
from pathlib import Path
from typing import Any, TypeVar

import pandas as pd

from rcn_bench.errors import InputError
from rcn_bench.page.shelf import Shelf
from rcn_bench.plan.run import Run
from rcn_bench.records.base import Record
from rcn_bench.records.costs import Causality, Certificate, MemoryCosts, ModelCosts, Profile, Speed, Throughput
from rcn_bench.records.hidden_state import HiddenLayer, HiddenState
from rcn_bench.records.lifetime import Lifetime
from rcn_bench.records.products import TableRecord
from rcn_bench.records.rows import answers
from rcn_bench.records.runs import PREDICTIONS, Epoch, Evaluation, Online, Trained
from rcn_bench.trust.tree import labels_of

AnyRecord = TypeVar("AnyRecord", bound=Record)
Row = dict[str, Any]
Getters = Mapping[str, Callable[[Any], Any]]  # by the name of a column, its value of a record; None where there is none

FOLDER = ("results",)
RUN = (*FOLDER, "run", "model", "clip_frames", "w_xh", "w_hh", "seed")
TRAINING: Mapping[str, Callable[[Trained], Any]] = {
    "training_videos": lambda trained: trained.videos_used,
    "training_clips": lambda trained: trained.clips_trained,
    "training_seconds": lambda trained: trained.training_seconds,
    "training_clips_per_second": lambda trained: trained.training_clips_per_second,
    "training_peak_memory_bytes": lambda trained: trained.peak_memory_bytes,
    "training_started_utc": lambda trained: pd.Timestamp(trained.origin.starts[0].time),
    "training_machine": lambda trained: trained.origin.starts[-1].machine.name,
    "training_commit": lambda trained: trained.origin.starts[-1].commit,
    "weights_sha256": lambda trained: trained.weights_sha256,
}
EPOCH: Mapping[str, Callable[[Epoch], Any]] = {
    "epoch": lambda epoch: epoch.epoch,
    "training_loss": lambda epoch: epoch.loss,
    "training_accuracy": lambda epoch: epoch.accuracy,
    "learning_rate": lambda epoch: epoch.lr,
    "epoch_clips": lambda epoch: epoch.samples,
    "epoch_seconds": lambda epoch: epoch.seconds,
    "epoch_waiting_for_clips": lambda epoch: epoch.waiting_for_clips,
    "validation_clip_accuracy": lambda epoch: epoch.validation_accuracy,
}
LAST_EPOCH: Mapping[str, Callable[[Epoch], Any]] = {
    "epochs": lambda epoch: epoch.epoch,
    "last_epoch_training_loss": lambda epoch: epoch.loss,
    "last_epoch_training_accuracy": lambda epoch: epoch.accuracy,
}
EVALUATION: Mapping[str, Callable[[Evaluation], Any]] = {
    "video_accuracy": lambda found: found.video_accuracy,
    "video_accuracy_95_low": lambda found: _end(found.video_interval, 0),
    "video_accuracy_95_high": lambda found: _end(found.video_interval, 1),
    "clip_accuracy": lambda found: found.clip_accuracy,
    "clip_accuracy_95_low": lambda found: _end(found.clip_interval, 0),
    "clip_accuracy_95_high": lambda found: _end(found.clip_interval, 1),
    "evaluation_videos": lambda found: found.videos_used,
    "evaluation_videos_left_out": lambda found: found.videos_listed - found.videos_used,
    "evaluation_clips": lambda found: found.clips,
    "evaluation_seconds": lambda found: found.evaluation_seconds,
}
LAYER: Mapping[str, Callable[[HiddenLayer], Any]] = {
    "layer": lambda layer: layer.layer,
    "parameter": lambda layer: layer.name,
    "channels": lambda layer: layer.channels,
    **{
        f"{when}_{name}": attrgetter(f"{when}.{name}")
        for when in ("start", "trained")
        for name in ("mean", "std", "diagonal_mean", "diagonal_std")
    },
    "relative_change": lambda layer: layer.relative_change,
}
COSTS: Mapping[str, Callable[[ModelCosts], Any]] = {
    "clip_shape": lambda costs: costs.input,
    "classes": lambda costs: costs.classes,
    "parameters": lambda costs: costs.parameters,
    "gmacs_per_clip": lambda costs: costs.gmacs,
    "gmacs_per_new_frame": lambda costs: costs.gmacs_per_new_frame,
    "memory_batch_clips": lambda costs: costs.memory_batch,
    "recompute_activations": lambda costs: costs.recompute_activations,
}
MEMORY: Mapping[str, Callable[[MemoryCosts], Any]] = {
    "activations_bytes": lambda memory: memory.activations_bytes,
    "training_bytes": lambda memory: memory.training_bytes,
    "inference_bytes": lambda memory: memory.inference_bytes,
    "largest_batch_clips": lambda memory: memory.largest_batch,
}
SPEED: Mapping[str, Callable[[Speed], Any]] = {
    "timing_clip_shape": lambda speed: speed.timing_input,
    "timing_batch_clips": lambda speed: speed.timing_batch,
    "training_clips_per_second": lambda speed: speed.training_clips_per_second,
    "inference_clips_per_second": lambda speed: speed.inference_clips_per_second,
    "live_frames_per_second": lambda speed: speed.live_frames_per_second,
    "live_by": lambda speed: speed.live_by,
    "training_spread": lambda speed: speed.spread and speed.spread.training,
    "inference_spread": lambda speed: speed.spread and speed.spread.inference,
    "live_spread": lambda speed: speed.spread and speed.spread.live,
    "timing_cores_lacking": lambda speed: speed.cores_lacking,
}
CERTIFICATE: Mapping[str, Callable[[Certificate], Any]] = {
    "is_causal": lambda found: found.causal,
    "largest_change": lambda found: found.largest_change,
    "clip_frames": lambda found: found.frames,
    "outputs": lambda found: found.outputs,
    "past_frames": lambda found: found.past_frames,
    "future_frames": lambda found: found.future_frames,
}
MODEL = (*FOLDER, "model", "stem_pool", "clip_frames")
MEMORY_COLUMNS = [f"{how}_{name}" for how in ("estimated", "measured") for name in MEMORY]
OF_VIDEO = {"predicted": "predicted_label", "score": "predicted_score", "rank": "label_rank"}  # else as in the file
ANSWER = tuple(answers(()))
TEXTS = dict.fromkeys(("class", "seeds", "runs"), str)  # of tables; a class may be called "01"


@dataclass(frozen=True)
class Results:
    """What lies in one or several folders of results, as frames of pandas; docs/results.md has their columns.

    Accuracies, intervals and shares are from 0 to 1; ``results`` says which folder a row is of.

    runs: a row a run that was trained. epochs: a row a run and epoch. predictions: a row a run and video.
    online: a row a run, video, way and share of the video. lifetime: a row a run, video, way and age of the state.
    hidden_layers: a row a run and recurrent layer. profiles: a row a model and clip length. causality: a row a model.
    tables: by name, as their CSV has them, such as tables["table1_init"]; in percent.
    gaps: a row a record that the configs ask for and that is in no frame, and why.
    """

    runs: pd.DataFrame
    epochs: pd.DataFrame
    predictions: pd.DataFrame
    online: pd.DataFrame
    lifetime: pd.DataFrame
    hidden_layers: pd.DataFrame
    profiles: pd.DataFrame
    causality: pd.DataFrame
    tables: dict[str, pd.DataFrame]
    gaps: pd.DataFrame

    def __repr__(self) -> str:
        """How much there is; a frame itself is shown by its name."""
        frames = {name: frame for name, frame in vars(self).items() if name != "tables"}
        told = [f"{name}: {len(frame):,} rows" for name, frame in frames.items()]
        return "\n".join([*told, f"tables: {', '.join(self.tables)}"])

    @property
    def claims(self) -> pd.DataFrame:
        """A row a claim of the paper, with its verdict; empty where no table of claims is there."""
        return self.tables.get("claims", pd.DataFrame())


def load_results(folder: str | Path, *others: str | Path) -> Results:
    """The results in folders such as results/mini or results/reference/standard as frames of pandas.

    They may be complete or not, at work or kept; neither weights nor videos are read, and no number is computed again,
    as ``rcn-bench verify`` does. A record that is not there, or that was made with other settings or from other files
    than are there now, is left out and named in ``gaps``.

    Errors: InputError, which names the file, for a folder without results and for a record that cannot be read.
    """
    folders = [Path(each) for each in (folder, *others)]
    readers = [_Reader(label, _shelf(each)) for label, each in zip(labels_of(folders), folders, strict=True)]
    return Results(
        runs=_frame(readers, _Reader.runs, (*RUN, *EVALUATION, *LAST_EPOCH, *TRAINING)),
        epochs=_frame(readers, _Reader.epochs, (*RUN, *EPOCH)),
        predictions=_joined(readers, _Reader.predictions, (*RUN, *_names_of(PREDICTIONS), "correct")),
        online=_joined(readers, _Reader.online, (*RUN, *ANSWER, "share_of_video", "correct")),
        lifetime=_joined(readers, _Reader.lifetime, (*RUN, *ANSWER, "state_age_frames", "correct")),
        hidden_layers=_frame(readers, _Reader.hidden_layers, (*RUN, *LAYER)),
        profiles=_frame(readers, _Reader.profiles, (*MODEL, *COSTS, *MEMORY_COLUMNS, *SPEED)),
        causality=_frame(readers, _Reader.causality, (*FOLDER, "model", *CERTIFICATE)),
        tables=_tables(readers),
        gaps=_frame(readers, _Reader.gaps, (*FOLDER, "record", "why")),
    )


def _shelf(folder: Path) -> Shelf:
    shelf = Shelf(folder)
    for path, why in shelf.wrong.items():
        if path not in shelf.records:
            raise InputError(f"{folder}/{why}")
    if not shelf.records:
        raise InputError(f"{folder}: no results yet; `rcn-bench status {folder}` says how far they are")
    return shelf


@dataclass(frozen=True)
class _Reader:
    """The rows of one folder."""

    label: str
    shelf: Shelf

    def records(self, kind: type[AnyRecord]) -> Iterator[tuple[AnyRecord, Path]]:
        """Those of a kind that hold, each with its path."""
        for name, record in self.shelf.records.items():
            if isinstance(record, kind) and name not in self.shelf.wrong:
                yield record, self.shelf.tree.root / name

    @cached_property
    def trainings(self) -> list[tuple[Trained, list[Epoch]]]:
        return [(found, found.epochs(_beside(found, path, "metrics_sha256"))) for found, path in self.records(Trained)]

    def run(self, name: str) -> Row:
        run = Run.parse(name)
        return dict(zip(RUN, (self.label, name, run.variant, run.frames, run.w_xh, run.w_hh, run.seed), strict=True))

    def runs(self) -> Iterator[Row]:
        evaluated = {found.run: found for found, _ in self.records(Evaluation)}
        for trained, epochs in self.trainings:
            yield {
                **self.run(trained.run),
                **_cells(EVALUATION, evaluated.get(trained.run)),
                **_cells(LAST_EPOCH, *epochs[-1:]),
                **_cells(TRAINING, trained),
            }

    def epochs(self) -> Iterator[Row]:
        for trained, epochs in self.trainings:
            yield from (self.run(trained.run) | _cells(EPOCH, epoch) for epoch in epochs)

    def predictions(self) -> Iterator[pd.DataFrame]:
        for found, path in self.records(Evaluation):
            rows = found.predictions(_beside(found, path, "predictions_sha256"))
            right = rows["predicted"] == rows["label"]
            yield self._of_run(found.run, rows.rename(columns=OF_VIDEO).assign(correct=right))

    def online(self) -> Iterator[pd.DataFrame]:
        for found, path in self.records(Online):
            rows = found.rows(_beside(found, path, "online_sha256"))
            yield self._of_run(found.run, _long(rows, "share_of_video", found.shares, float))

    def lifetime(self) -> Iterator[pd.DataFrame]:
        for found, path in self.records(Lifetime):
            rows = found.rows(_beside(found, path, "lifetime_sha256"))
            yield self._of_run(found.run, _long(rows, "state_age_frames", found.ages, int))

    def hidden_layers(self) -> Iterator[Row]:
        for found, _ in self.records(HiddenState):
            yield from (self.run(found.run) | _cells(LAYER, layer) for layer in found.layers)

    def profiles(self) -> Iterator[Row]:
        """Costs and timings, one row of each model at a clip length; either may be missing."""
        costs = {_key(row): row for profile, _ in self.records(Profile) for row in profile.rows}
        speeds = {_key(row): row for timed, _ in self.records(Throughput) for row in timed.rows}
        for key in dict.fromkeys([*costs, *speeds]):
            known = costs.get(key)
            memory = (_cells(MEMORY, each) for each in (known and known.estimated, known and known.measured))
            cells = [cell for of_one in memory for cell in of_one.values()]
            yield {
                **dict(zip(MODEL, (self.label, *key), strict=True)),
                **_cells(COSTS, known),
                **dict(zip(MEMORY_COLUMNS, cells, strict=True)),
                **_cells(SPEED, speeds.get(key)),
            }

    def causality(self) -> Iterator[Row]:
        for found, _ in self.records(Causality):
            yield from ({"results": self.label, "model": row.model} | _cells(CERTIFICATE, row) for row in found.rows)

    def tables(self) -> Iterator[tuple[str, pd.DataFrame]]:
        for table, path in self.records(TableRecord):
            content = BytesIO(table.content(path.with_suffix(".csv")))
            rows = pd.read_csv(content, dtype=TEXTS, keep_default_na=False, na_values=[""])
            rows.insert(0, "results", self.label)
            yield table.name, rows

    def gaps(self) -> Iterator[Row]:
        found = {link.path: f"not there; {link.kind.command(Path(link.path))} makes it" for link in self.shelf.absent}
        found |= {path: why.removeprefix(f"{path}: ") for path, why in self.shelf.wrong.items()}
        yield from ({"results": self.label, "record": path, "why": why} for path, why in found.items())

    def _of_run(self, name: str, rows: pd.DataFrame) -> pd.DataFrame:
        for place, (column, value) in enumerate(self.run(name).items()):
            rows.insert(place, column, value)
        return rows


def _frame(
    readers: Sequence[_Reader], rows: Callable[[_Reader], Iterator[Row]], columns: Sequence[str]
) -> pd.DataFrame:
    return pd.DataFrame([row for reader in readers for row in rows(reader)], columns=list(columns))


def _joined(
    readers: Sequence[_Reader], frames: Callable[[_Reader], Iterator[pd.DataFrame]], columns: Sequence[str]
) -> pd.DataFrame:
    found = [frame for reader in readers for frame in frames(reader)]
    return pd.concat(found, ignore_index=True)[list(columns)] if found else pd.DataFrame(columns=list(columns))


def _tables(readers: Sequence[_Reader]) -> dict[str, pd.DataFrame]:
    found: dict[str, list[pd.DataFrame]] = {}
    for reader in readers:
        for name, rows in reader.tables():
            found.setdefault(name, []).append(rows)
    return {name: pd.concat(frames, ignore_index=True) for name, frames in found.items()}


def _cells(getters: Getters, record: object = None) -> Row:
    """What is not known is NaN, so that a column of numbers stays one."""
    values = {name: None if record is None else get(record) for name, get in getters.items()}
    return {name: nan if value is None else value for name, value in values.items()}


def _end(interval: tuple[float, float] | None, place: int) -> float | None:
    return interval[place] if interval else None


def _key(row: ModelCosts | Speed) -> tuple[str, bool | None, int]:
    return row.model, row.stem_pool, row.frames


def _beside(record: Record, path: Path, field: str) -> Path:
    return record.files_beside(path)[field]


def _names_of(columns: Mapping[str, Any]) -> list[str]:
    return [OF_VIDEO.get(name, name) for name in columns]


def _long(rows: pd.DataFrame, name: str, questions: Sequence[float], kind: type) -> pd.DataFrame:
    """A row an answer, of a table with a column a question. questions: what its columns asked for, in their order."""
    asked = dict(zip(rows.columns[len(ANSWER) :], questions, strict=True))
    return rows.rename(columns=asked).melt(list(ANSWER), var_name=name, value_name="correct").astype({name: kind})

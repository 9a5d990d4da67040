"""What a file says, against what the files before it in the chain come to. All raise Broken where the two differ."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rcn_bench.errors import InputError, refusing
from rcn_bench.plan.products.base import Product
from rcn_bench.predictions import Videos, predictions
from rcn_bench.records.base import Record
from rcn_bench.records.hidden_state import HiddenState
from rcn_bench.records.lifetime import Lifetime
from rcn_bench.records.products import ProductRecord, TableRecord
from rcn_bench.records.rows import read_rows
from rcn_bench.records.runs import PREDICTIONS, Evaluation, Online, Trained
from rcn_bench.reporting.table import Table
from rcn_bench.reporting.write import build

if TYPE_CHECKING:
    from rcn_bench.reporting.figure import Drawing

HALF, LEAST_HALF = 2**-11 + 2**-20, 2**-24  # how far float16 may be from a number, as a share of it, and from 0
LONGEST = 100  # characters of a value that a finding shows


class Broken(InputError):
    """A file that does not hold, and why."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(f"{path}: {why}")
        self.path = path


def check_files_beside(record: Record, path: Path) -> int:
    """Recompute what a record's own files allow; returns how many numbers that were."""
    beside = record.files_beside(path)
    match record:
        case Evaluation():
            return _check_evaluation(record, path, beside["scores_sha256"], beside["predictions_sha256"])
        case Trained():
            record.epochs(beside["metrics_sha256"])
            return 1  # clips_trained
        case Online():
            record.rows(beside["online_sha256"])
        case Lifetime():
            record.rows(beside["lifetime_sha256"])
        case HiddenState():
            matrices = beside["matrices_sha256"]
            return _check_hidden_state(record, path, matrices) if matrices.exists() else 0
    return 0


def _check_evaluation(record: Evaluation, path: Path, scores: Path, table: Path) -> int:
    """All of predictions.csv and the accuracies of eval.json, from the scores of every clip."""
    kept = record.scores(scores)
    rows = read_rows(table, PREDICTIONS, record.predictions_sha256, record.command(path))
    names, groups, labels, clips = (list(rows[column]) for column in ("video", "group", "label", "clips"))
    with refusing(lambda why: Broken(table, f"does not go with the scores beside it ({why})")):
        videos = Videos(names, groups, labels, clips, record.clips_per_video, record.crops)
        found = predictions(kept, record.labels, videos)
    for column, values in found.rows.items():
        for number, (said, value) in enumerate(zip(rows[column], values, strict=True), start=2):
            if said != value:
                raise Broken(table, f"line {number}: {column}: {said}, the scores come to {value}")
    counts = {"groups": rows["group"].nunique(), "videos_used": len(rows), "clips": int(rows["clips"].sum())}
    counts["videos_listed"] = record.videos_used + len(record.videos_skipped)
    clip = record.origin.settings["clip"]
    counts |= {"clips_per_video": clip["evaluation_clips"], "crops": clip["evaluation_crops"]}
    accuracies = found.accuracies()
    for name, value in {**accuracies, **counts}.items():
        if (said := getattr(record, name)) != value:
            raise Broken(path, f"{name}: {_shown(said)}, the scores come to {_shown(value)}")
    return int(rows.size) + len(counts) + len(accuracies)


def _shown(value: Any) -> str:
    return str([float(each) for each in value] if isinstance(value, tuple) else value)


def _check_hidden_state(record: HiddenState, path: Path, matrices: Path) -> int:
    """The statistics after training, as closely as matrices in float16 tell them."""
    for layer, half in zip(record.layers, record.matrices(matrices), strict=True):
        w_hh = half.astype(np.float64)
        of_all, of_diagonal, said = w_hh.ravel(), np.diagonal(w_hh), layer.trained
        means = {"mean": (said.mean, of_all), "diagonal_mean": (said.diagonal_mean, of_diagonal)}
        stds = {"std": (said.std, of_all), "diagonal_std": (said.diagonal_std, of_diagonal)}
        for name, (value, values) in {**means, **stds}.items():
            found = values.mean() if name in means else values.std()
            if abs(found - value) > HALF * np.sqrt((values**2).mean()) + LEAST_HALF:
                raise Broken(path, f"layer {layer.layer}: {name}: {value}, the matrix beside it comes to {found}")
    return 4 * len(record.layers)


@dataclass(frozen=True)
class Rebuilt:
    """A product, built again from its records, and the sha256 of its numbers as a CSV."""

    made: "Table | Drawing"
    csv_sha256: str

    @classmethod
    def of(cls, product: Product) -> "Rebuilt":
        made = build(product)
        return cls(made, _sha256(made.csv()))

    def count(self) -> int:
        """How many numbers it shows."""
        if isinstance(self.made, Table):
            cells = self.made.rows.to_numpy().flat
            return sum(isinstance(cell, (int, float)) and not isinstance(cell, bool) for cell in cells)
        return int(self.made.numbers.select_dtypes("number").size)


def check_product(product: Product, record: ProductRecord, path: Path, rebuilt: Rebuilt, *, same_code: bool) -> int:
    """A table or figure, against what its records come to today; returns how many numbers are the same.

    same_code: whether it was made with today's code; if not, the words of a table's title and notes are its own.
    """
    if record.runs != [run.name for run in product.runs()]:
        raise Broken(path, "runs: others than the config names")
    beside = {field.removeprefix("files."): file for field, file in record.files_beside(path).items()}
    if rebuilt.csv_sha256 != record.files["csv"]:
        raise Broken(beside["csv"], _difference_of_csv(_text(beside["csv"]), rebuilt.made.csv()))
    if isinstance(record, TableRecord) and isinstance(rebuilt.made, Table):
        words = [rebuilt.made.title, *rebuilt.made.notes]
        if same_code and words != [record.title, *record.notes]:
            raise Broken(path, f"title and notes: {_difference([record.title, *record.notes], words)}")
        texts = replace(rebuilt.made, title=record.title, notes=record.notes).texts(record.name)
        for suffix in ("md", "tex"):
            if _sha256(texts[suffix]) != record.files[suffix]:
                told = _difference(_text(beside[suffix]).splitlines(), texts[suffix].splitlines())
                raise Broken(beside[suffix], told)
    return rebuilt.count()


def _difference_of_csv(said: str, made: str) -> str:
    (header, *rows), (columns, *computed) = (list(csv.reader(io.StringIO(text))) for text in (said, made))
    if header != columns or len(rows) != len(computed):
        return f"{_short(header)} in {len(rows)} rows, its records come to {_short(columns)} in {len(computed)}"
    for number, (row, other) in enumerate(zip(rows, computed, strict=True), start=1):
        for column, cell, value in zip_longest(columns, row, other, fillvalue=""):
            if cell != value:
                return f"row {number}, {column}: {_short(cell)}, its records come to {_short(value)}"
    return "written otherwise than its records come to"


def _difference(said: Sequence[str], made: Sequence[str]) -> str:
    """In the first line that differs, from where it does."""
    for number, (line, other) in enumerate(zip_longest(said, made, fillvalue=""), start=1):
        if line != other:
            same = next((at for at, (a, b) in enumerate(zip(line, other, strict=False)) if a != b), 0)
            start = max(same - 20, 0)
            return f"line {number}: {_short(line[start:])!r}, its records come to {_short(other[start:])!r}"
    return "written otherwise than its records come to"


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."


def _text(path: Path) -> str:
    return path.read_text(errors="surrogateescape") if path.is_file() else ""


def _sha256(text: str) -> str:
    return sha256(text.encode()).hexdigest()

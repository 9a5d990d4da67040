"""Records, the CSVs beside them, and what a workflow keeps for itself."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from safetensors.numpy import save
from table_results import AGES, OF_FOUR, SHARES

from fuzz.damage import Reader
from fuzz.mutate import damaged, other_values
from rcn_bench.plan.config import config_hash
from rcn_bench.plan.workflow import known_counts
from rcn_bench.records.base import Document, Record, with_checksum
from rcn_bench.records.hidden_state import HiddenLayer, HiddenState
from rcn_bench.records.lifetime import Lifetime, lifetime_columns
from rcn_bench.records.rows import write_rows
from rcn_bench.records.runs import Epoch, Online, Trained, online_columns, write_metrics
from results import an_example, document_kinds, write_evaluation


def record(folder: Path, kind: type[Document]) -> Reader:
    path, examples = folder / "a.json", []
    for _ in range(2):
        an_example(kind).write(path)
        examples.append(path.read_bytes())

    def read() -> Any:
        made = kind.read(path)
        return made.read_of(path, getattr(made, kind.subject)) if issubclass(kind, Record) and kind.subject else made

    return Reader(f"record {kind.__name__}", tuple(examples), path, read, other_record, share=60)


def _other_cell(example: bytes, rng: Random) -> bytes:
    rows = [line.split(",") for line in example.decode().splitlines()]
    row = rng.choice(rows)
    row[rng.randrange(len(row))] = rng.choice(["", "nan", "-1", "2", "1e999", "9" * 30, "9" * 5000, "a", "\x00", '"'])
    return "".join(",".join(row) + "\n" for row in rows).encode()


def _other_line(example: bytes, rng: Random) -> bytes:
    lines = example.decode().splitlines()
    number = rng.randrange(len(lines))
    lines[number] = json.dumps(other_values(json.loads(lines[number]), rng))
    return "".join(line + "\n" for line in lines).encode()


def _beside(
    path: Path,
    read: Callable[[str], Any],
    other: Callable[[bytes, Random], bytes] = _other_cell,
    share: int = 200,
) -> Reader:
    """A file whose checksum stands in the record beside it; read: with that checksum."""
    example = path.read_bytes()
    sha256 = hashlib.sha256(example).hexdigest()
    known = {"sha256": sha256}

    def remake(example: bytes, rng: Random) -> bytes:
        content = damaged(example, (), rng) if rng.random() < 0.5 else other(example, rng)
        known["sha256"] = hashlib.sha256(content).hexdigest()
        return content

    def whole_again() -> Any:
        try:
            return read(known["sha256"])
        finally:
            known["sha256"] = sha256

    return Reader(path.name, (example,), path, whole_again, remake, share=share)


def other_record(example: bytes, rng: Random, change: Callable[[Any, Random], Any] = other_values) -> bytes:
    """One with other values, and the checksum of those."""
    other = change({key: value for key, value in json.loads(example).items() if key != "sha256"}, rng)
    return json.dumps(with_checksum(other) if isinstance(other, dict) else other).encode()


def predictions(folder: Path) -> Reader:
    path = folder / "predictions.csv"
    evaluation = write_evaluation(folder, [True, False, True], [4, 1, 3], clips=[4, 4, 4])
    return _beside(path, lambda sha256: replace(evaluation, predictions_sha256=sha256).predictions(path).to_csv())


def scores(folder: Path) -> Reader:
    evaluation = write_evaluation(folder, [True, False, True], [4, 1, 3], clips=[4, 4, 4])
    path = folder / "scores.safetensors"

    def other(example: bytes, rng: Random) -> bytes:
        """Another shape, type or name, or values beyond what can be."""
        made = np.frombuffer(example[-2 * 12 * 3 :], np.float16).reshape(rng.choice([(12, 3), (3, 12), (36,), (6, 6)]))
        made = made.astype(rng.choice([np.float16, np.float32, np.int16]))
        if rng.random() < 0.5:
            made = np.full_like(made, rng.choice([np.nan, np.inf]), dtype=np.float16)
        return save({rng.choice(["scores", "score"]): made} | ({"more": made} if rng.random() < 0.2 else {}))

    return _beside(path, lambda sha256: replace(evaluation, scores_sha256=sha256).scores(path).tobytes(), other)


def online(folder: Path) -> Reader:
    path, columns = folder / "online.csv", online_columns(SHARES)
    shown = {name: [1.0, 0.0, float("nan"), 1.0] for name in list(columns)[4:]}
    write_rows(path, columns, {**OF_FOUR, "way": ["forward"] * 4, **shown})
    of = an_example(Online, ways=["forward"], shares=SHARES, videos_used=4)
    return _beside(path, lambda sha256: replace(of, online_sha256=sha256).rows(path).to_csv())


def lifetime(folder: Path) -> Reader:
    path, columns = folder / "lifetime.csv", lifetime_columns(AGES)
    shown = {name: [1.0, 0.0, float("nan"), 1.0] for name in list(columns)[4:]}
    write_rows(path, columns, {**OF_FOUR, "way": ["last"] * 4, **shown})
    of = an_example(Lifetime, ways=["last"], ages=AGES, clip_frames=8, videos=4, groups=3)
    return _beside(path, lambda sha256: replace(of, lifetime_sha256=sha256).rows(path).to_csv())


def metrics(folder: Path) -> Reader:
    path = folder / "metrics.jsonl"
    write_metrics(path, [an_example(Epoch, epoch=number, samples=64) for number in (1, 2, 3)])
    of = an_example(Trained, clips_trained=3 * 64)
    return _beside(path, lambda sha256: replace(of, metrics_sha256=sha256).epochs(path), _other_line, share=150)


def matrices(folder: Path) -> Reader:
    path, tensors = folder / "w_hh.safetensors", {f"{width}.w_hh": np.eye(width, dtype=np.float16) for width in (2, 3)}
    path.write_bytes(save(tensors))
    layers = [an_example(HiddenLayer, name=name, channels=len(w_hh)) for name, w_hh in tensors.items()]
    of = an_example(HiddenState, layers=layers)

    def read(sha256: str) -> Any:
        return [w_hh.tobytes() for w_hh in replace(of, matrices_sha256=sha256).matrices(path)]

    return _beside(path, read, lambda example, rng: damaged(example, (), rng))


def counted_lists(folder: Path) -> Reader:
    path, counts = folder / "lists.json", {"a" * 12: 3, "b" * 12: 4}
    example = json.dumps({"counts": counts, "hash": config_hash(counts)}).encode()

    def remake(example: bytes, rng: Random) -> bytes:
        other = other_values(counts, rng)
        return json.dumps({"counts": other, "hash": config_hash(other)}).encode()

    def read() -> Any:
        """One that is not whole is counted again, to the same."""
        return known_counts(path) or counts

    return Reader("lists.json", (example,), path, read, remake, share=100)


READERS = {
    **{f"record {kind.__name__}": partial(record, kind=kind) for kind in document_kinds()},
    "predictions.csv": predictions,
    "scores.safetensors": scores,
    "online.csv": online,
    "lifetime.csv": lifetime,
    "metrics.jsonl": metrics,
    "w_hh.safetensors": matrices,
    "lists.json": counted_lists,
}

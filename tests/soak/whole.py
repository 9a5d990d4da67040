"""What lies below the results of an experiment: whether it is whole, whether anything is left over, and the same."""

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from safetensors.numpy import load_file

from rcn_bench.data.cache.build import CHECKSUM_DIGITS
from rcn_bench.data.cache.index import CacheIndex
from rcn_bench.data.cache.shard import ShardIndex
from rcn_bench.engine.resume import MARK
from rcn_bench.files import file_hash
from rcn_bench.records.base import CHECKSUM, with_checksum

SAME_BYTES = {".csv", ".md", ".tex", ".mp4", ".npz", ".fingerprint"}
TEMPORARY = re.compile(r"\..*\.tmp(\.\w+)?|.*\.part")
UNREAD = {"logs", "benchmarks", ".snakemake"}  # what no reader of ours reads back


def files(root: Path) -> Iterator[Path]:
    """Those under their real names; locks hold nothing."""
    for path in sorted(root.rglob("*")):
        is_ours = path.is_file() and not UNREAD & set(path.relative_to(root).parts)
        if is_ours and not TEMPORARY.fullmatch(path.name) and not path.name.endswith(".lock"):
            yield path


def torn(root: Path, undisturbed: Path) -> list[str]:
    """What is wrong with files under their real names, while others may come and go; empty if nothing is."""
    found = []
    for path in files(root):
        try:
            with suppress(FileNotFoundError):
                _require_whole(path, undisturbed / path.relative_to(root))
        except Exception as error:  # whatever half a file makes of a reader
            found.append(f"{path}: {error!r}")
    return found


def _require_whole(path: Path, same: Path) -> None:
    if path.suffix in SAME_BYTES and not _tells_of_times(path):
        assert path.read_bytes() == same.read_bytes(), "not what it is after an undisturbed run"
    elif reader := READERS.get(path.suffix):
        reader(path)


def _require_checkpoint(path: Path) -> None:
    content = path.read_bytes()
    start = len(MARK) + 32
    assert content[:start] == MARK + hashlib.sha256(content[start:]).digest(), "damaged"


def _require_json(path: Path) -> None:
    content = json.loads(path.read_text())
    if path.parent.name == "cache":
        CacheIndex.read(path)
    elif path.parent.name not in ("plans", "at_work"):
        assert with_checksum({k: v for k, v in content.items() if k != CHECKSUM}) == content, "damaged"


def _require_shard(path: Path) -> None:
    ShardIndex.read(path)
    assert path.stem.endswith(file_hash(path)[:CHECKSUM_DIGITS]), "damaged"


READERS: dict[str, Callable[[Path], Any]] = {
    ".pt": _require_checkpoint,
    ".json": _require_json,
    ".shard": _require_shard,
    ".safetensors": load_file,
    ".jsonl": lambda path: [json.loads(line) for line in path.read_text().splitlines()],
    ".yaml": lambda path: yaml.safe_load(path.read_text()),
}


def left_over(root: Path) -> list[str]:
    """What a finished experiment has no use for: temporaries, checkpoints, Snakemake's marks of unfinished jobs."""
    temporaries = [path for path in root.rglob("*") if TEMPORARY.fullmatch(path.name)]
    return list(map(str, [*temporaries, *root.glob("results/*/checkpoints/*"), *root.glob(".snakemake/incomplete/*")]))


def differences(root: Path, undisturbed: Path) -> list[str]:
    """What is not equal to the bit: tables, numbers of figures, predictions, weights, but for times and places."""
    mine, theirs = ({path.relative_to(each): path for path in files(each)} for each in (root, undisturbed))
    kinds = {*SAME_BYTES, ".safetensors", ".jsonl"}
    names = sorted(name for name in {*mine, *theirs} if name.suffix in kinds and not _tells_of_times(name))
    return [
        str(name)
        for name in names
        if name not in mine or name not in theirs or _content(mine[name]) != _content(theirs[name])
    ]


def _tells_of_times(name: Path) -> bool:
    """Rows of checked videos, and a run's card."""
    return name.parent.name == "check" or name.name == "README.md"


def _content(path: Path) -> Any:
    if path.suffix == ".safetensors":  # its card has the times of each start
        return {name: _bits(array) for name, array in load_file(path).items()}
    if path.suffix == ".jsonl":
        times = dict.fromkeys(("seconds", "waiting_for_clips"))
        return [{**json.loads(line), **times} for line in path.read_text().splitlines()]
    return path.read_bytes()


def _bits(array: np.ndarray) -> tuple[str, tuple[int, ...], bytes]:
    return str(array.dtype), array.shape, array.tobytes()

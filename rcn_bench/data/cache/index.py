"""The cache of a split: the frames of its videos, decoded once and shared by all runs, with one index.

The frames lie in shards, in a folder beside the index and of the same name.
"""

import json
import re
import zlib
from collections import OrderedDict
from dataclasses import asdict, astuple, dataclass, field, fields
from itertools import chain
from pathlib import Path
from typing import Any

from rcn_bench.data.cache.shard import DamagedShard, ShardFrames, Storage
from rcn_bench.data.frames import Frames
from rcn_bench.errors import InputError, refusing
from rcn_bench.files import write_text
from rcn_bench.plan.config import config_hash
from rcn_bench.plan.experiment import Experiment
from rcn_bench.plan.stages import cached_from, changes
from rcn_bench.records.plain import from_plain, to_plain
from rcn_bench.records.runs import Skipped

SHARD_NAME = re.compile(r"[\w-]{1,200}\.shard", re.ASCII)
OPEN_SHARDS = 64  # at a time in a process, of which a system allows only so many files


@dataclass(frozen=True, slots=True)
class CachedVideo:
    """Where a video's frames lie: from row ``first`` on in the table of a shard.

    shard: its number. shape: of the frames, (T, H, W, 3).
    """

    id: str
    label: str
    group: str
    shard: int
    first: int
    shape: tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class ShardFile:
    """A shard by its file's name, its bytes, the byte at which the table of its frames begins, and their checksum."""

    file: str
    bytes: int
    table_at: int
    frames_sha256: str


@dataclass
class CacheIndex:
    """All that a cache holds but the frames.

    storage: the fields of a Storage. labels: in the order of the list's format, with those of skipped videos and of
    none; a label's place is its class.
    shards: by number. made_from: the values of the config that it was made with; empty, if it was made without one.
    """

    storage: dict[str, Any]
    labels: list[str]
    shards: list[ShardFile]
    videos: list[CachedVideo]
    skipped: list[Skipped]
    made_from: dict[str, Any] = field(default_factory=dict)

    @property
    def fingerprint(self) -> str:
        """Changes with the frames, the labels, their order, which numbers the classes, and the groups."""
        frames = [shard.frames_sha256 for shard in self.shards]
        videos = [(video.id, video.label, video.group, video.shape) for video in self.videos]
        return config_hash([frames, self.labels, videos])

    def write(self, path: Path) -> None:
        """As JSON, with a column for each field of the videos, which is short and quick to read."""
        columns = zip(*map(astuple, self.videos), strict=True)
        content = {
            "made_from": self.made_from,
            "storage": self.storage,
            "labels": self.labels,
            "shards": list(map(asdict, self.shards)),
            "videos": dict(zip(_names(CachedVideo), columns, strict=True)),
            "skipped": dict(zip(_names(Skipped), zip(*map(astuple, self.skipped), strict=True), strict=False)),
        }
        write_text(path, json.dumps(content | {"crc32": _checksum(content)}) + "\n")

    @classmethod
    def read(cls, path: Path) -> "CacheIndex":
        """Errors: InputError if it is not there or not whole."""
        if not path.is_file():
            raise InputError(f"{path}: no cache here; run `rcn-bench data cache` first")
        damaged = f"{path}: damaged index of a cache"
        with refusing(lambda why: InputError(f"{damaged} ({why}); delete it and build it again")):
            content = json.loads(path.read_bytes())
            if content.pop("crc32") != _checksum(content):
                raise ValueError("it has changed since it was written")
            columns = {name: content["videos"][name] for name in _names(CachedVideo)}
            _check_columns(columns, len(content["shards"]))
            columns |= {"shape": map(tuple, columns["shape"])}
            videos = [CachedVideo(*row) for row in zip(*columns.values(), strict=True)]
            skipped = [Skipped(*row) for row in zip(*content["skipped"].values(), strict=True)]
            advice = "delete it and build it again"
            shards = from_plain(list[ShardFile], content["shards"], f"{damaged}: shards", advice)
            if odd := [shard.file for shard in shards if not SHARD_NAME.fullmatch(shard.file)]:
                raise ValueError(f"shards: {odd[0]!r} is no name of one")
            labels = from_plain(list[str], content["labels"], f"{damaged}: labels", advice)
            from_plain(list[Skipped], to_plain(skipped), f"{damaged}: skipped", advice)
            storage = asdict(from_plain(Storage, asdict(Storage()) | content["storage"], f"{damaged}: storage", advice))
            return cls(storage, labels, shards, videos, skipped, dict(content["made_from"]))


def _checksum(content: dict[str, Any]) -> int:
    return zlib.crc32(json.dumps(content).encode())


def _check_columns(columns: dict[str, list[Any]], shards: int) -> None:
    """Errors: ValueError for a value of a video that none can have; by columns, since there may be many videos."""
    numbers = [*columns["shard"], *columns["first"], *chain.from_iterable(columns["shape"])]
    texts = {type(text) for name in ("id", "label", "group") for text in columns[name]}
    if texts - {str} or {*map(type, numbers)} - {int} or {*map(len, columns["shape"])} - {4}:
        raise ValueError("videos: a value of another kind")
    if min(numbers, default=0) < 0 or max(columns["shard"], default=-1) >= shards:
        raise ValueError("videos: a number that there is not")


def _names(of: type) -> list[str]:
    return [each.name for each in fields(of)]


class Cache:
    """Random access to the frames of a built cache.

    Attributes: path, of its index; storage, videos, skipped, labels, fingerprint, as in there.
    Errors: InputError if the cache is not there, or a shard is not as its index says.
    """

    def __init__(self, path: Path) -> None:
        index = CacheIndex.read(path)
        self.path, self.storage = path, Storage(**index.storage)
        self.videos, self.skipped, self.labels = index.videos, index.skipped, index.labels
        self.fingerprint, self._made_from = index.fingerprint, index.made_from
        self._folder, self._shards = path.with_suffix(""), index.shards
        self._open: OrderedDict[int, ShardFrames] = OrderedDict()
        for shard in index.shards:
            file = self._folder / shard.file
            size = file.stat().st_size if file.is_file() else None
            if size != shard.bytes:
                raise DamagedShard.at(file, "not there" if size is None else f"{size} bytes long, not {shard.bytes}")

    def require_own(self, experiment: Experiment, split: str) -> None:
        """Errors: InputError if it was made with other values of the config, or of the other split."""
        differences = changes(self._made_from, cached_from(experiment, split)) if self._made_from else []
        if differences:
            again = f"run `rcn-bench data cache --split {split}` again"
            raise InputError(f"{self.path}: cache of other data: {', '.join(differences)}; {again}")

    def require_stored(self, short_side: int | None, frame_rate: float | None) -> None:
        """Errors: InputError if frames are stored otherwise."""
        wanted, stored = (short_side, frame_rate), (self.storage.short_side, self.storage.frame_rate)
        for name, value, there in zip(("short_side", "frame_rate"), wanted, stored, strict=True):
            if value != there:
                raise InputError(
                    f"{self.path}: its frames are stored with {name} {there}, not {value}; run `rcn-bench data cache` "
                    "again"
                )

    def __getstate__(self) -> dict[str, Any]:
        """A worker process opens the files itself."""
        return {**self.__dict__, "_open": OrderedDict()}

    def frames(self, video: CachedVideo, start: int = 0, stop: int | None = None, step: int = 1) -> Frames:
        """The frames video[start:stop:step], (T, H, W, 3). Errors: DamagedShard, which names the file."""
        rows = range(video.first, video.first + video.shape[0])[start:stop:step]
        return self._shard(video.shard).read(rows, video.shape[1], video.shape[2])

    def _shard(self, number: int) -> ShardFrames:
        if number not in self._open:
            shard = self._shards[number]
            if len(self._open) == OPEN_SHARDS:
                self._open.popitem(last=False)
            self._open[number] = ShardFrames(
                self._folder / shard.file, shard.table_at, jpeg=self.storage.jpeg_quality is not None
            )
        self._open.move_to_end(number)
        return self._open[number]

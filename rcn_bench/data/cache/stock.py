"""The shards in a cache's folder, whatever they were made for, and the videos in them."""

import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from rcn_bench.data.cache.shard import VERSION, DamagedShard, ShardFrames, ShardIndex
from rcn_bench.data.cache.source import Source
from rcn_bench.data.cache.writing import StoredVideo
from rcn_bench.data.findings import Finding, content_of
from rcn_bench.data.media.medium import Stamp
from rcn_bench.lists.video import Video

SHARD_NAME = re.compile(r"\d{5,}-[0-9a-f]+\.shard")  # its number and its checksum


Key = tuple[str, str]  # by which stored frames are known to be a video's: its id and, in words, its span


def key_of(video: Video) -> Key:
    return video.id, str(video.span or "")


@dataclass(frozen=True, slots=True)
class StoredEntry:
    """A video in a shard. entry: its fields in the shard's index. same_way: stored as the cache's others are now."""

    shard: Path
    table_at: int
    jpeg: bool
    same_way: bool
    entry: dict[str, Any]

    @property
    def id(self) -> str:
        return self.entry["id"]

    @property
    def key(self) -> Key:
        return self.id, self.entry.get("span", "")  # shards of version 1 know no spans

    @property
    def content(self) -> str:
        return content_of(self.entry["sha256"], self.key[1])

    @property
    def has_frames(self) -> bool:
        return self.entry["stored"][0] > 0

    @property
    def stamp(self) -> Stamp:
        """That of its file then."""
        return self.entry["bytes"], self.entry["modified"]

    def path(self, root: Path) -> Path:
        """Of its file then; root: the folder of videos."""
        return root / self.entry["path"]

    def finding(self, root: Path) -> Finding:
        """What was found of its file then, without a verdict."""
        known = {field.name: self.entry[field.name] for field in fields(Finding)}
        return replace(Finding(**known), path=str(self.path(root)))

    def read(self) -> StoredVideo:
        """Its frames. Errors: DamagedShard if they have changed since they were written."""
        frames, height, width = self.entry["stored"]
        shard = ShardFrames(self.shard, self.table_at, jpeg=self.jpeg)
        rows = range(self.entry["first"], self.entry["first"] + frames)
        return StoredVideo(list(shard.stored(rows)), height, width)

    def is_intact(self) -> bool:
        """Whether its frames have not changed; taken to be so while they cannot be read."""
        try:
            return bool(self.read().frames)
        except DamagedShard as error:
            return isinstance(error.__cause__, (OSError, MemoryError))


def shard_files(source: Source, number: int | None = None) -> list[Path]:
    """All shards, or those of a number, the newest first."""
    files = source.folder.glob(f"{'*' if number is None else f'{number:05d}'}-*.shard")
    shards = [path for path in files if SHARD_NAME.fullmatch(path.name)]
    return sorted(shards, key=lambda path: (path.stat().st_mtime_ns, path.name), reverse=True)


def number_of(shard: Path) -> int:
    return int(shard.name.partition("-")[0])


def entries(shard: Path, source: Source) -> Iterator[StoredEntry]:
    """All videos of a shard, in order. Errors: DamagedShard if its index cannot be read."""
    index = ShardIndex.read(shard)
    same_way = (index.version, index.storage) == (VERSION, asdict(source.storage))
    for entry in index.videos if index.version == VERSION else []:
        if any(type(entry.get(field.name)) is not field.type for field in fields(Finding)):
            raise DamagedShard.at(shard, f"what was found of {entry['id']!r} is no finding")
    jpeg = index.storage["jpeg_quality"] is not None
    return (StoredEntry(shard, index.table_at, jpeg, same_way, entry) for entry in index.videos)

"""The shards in a cache's folder, whatever they were made for: which is current, and where a video's frames are."""

import os
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from rcn_bench.data.annotations import Video
from rcn_bench.data.check import Finding, stamp
from rcn_bench.data.shard import VERSION, DamagedShard, ShardFrames, ShardIndex, StoredVideo
from rcn_bench.data.source import Source

SHARD_NAME = re.compile(r"\d{5,}-[0-9a-f]+\.shard")  # its number and its checksum


@dataclass(frozen=True, slots=True)
class StoredEntry:
    """A video in a shard. entry: its fields in the shard's index. same_way: stored as the cache's others are now."""

    shard: Path
    table_at: int
    jpeg: bool
    same_way: bool
    entry: dict[str, Any]

    @property
    def has_frames(self) -> bool:
        return self.entry["stored"][0] > 0

    @property
    def stamp(self) -> tuple[int, int]:
        """That of its file then."""
        return self.entry["bytes"], self.entry["modified"]

    def finding(self, root: Path) -> Finding:
        """What was found of its file then, without a verdict; root: the folder of videos."""
        known = {field.name: self.entry[field.name] for field in fields(Finding)}
        return replace(Finding(**known), path=str(root / self.entry["path"]))

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
    jpeg = index.storage["jpeg_quality"] is not None
    return (StoredEntry(shard, index.table_at, jpeg, same_way, entry) for entry in index.videos)


Places = dict[str, list[StoredEntry]]


def places_of(videos: Collection[str], shards: Sequence[Path], source: Source) -> Places:
    """Where in some shards videos (ids) are stored: those with frames first, else in the order of the shards."""
    places: Places = {id: [] for id in videos}
    for shard in shards if places else []:
        try:
            for stored in entries(shard, source):
                if stored.entry["id"] in places:
                    places[stored.entry["id"]].append(stored)
        except DamagedShard:
            continue
    return {id: sorted(found, key=lambda stored: not stored.has_frames) for id, found in places.items()}


def current_shard(source: Source, number: int, gone: Places, doubted: Collection[Path] = ()) -> Path | None:
    """The file of a shard, if it holds these videos as their files are now, stored in the same way.

    gone: places of the videos whose files are gone. doubted: shards that are not to be believed.
    """
    videos = source.shards[number]
    for shard in shard_files(source, number):
        if shard in doubted:
            continue
        try:
            stored = list(entries(shard, source))
        except DamagedShard:
            continue
        if len(stored) == len(videos) and all(
            _is_up_to_date(one, video, source, gone) for one, video in zip(stored, videos, strict=True)
        ):
            return shard
    return None


def _is_up_to_date(stored: StoredEntry, video: Video, source: Source, gone: Places) -> bool:
    if not stored.same_way or stored.entry["id"] != video.id:
        return False
    if video.id in gone:  # a file that is gone cannot have changed, but another shard may still have its frames
        return stored.has_frames or not any(other.has_frames and other.same_way for other in gone[video.id])
    path = source.path(video)
    is_same_file = stored.stamp == stamp(path) and stored.entry["path"] == os.path.relpath(path, source.root)
    return is_same_file and stored.entry["decoding"] != "damaged"

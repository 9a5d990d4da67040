"""The frames of videos whose files are gone, or can be decoded no longer, are kept.

The rule: no build and no verification removes the last intact copy of a video's frames while no file gives them any
more. A shard that is made anew takes such frames over, byte by byte, from the newest shard that has them, stored in
the same way; where that cannot be, because they would be stored otherwise, or their row was taken off the list, or
the shard that has them cannot be read, nothing is removed and the build stops with a line that names the shards. It is
worth its lines: videos of Kinetics vanish from the web, a terabyte of files is deleted once it is cached, and the 13
core hours of decoding cannot be repeated then. What does not serve that rule belongs in another module.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cached_property
from pathlib import Path

from rcn_bench.data.cache.index import CacheIndex
from rcn_bench.data.cache.shard import DamagedShard
from rcn_bench.data.cache.source import Source
from rcn_bench.data.cache.stock import Key, StoredEntry, entries, key_of, number_of, shard_files
from rcn_bench.data.cache.writing import StoredVideo
from rcn_bench.data.examine import CHECKER
from rcn_bench.data.findings import Finding
from rcn_bench.data.media.kinds import medium_of, stamp
from rcn_bench.data.media.medium import NOT_THERE
from rcn_bench.errors import InputError
from rcn_bench.lists.video import Video


class Gone:
    """The videos of some shards whose files are gone, and where in any shard their frames are."""

    def __init__(self, source: Source, numbers: Iterable[int], copied: Collection[int] = ()) -> None:
        """copied: numbers of shards all of whose videos are to be taken as gone."""
        self.source = source
        keys = {
            key_of(video)
            for number in numbers
            for video in source.shards[number]
            if number in copied or source.is_gone(video)
        }
        self._places = _places_of(keys, shard_files(source), source)

    def __contains__(self, video: Video) -> bool:
        return key_of(video) in self._places

    def is_best(self, stored: StoredEntry) -> bool:
        """A file that is gone cannot have changed, but another shard may still have its frames."""
        others = self._places[stored.key]
        return stored.has_frames or not any(other.has_frames and other.same_way for other in others)

    def carried_over(self, video: Video) -> tuple[Finding, StoredVideo | None]:
        """Its frames as they are stored, with what was found of its file; without any, why there are none."""
        places = self._places[key_of(video)]
        if intact := _first_intact(places, self.source):
            return intact
        here = [stored for stored in places if stored.same_way]
        if here and not any(stored.has_frames for stored in here):  # it never had any
            return here[0].finding(self.source.root), None
        path, (id, span) = self.source.path(video), key_of(video)
        size, modified = stamp(path)
        found = Finding(id, "", "", str(path), "missing", bytes=size, modified=modified, checker=CHECKER, span=span)
        if here:
            found = replace(found, decoding="damaged", detail="its stored frames have changed")
        elif modified:
            found = replace(found, decoding="damaged", detail="left out with its damaged shard")
        return found, None

    def refuse_to_lose_by_storing_otherwise(self) -> None:
        """Before hours of decoding; what else could be lost is looked for afterwards. Errors: InputError."""
        lost: dict[Path, list[str]] = {}
        for (id, _), places in self._places.items():
            with_frames = [stored for stored in places if stored.has_frames]
            if not with_frames or stamp(with_frames[0].path(self.source.root)) != NOT_THERE:
                continue
            if not any(stored.same_way for stored in with_frames):
                lost.setdefault(with_frames[0].shard, []).append(id)
        if lost:
            raise _loss(self.source, lost)


class StoredBefore:
    """What the files of a shard's videos once gave; looked up for all of them when the first one is asked for."""

    def __init__(self, source: Source, number: int) -> None:
        self.source, self.number = source, number

    def of(self, video: Video) -> tuple[Finding, StoredVideo] | None:
        """For a file that is still the same, by size and time, but cannot be decoded now."""
        path = self.source.path(video)
        now = stamp(path)
        places = self._places[key_of(video)]
        if before := _first_intact([stored for stored in places if stored.stamp == now], self.source):
            finding, stored = before
            return replace(finding, path=str(path)), stored
        return None

    @cached_property
    def _places(self) -> dict[Key, list[StoredEntry]]:
        keys = set(map(key_of, self.source.shards[self.number]))
        return _places_of(keys, shard_files(self.source), self.source)


def _places_of(videos: Collection[Key], shards: Sequence[Path], source: Source) -> dict[Key, list[StoredEntry]]:
    """Where in some shards videos are stored: those with frames first, else in the order of the shards."""
    places: dict[Key, list[StoredEntry]] = {key: [] for key in videos}
    for shard in shards if places else []:
        with suppress(DamagedShard):
            for stored in entries(shard, source):
                if stored.key in places:
                    places[stored.key].append(stored)
    return {key: sorted(found, key=lambda stored: not stored.has_frames) for key, found in places.items()}


def _first_intact(places: Sequence[StoredEntry], source: Source) -> tuple[Finding, StoredVideo] | None:
    """Frames that were stored in this way and have not changed, with what was found of their file then."""
    for stored in places:
        if stored.same_way and stored.has_frames:
            with suppress(DamagedShard):
                return stored.finding(source.root), stored.read()
    return None


def refuse_to_lose(source: Source, used: Sequence[Path], others: Sequence[Path]) -> None:
    """Shards that are not needed any more may hold all that is left of a video.

    used, others: those of the new index, and those to be removed. Errors: InputError if one may not be.
    """
    # By key and by content, since a file may have moved. None: that its file could give again; to hold all would take
    # much memory.
    kept: dict[Key | str, StoredEntry | None] = {}
    for shard in used if others else []:
        for stored in entries(shard, source):
            if stored.has_frames:
                copy = None if stamp(stored.path(source.root)) == stored.stamp else stored
                kept |= {stored.key: copy, stored.content: copy}
    listed = {key_of(video): video for videos in source.shards for video in videos}
    lost = {shard: ids for shard in others if (ids := _only_in(shard, source, kept, listed))}
    if lost:
        raise _loss(source, lost)


def _only_in(
    shard: Path, source: Source, kept: Mapping[Key | str, StoredEntry | None], listed: Mapping[Key, Video]
) -> list[str]:
    """The videos whose frames only this shard has. Errors: DamagedShard if one that is kept has changed."""
    try:
        stored = list(entries(shard, source))
    except DamagedShard:
        supposed = _supposed_in(shard, source, listed.values())
        return [video.id for video in supposed if key_of(video) not in kept and source.is_gone(video)]
    lost = []
    for one in stored:
        if not one.has_frames:
            continue
        if known := [key for key in (one.key, one.content) if key in kept]:
            if copy := kept[known[0]]:
                copy.read()
        elif (one.key in listed or not _has_its_file(one, source)) and one.is_intact():
            lost.append(one.id)  # a listed one has been tried
    return lost


def _supposed_in(shard: Path, source: Source, listed: Iterable[Video]) -> list[Video]:
    """The listed videos of a shard that cannot be read: by the index that names it, else by its number."""
    number, by_id = number_of(shard), {video.id: video for video in listed}
    with suppress(InputError):
        index = CacheIndex.read(source.index)
        if shard.name in [named.file for named in index.shards]:
            return [by_id[video.id] for video in index.videos if video.shard == number and video.id in by_id]
    return source.shards[number] if number < len(source.shards) else []


def _has_its_file(stored: StoredEntry, source: Source) -> bool:
    """Whether the file that gave these frames is there: by size and time or, if it was touched, by its content."""
    medium = medium_of(stored.path(source.root))
    now = medium.stamp()
    return now == stored.stamp or (now != NOT_THERE and medium.sha256() == stored.entry["sha256"])


def _loss(source: Source, lost: Mapping[Path, Sequence[str]]) -> InputError:
    """lost: videos by the shard that holds them."""
    ids = [id for some in lost.values() for id in some]
    return InputError(
        f"{source.folder}: would lose frames of {len(ids)} videos that no file in {source.root} gives any more, the "
        f"first is {ids[0]}; put the files back, delete broken ones that stand in their place (the frames are then "
        f"carried over), let --verify try again what could not be read, or move "
        f"{' '.join(shard.name for shard in lost)} elsewhere to go on without them"
    )

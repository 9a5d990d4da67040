"""Building a cache: shard by shard, so that what is done stays done, on one machine or on several.

A shard holds a stretch of the list of videos. It is written whole, under a name with its checksum, and kept as long as
the files it was made from and the way of storing them stay the same. The index, written last, names the shards that
belong together; until then the cache is that of before.
"""

import os
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from functools import partial
from itertools import islice
from pathlib import Path

from rcn_bench.data.annotations import Video
from rcn_bench.data.cache import CachedVideo, CacheIndex, ShardFile, Skipped
from rcn_bench.data.check import CHECKER, Finding, Judge, crashed, stamp, summary, too_many, writing_report
from rcn_bench.data.processes import in_processes
from rcn_bench.data.shard import DamagedShard, ShardIndex, StoredVideo, examine_and_store, write_shard
from rcn_bench.data.source import Source
from rcn_bench.data.space import need_of, require_room
from rcn_bench.data.stock import Places, StoredEntry, current_shard, entries, number_of, places_of, shard_files
from rcn_bench.errors import InputError
from rcn_bench.files import Progress, file_hash, locked, size_text

CHECKSUM_DIGITS = 16  # of sha256, in a shard's name


def build_cache(source: Source, workers: int = 0, progress: Progress = print) -> None:
    """Make the shards that are not there yet, then the report and, last, the index.

    workers: processes that decode; 0: this one alone, which a file may then crash.
    Errors: InputError without the folder of videos or the room that they need, if another process is at this cache, if
    more videos than allowed are bad, or if frames would be lost that no file gives any more. What is there already is
    kept.
    """
    _build(source, workers, progress, doubted=())


def build_shard(source: Source, number: int, workers: int = 0, progress: Progress = print) -> Path:
    """Make one shard, unless it is there: the part of the work that machines can share.

    Errors: InputError for a number that there is not, if another process is at the same shard, or if frames would be
    lost that no file gives any more.
    """
    if not 0 <= number < len(source.shards):
        raise InputError(f"shard {number}: {source.annotations} makes {len(source.shards)} shards, from 0 on")
    gone = _gone(source, [number])
    _refuse_to_lose_by_storing_otherwise(source, gone)
    return current_shard(source, number, gone) or _write_shard(
        source, number, _videos(source, [number], gone, workers), progress
    )


def verify_cache(source: Source, *, skip: bool = False, workers: int = 0, progress: Progress = print) -> None:
    """Read all shards of a built cache, and make those anew that have changed since they were written.

    Those too whose files crashed the decoder or could not be read, and may be by now. Of videos whose files are gone,
    frames that have not changed are carried over. skip: decode none of such a shard's videos, but leave out what has
    changed. Errors: InputError without a cache; see build_cache.
    """
    _ = source.shards  # first, so that a list that cannot be read stops it before anything else
    indexed = [source.folder / shard.file for shard in CacheIndex.read(source.index).shards]
    doubted = []
    for path in dict.fromkeys([*indexed, *shard_files(source)]):  # one that waits for its index may become current
        if doubt := _doubt(path):
            progress(f"{path}: {doubt}")
            doubted.append(path)
    if doubted:
        _build(source, workers, progress, doubted, skip)
    else:
        progress(f"{source.index}: every shard is as it was written")


def _doubt(shard: Path) -> str | None:
    try:
        if file_hash(shard)[:CHECKSUM_DIGITS] != shard.stem.partition("-")[2]:
            return "damaged shard"
    except OSError as error:
        return f"damaged shard, {error.strerror}"
    try:
        unread = [entry["id"] for entry in ShardIndex.read(shard).videos if not entry["checker"]]
    except DamagedShard:
        return "damaged shard, or one of another version"
    return f"has videos that could not be read, {unread[0]} first" if unread else None


def missing_shards(source: Source) -> list[int]:
    """The numbers of those that a build would make."""
    numbers = range(len(source.shards))
    gone = _gone(source, numbers)
    return [number for number in numbers if current_shard(source, number, gone) is None]


def _build(source: Source, workers: int, progress: Progress, doubted: Collection[Path], skip: bool = False) -> None:
    """doubted: shards to be made anew; skip: without decoding their videos."""
    numbers = range(len(source.shards))
    copied = {number_of(shard) for shard in doubted} if skip else set()
    with locked(source.folder):  # two at a time could each remove what the other relies on
        gone = _gone(source, numbers, copied)
        _refuse_to_lose_by_storing_otherwise(source, gone)
        shards = [current_shard(source, number, gone, doubted) for number in numbers]
        missing = [number for number, shard in enumerate(shards) if shard is None]
        to_decode = [number for number in missing if number not in copied]
        if to_decode:
            require_room(source.folder, [need_of(source, to_decode, workers)], progress)
        videos = _videos(source, missing, gone, workers)  # one shard's after the other's, without a pause between
        made = {n: _write_shard(source, n, islice(videos, len(source.shards[n])), progress) for n in missing}
        used = [shard or made[number] for number, shard in enumerate(shards)]
        index, summed_up = _judge(source, used)
        _refuse_too_many(source, index, summed_up)
        others = [shard for shard in shard_files(source) if shard not in used]
        _refuse_to_lose(source, used, others)
        index.write(source.index)
        for shard in others:
            shard.unlink(missing_ok=True)
    progress(summed_up)


def _gone(source: Source, numbers: Iterable[int], copied: Collection[int] = ()) -> Places:
    """The videos of some shards whose files are gone, and where their frames are; of copied shards all."""
    ids = {
        video.id for number in numbers for video in source.shards[number] if number in copied or source.is_gone(video)
    }
    return places_of(ids, shard_files(source), source)


def _videos(
    source: Source, numbers: Sequence[int], gone: Places, workers: int
) -> Iterator[tuple[Finding, StoredVideo | None]]:
    """All videos of some shards, in order: decoded or, where their files are gone, as they are stored."""
    older = shard_files(source)
    to_decode = [video for number in numbers for video in source.shards[number] if video.id not in gone]
    paths = [str(source.path(video)) for video in to_decode]
    decoded = in_processes(partial(examine_and_store, storage=source.storage), paths, workers)
    for number in numbers:
        before: Places | None = None
        for video in source.shards[number]:
            if video.id in gone:
                yield _carried_over(source, video, gone[video.id])
                continue
            path, result = next(decoded)
            finding, stored = result or (crashed(path), None)
            if stored is None:
                before = before or places_of({video.id for video in source.shards[number]}, older, source)
                finding, stored = _as_before(source, video, before[video.id]) or (finding, None)
            yield replace(finding, id=video.id), stored


def _as_before(source: Source, video: Video, places: Sequence[StoredEntry]) -> tuple[Finding, StoredVideo] | None:
    """What a file once gave that, by size and time, is still the same, but cannot be decoded now."""
    path = source.path(video)
    now = stamp(path)
    if before := _first_intact([stored for stored in places if stored.stamp == now], source):
        finding, stored = before
        return replace(finding, path=str(path)), stored
    return None


def _first_intact(places: Sequence[StoredEntry], source: Source) -> tuple[Finding, StoredVideo] | None:
    """Frames that were stored in this way and have not changed, with what was found of their file then."""
    for stored in places:
        if stored.same_way and stored.has_frames:
            with suppress(DamagedShard):
                return stored.finding(source.root), stored.read()
    return None


def _carried_over(source: Source, video: Video, places: Sequence[StoredEntry]) -> tuple[Finding, StoredVideo | None]:
    if intact := _first_intact(places, source):
        return intact
    here = [stored for stored in places if stored.same_way]
    never_had_any = [stored for stored in here if not stored.has_frames]
    if never_had_any and len(never_had_any) == len(here):
        return never_had_any[0].finding(source.root), None
    detail = "its stored frames have changed" if here else "left out with its damaged shard"
    found = Finding(video.id, "", "", str(source.path(video)), "damaged", detail)
    size, modified = stamp(source.path(video))
    found = replace(found, bytes=size, modified=modified, checker=CHECKER)
    return (found if here or modified else replace(found, decoding="missing", detail="")), None


def _write_shard(
    source: Source, number: int, videos: Iterable[tuple[Finding, StoredVideo | None]], progress: Progress
) -> Path:
    with locked(source.folder, f"{number:05d}"):
        temporary = source.folder / f".{number:05d}.part"
        try:
            write_shard(temporary, source.storage, videos, source.root)
            path = source.folder / f"{number:05d}-{file_hash(temporary)[:CHECKSUM_DIGITS]}.shard"
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
    progress(f"{path}: {size_text(path.stat().st_size)}")
    return path


def _judge(source: Source, shards: Sequence[Path]) -> tuple[CacheIndex, str]:
    """Write the report of all videos; their index, and the report summed up in a line."""
    labels = sorted({video.label for videos in source.shards for video in videos})
    index = CacheIndex(asdict(source.storage), labels, [], [], [])
    judge, counts = Judge(labels=source.labels), Counter[str]()
    with writing_report(source.report) as write:
        for number, (path, videos) in enumerate(zip(shards, source.shards, strict=True)):
            shard = ShardIndex.read(path)
            index.shards.append(ShardFile(path.name, path.stat().st_size, shard.table_at, shard.frames_sha256))
            for stored, video in zip(entries(path, source), videos, strict=True):
                finding = judge(replace(stored.finding(source.root), label=video.label))
                write(finding)
                counts[finding.verdict] += 1
                if finding.usable:
                    place = number, stored.entry["first"], (*stored.entry["stored"], 3)
                    index.videos.append(CachedVideo(video.id, video.label, video.group, *place))
                else:
                    index.skipped.append(Skipped(video.id, f"{finding.path}: {finding.reason}"))
    return index, f"{counts.total()} videos: {summary(counts)}; {source.report}"


def _refuse_too_many(source: Source, index: CacheIndex, summed_up: str) -> None:
    if not index.skipped:
        return
    first = f"the first is {index.skipped[0].id}: {index.skipped[0].reason}"
    if not index.videos:
        raise InputError(f"{source.annotations}: none of its videos can be used; {first}")
    total = len(index.videos) + len(index.skipped)
    if too_many(len(index.skipped), total, source.max_bad):
        raise InputError(
            f"{source.annotations}: {len(index.skipped)} of {total} videos cannot be used, more than data.max_bad = "
            f"{source.max_bad:g} allows; {first} ({summed_up})"
        )


def _refuse_to_lose_by_storing_otherwise(source: Source, gone: Places) -> None:
    """Before hours of decoding; what else could be lost is looked for afterwards."""
    lost: dict[Path, list[str]] = {}
    for id, places in gone.items():
        with_frames = [stored for stored in places if stored.has_frames]
        if not with_frames or (source.root / with_frames[0].entry["path"]).is_file():
            continue
        if not any(stored.same_way for stored in with_frames):
            lost.setdefault(with_frames[0].shard, []).append(id)
    if lost:
        raise _loss(source, lost)


def _refuse_to_lose(source: Source, used: Sequence[Path], others: Sequence[Path]) -> None:
    """Shards that are not needed any more may hold all that is left of a video."""
    kept: dict[str, StoredEntry | None] = {}  # None: that its file could give again; to hold all would take much memory
    for shard in used if others else []:
        for stored in entries(shard, source):
            if stored.has_frames:
                copy = None if stamp(source.root / stored.entry["path"]) == stored.stamp else stored
                kept |= {stored.entry["id"]: copy, stored.entry["sha256"]: copy}  # a file may have moved
    listed = {video.id: video for videos in source.shards for video in videos}
    lost = {shard: ids for shard in others if (ids := _only_in(shard, source, kept, listed))}
    if lost:
        raise _loss(source, lost)


def _only_in(
    shard: Path, source: Source, kept: Mapping[str, StoredEntry | None], listed: Mapping[str, Video]
) -> list[str]:
    """The videos whose frames only this shard has. Errors: DamagedShard if one that is kept has changed."""
    try:
        stored = list(entries(shard, source))
    except DamagedShard:
        supposed = _supposed_in(shard, source, listed)
        return [video.id for video in supposed if video.id not in kept and source.is_gone(video)]
    lost = []
    for one in stored:
        if not one.has_frames:
            continue
        if known := [key for key in (one.entry["id"], one.entry["sha256"]) if key in kept]:
            if copy := kept[known[0]]:
                copy.read()
        elif (one.entry["id"] in listed or not _has_its_file(one, source)) and one.is_intact():
            lost.append(one.entry["id"])  # a listed one has been tried
    return lost


def _supposed_in(shard: Path, source: Source, listed: Mapping[str, Video]) -> list[Video]:
    """The listed videos of a shard that cannot be read: by the index that names it, else by its number."""
    number = number_of(shard)
    with suppress(InputError):
        index = CacheIndex.read(source.index)
        if shard.name in [named.file for named in index.shards]:
            return [listed[video.id] for video in index.videos if video.shard == number and video.id in listed]
    return source.shards[number] if number < len(source.shards) else []


def _has_its_file(stored: StoredEntry, source: Source) -> bool:
    """Whether the file that gave these frames is there: by size and time or, if it was touched, by its content."""
    path = source.root / stored.entry["path"]
    return stamp(path) == stored.stamp or (path.is_file() and file_hash(path) == stored.entry["sha256"])


def _loss(source: Source, lost: Mapping[Path, Sequence[str]]) -> InputError:
    """lost: videos by the shard that holds them."""
    ids = [id for some in lost.values() for id in some]
    return InputError(
        f"{source.folder}: would lose frames of {len(ids)} videos that no file in {source.root} gives any more, the "
        f"first is {ids[0]}; put the files back, delete broken ones that stand in their place (the frames are then "
        f"carried over), let --verify try again what could not be read, or move "
        f"{' '.join(shard.name for shard in lost)} elsewhere to go on without them"
    )

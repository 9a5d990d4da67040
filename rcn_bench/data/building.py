"""Building a cache: shard by shard, so that what is done stays done, on one machine or on several.

A shard holds a stretch of the list of videos. It is written whole, under a name with its checksum, and kept as long as
the files it was made from and the way of storing them stay the same. The index, written last, names the shards that
belong together; until then the cache is that of before.
"""

import os
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
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
    Errors: InputError without the folder of videos or the room that they need, if another process is at the same
    shard, if more videos than allowed are bad, or if frames would be lost that no file gives any more. What is there
    already is kept.
    """
    _build(source, workers, progress, doubted=())


def build_shard(source: Source, number: int, workers: int = 0, progress: Progress = print) -> Path:
    """Make one shard, unless it is there: the part of the work that machines can share. Errors: see build_cache."""
    if not 0 <= number < len(source.shards):
        raise InputError(f"shard {number}: {source.annotations} makes {len(source.shards)} shards, from 0 on")
    gone = _gone(source, [number])
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
    doubted = []
    for shard in CacheIndex.read(source.index).shards:
        path = source.folder / shard.file
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
    unread = [entry["id"] for entry in ShardIndex.read(shard).videos if not entry["checker"]]
    return f"has videos that could not be read, {unread[0]} first" if unread else None


def _build(source: Source, workers: int, progress: Progress, doubted: Collection[Path], skip: bool = False) -> None:
    """doubted: shards to be made anew; skip: without decoding their videos."""
    copied = {number_of(shard) for shard in doubted} if skip else set()
    gone = _gone(source, range(len(source.shards)), copied)
    _refuse_to_lose_by_storing_otherwise(source, gone)
    shards = [current_shard(source, number, gone, doubted) for number in range(len(source.shards))]
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
    return places_of(ids, source)


def _videos(
    source: Source, numbers: Sequence[int], gone: Places, workers: int
) -> Iterator[tuple[Finding, StoredVideo | None]]:
    """All videos of some shards, in order: decoded or, where their files are gone, as they are stored."""
    videos = [video for number in numbers for video in source.shards[number]]
    paths = [str(source.path(video)) for video in videos if video.id not in gone]
    decoded = in_processes(partial(examine_and_store, storage=source.storage), paths, workers)
    for video in videos:
        if video.id in gone:
            yield _carried_over(source, video, gone[video.id])
        else:
            path, result = next(decoded)
            finding, stored = result or (crashed(path), None)
            yield replace(finding, id=video.id), stored


def _carried_over(source: Source, video: Video, places: Sequence[StoredEntry]) -> tuple[Finding, StoredVideo | None]:
    here = [stored for stored in places if stored.same_way]
    for stored in here:
        try:
            if stored.has_frames:
                return stored.finding(source.root), stored.read()
        except DamagedShard:
            continue
    never_had_any = [stored for stored in here if not stored.has_frames]
    if never_had_any and len(never_had_any) == len(here):
        return never_had_any[0].finding(source.root), None
    found = Finding(video.id, "", "", str(source.path(video)), "damaged", "its stored frames have changed")
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
    for places in gone.values():
        with_frames = [stored for stored in places if stored.has_frames]
        if not with_frames or (source.root / with_frames[0].entry["path"]).is_file():
            continue
        if not any(stored.same_way for stored in with_frames):
            raise _loss(with_frames[0].shard, [with_frames[0].entry["id"]], source)


def _refuse_to_lose(source: Source, used: Sequence[Path], others: Sequence[Path]) -> None:
    """Shards that are not needed any more may hold all that is left of a video."""
    kept_ids, kept_files = set(), set()
    for shard in used if others else []:
        kept = [stored.entry for stored in entries(shard, source) if stored.has_frames]
        kept_ids |= {entry["id"] for entry in kept}
        kept_files |= {entry["sha256"] for entry in kept}  # a file may have moved
    listed = {video.id for videos in source.shards for video in videos}
    for shard in others:
        try:
            lost = [
                stored.entry["id"]
                for stored in entries(shard, source)
                if stored.has_frames
                and stored.entry["id"] not in kept_ids
                and stored.entry["sha256"] not in kept_files
                and not _can_be_decoded_again(stored, source, listed)
                and stored.is_intact()
            ]
        except DamagedShard:
            number = number_of(shard)
            videos = source.shards[number] if number < len(source.shards) else []
            lost = [video.id for video in videos if video.id not in kept_ids and source.is_gone(video)]
        if lost:
            raise _loss(shard, lost, source)


def _can_be_decoded_again(stored: StoredEntry, source: Source, listed: Collection[str]) -> bool:
    """Whether the file is there; of a listed one, which gave nothing this time, whether it is the one that once did."""
    now = stamp(source.root / stored.entry["path"])
    if stored.entry["id"] in listed:
        return now == (stored.entry["bytes"], stored.entry["modified"])
    return now != (0, 0)


def _loss(shard: Path, lost: Sequence[str], source: Source) -> InputError:
    return InputError(
        f"{shard}: would be removed, but holds frames of {len(lost)} videos that no file in {source.root} gives any "
        f"more, the first is {lost[0]}; put the files back, or move the shard elsewhere to go on without them"
    )

"""Building a cache: shard by shard, so that what is done stays done, on one machine or on several.

A shard holds a stretch of the list of videos. It is written whole, under a name with its checksum, and kept as long as
the files it was made from and the way of storing them stay the same. The index, written last, names the shards that
belong together; until then the cache is that of before.
"""

import os
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from functools import partial
from itertools import islice
from pathlib import Path

from rcn_bench.data.cache.index import CachedVideo, CacheIndex, ShardFile
from rcn_bench.data.cache.keep import Gone, StoredBefore, refuse_to_lose
from rcn_bench.data.cache.shard import DamagedShard, ShardIndex
from rcn_bench.data.cache.source import Source
from rcn_bench.data.cache.space import need_of, require_room
from rcn_bench.data.cache.stock import StoredEntry, entries, key_of, number_of, shard_files
from rcn_bench.data.cache.writing import StoredVideo, examine_and_store, write_shard
from rcn_bench.data.check import explained
from rcn_bench.data.examine import crashed
from rcn_bench.data.findings import Finding, writing_report
from rcn_bench.data.judge import Judge, Tally, is_usable, too_many
from rcn_bench.data.lengths import Lengths
from rcn_bench.data.media.kinds import stamp
from rcn_bench.data.media.medium import NO_VIDEO
from rcn_bench.data.processes import in_processes
from rcn_bench.errors import InputError
from rcn_bench.files import Held, Progress, file_hash, give_name, locked, size_text
from rcn_bench.lists.video import Video
from rcn_bench.records.runs import Skipped

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
    gone = Gone(source, [number])
    gone.refuse_to_lose_by_storing_otherwise()
    return _current_shard(source, number, gone) or _write_shard(
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
    gone = Gone(source, numbers)
    return [number for number in numbers if _current_shard(source, number, gone) is None]


def _build(source: Source, workers: int, progress: Progress, doubted: Collection[Path], skip: bool = False) -> None:
    """doubted: shards to be made anew; skip: without decoding their videos."""
    numbers = range(len(source.shards))
    copied = {number_of(shard) for shard in doubted} if skip else set()
    with locked(source.folder):  # two at a time could each remove what the other relies on
        gone = Gone(source, numbers, copied)
        gone.refuse_to_lose_by_storing_otherwise()
        shards = [_current_shard(source, number, gone, doubted) for number in numbers]
        missing = [number for number, shard in enumerate(shards) if shard is None]
        to_decode = [number for number in missing if number not in copied]
        if to_decode:
            require_room(source.folder, [need_of(source, to_decode, workers)], progress)
        videos = _videos(source, missing, gone, workers)  # one shard's after the other's, without a pause between
        made = {n: _write_shard(source, n, islice(videos, len(source.shards[n])), progress) for n in missing}
        used = [shard or made[number] for number, shard in enumerate(shards)]
        index, tally = _judge(source, used, progress)
        _refuse_too_many(source, index, tally)
        others = [shard for shard in shard_files(source) if shard not in used]
        refuse_to_lose(source, used, others)
        index.write(source.index)
        for shard in others:
            shard.unlink(missing_ok=True)
        _sweep(source.folder)
    progress("; ".join(filter(None, [f"{tally}; {source.report}", source.lookup.remark()])))


def _current_shard(source: Source, number: int, gone: Gone, doubted: Collection[Path] = ()) -> Path | None:
    """The file of a shard, if it holds these videos as their files are now, stored in the same way.

    doubted: shards that are not to be believed.
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


def _is_up_to_date(stored: StoredEntry, video: Video, source: Source, gone: Gone) -> bool:
    if not stored.same_way or stored.key != key_of(video):
        return False
    if video in gone:
        return gone.is_best(stored)
    path = source.path(video)
    is_same_file = stored.stamp == stamp(path) and stored.entry["path"] == os.path.relpath(path, source.root)
    return is_same_file and stored.entry["decoding"] != "damaged"


def _videos(
    source: Source, numbers: Sequence[int], gone: Gone, workers: int
) -> Iterator[tuple[Finding, StoredVideo | None]]:
    """All videos of some shards, in order: decoded or, where their files are gone, as they are stored."""
    to_decode = [video for number in numbers for video in source.shards[number] if video not in gone]
    footage = map(source.footage, to_decode)
    decoded = in_processes(partial(examine_and_store, storage=source.storage), footage, workers)
    for number in numbers:
        before = StoredBefore(source, number)
        for video in source.shards[number]:
            if video in gone:
                yield gone.carried_over(video)
                continue
            tried, result = next(decoded)
            finding, stored = result or (crashed(tried), None)
            if stored is None:
                finding, stored = before.of(video) or (finding, None)
            yield replace(finding, id=video.id), stored


def _write_shard(
    source: Source, number: int, videos: Iterable[tuple[Finding, StoredVideo | None]], progress: Progress
) -> Path:
    with locked(source.folder, f"{number:05d}"):
        temporary = source.folder / f".{number:05d}.part"
        try:
            write_shard(temporary, source.storage, videos, source.root)
            path = source.folder / f"{number:05d}-{file_hash(temporary)[:CHECKSUM_DIGITS]}.shard"
            give_name(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
    progress(f"{path}: {size_text(path.stat().st_size)}")
    return path


def _sweep(folder: Path) -> None:
    """Remove what killed processes left of shards, also of those that there are no more."""
    for left in folder.glob(".*.part"):
        with suppress(Held), locked(folder, left.stem.removeprefix(".")):
            left.unlink(missing_ok=True)


def _judge(source: Source, shards: Sequence[Path], progress: Progress) -> tuple[CacheIndex, Tally]:
    """Write the report of all videos; their index, without files that are no videos, and the verdicts of all."""
    index = CacheIndex(asdict(source.storage), source.videos.labels, [], [], [], source.made_from)
    judge, tally, lengths = Judge(labels=source.labels), Tally(), Lengths(_seconds(source, shards))
    if lengths.remark:
        progress(lengths.remark)
    with writing_report(source.report) as write:
        for number, (path, videos) in enumerate(zip(shards, source.shards, strict=True)):
            shard = ShardIndex.read(path)
            index.shards.append(ShardFile(path.name, path.stat().st_size, shard.table_at, shard.frames_sha256))
            for stored, video in zip(entries(path, source), videos, strict=True):
                found = replace(stored.finding(source.root), label=video.label)
                finding = judge(explained(found, video, source.lookup), lengths.missing(video, found.seconds))
                write(finding)
                tally.add(finding)
                if is_usable(finding):
                    place = number, stored.entry["first"], (*stored.entry["stored"], 3)
                    index.videos.append(CachedVideo(video.id, video.label, video.group, *place))
                elif finding.verdict != NO_VIDEO:
                    index.skipped.append(Skipped(video.id, f"{finding.path}: {finding.reason}"))
    return index, tally


def _seconds(source: Source, shards: Sequence[Path]) -> Iterator[tuple[Video, float]]:
    for path, videos in zip(shards, source.shards, strict=True):
        for stored, video in zip(entries(path, source), videos, strict=True):
            yield video, stored.entry["seconds"] if stored.has_frames else 0.0


def _refuse_too_many(source: Source, index: CacheIndex, tally: Tally) -> None:
    if not index.videos:
        raise InputError(f"{source.annotations}: none of its videos can be used; {tally.first_bad}")
    if too_many(tally.bad, tally.videos, source.max_bad):
        raise InputError(
            f"{source.annotations}: {tally.bad} of {tally.videos} videos cannot be used, more than data.max_bad = "
            f"{source.max_bad:g} allows; {tally.first_bad} ({tally}; {source.report})"
        )

"""Building a cache: shard by shard, so that what is done stays done, on one machine or on several.

A shard holds a stretch of the list of videos. It is written whole, under a name with its checksum, and kept as long as
the files it was made from and the way of storing them stay the same. The index, written last, names the shards that
belong together; until then the cache is that of before.
"""

import os
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields, replace
from functools import cached_property, partial
from itertools import islice
from pathlib import Path
from shutil import disk_usage
from time import perf_counter
from typing import Any

from rcn_bench.data.annotations import Video, read_annotations, video_path
from rcn_bench.data.cache import CachedVideo, CacheIndex, ShardFile, Skipped
from rcn_bench.data.check import Finding, Judge, crashed, stamp, summary, too_many, writing_report
from rcn_bench.data.processes import in_processes
from rcn_bench.data.shard import VERSION, DamagedShard, ShardIndex, Storage, StoredVideo, examine_and_store, write_shard
from rcn_bench.errors import InputError
from rcn_bench.experiment import Config, shard_videos, stored_frames
from rcn_bench.files import file_hash, locked, size_text
from rcn_bench.layout import Layout

SAMPLE = 8  # videos from which the space that all need is guessed
CHECKSUM_DIGITS = 16  # of sha256, in a shard's name

PLAIN = Storage()

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Source:
    """What the cache of a split is made of, and where.

    annotations: the list of videos, whose files lie below root. index: the file that the cache is known by. report:
    what was found of every video, a CSV. labels: those that are known; None: all. max_bad: the share of videos (0 to 1)
    that may be unusable, which are then skipped and listed.
    """

    annotations: Path
    root: Path
    index: Path
    report: Path
    storage: Storage = PLAIN
    shard_videos: int = 500
    labels: Collection[str] | None = None
    max_bad: float = 0.0

    @classmethod
    def of(cls, config: Config, layout: Layout, split: str) -> "Source":
        """That of an experiment's split. Errors: InputError if its list or that of training cannot be read."""
        annotations, root = layout.annotations(config, split), layout.videos(config)
        # A validation video of a class that was not trained could not be right.
        labels = {video.label for video in read_annotations(layout.annotations(config, "train"), root)}
        return cls(
            annotations,
            root,
            layout.cache(split),
            layout.check(split),
            Storage(**stored_frames(config), jpeg_quality=config["data"].get("jpeg_quality")),
            shard_videos(config),
            labels,
            config["data"]["max_bad"],
        )

    @property
    def folder(self) -> Path:
        return self.index.with_suffix("")

    @cached_property
    def shards(self) -> list[list[Video]]:
        """The videos of each shard. Errors: InputError for a missing folder, or a list that cannot be read."""
        if not self.root.is_dir():
            raise InputError(f"{self.root}: no such video folder; check data.videos")
        videos = read_annotations(self.annotations, self.root)
        return [videos[start : start + self.shard_videos] for start in range(0, len(videos), self.shard_videos)]


def build_cache(source: Source, workers: int = 0, progress: Progress = print) -> None:
    """Make the shards that are not there yet, then the report and, last, the index.

    workers: processes that decode; 0: this one alone, which a file may then crash.
    Errors: InputError without the folder of videos or the space that they need, if another process is at the same
    shard, or if more videos than allowed are bad. What is there already is kept.
    """
    _make_shards(source, _missing(source), workers, progress)
    _write_index(source, progress)


def build_shard(source: Source, number: int, workers: int = 0, progress: Progress = print) -> Path:
    """Make one shard, unless it is there: the part of the work that machines can share. Errors: see build_cache."""
    if not 0 <= number < len(source.shards):
        raise InputError(f"shard {number}: {source.annotations} makes {len(source.shards)} shards, from 0 on")
    path = _current(source, number)
    return path or _make_shards(source, [number], workers, progress)[0]


def verify_cache(source: Source, *, skip: bool = False, workers: int = 0, progress: Progress = print) -> None:
    """Read all shards of a built cache, and make those anew that have changed since they were written.

    skip: make none, but skip their videos from now on. Errors: InputError without a cache; see build_cache.
    """
    damaged = []
    for shard in filter(None, CacheIndex.read(source.index).shards):
        path = source.folder / shard.file
        if not path.is_file() or path.stem.split("-")[1] != file_hash(path)[:CHECKSUM_DIGITS]:
            damaged.append(path)
            progress(f"{path}: damaged shard")
    for path in damaged:
        path.unlink(missing_ok=True)
    if not damaged:
        progress(f"{source.index}: every shard is as it was written")
    elif skip:
        _write_index(source, progress)
    else:
        build_cache(source, workers, progress)


@dataclass(frozen=True)
class Need:
    """What the shards that are not there yet will take, guessed from a few of their videos.

    seconds: of one core, to decode, check and store them.
    """

    shards: int
    videos: int
    bytes: int
    seconds: float


def need_of(source: Source, workers: int = 0) -> Need:
    """Errors: InputError for a missing folder or list."""
    return _need(source, _missing(source), workers)


def require_space(sources: Sequence[Source], workers: int = 0, progress: Progress = print) -> None:
    """Tell what caches that are not built yet will take, all together, before any of it is made.

    Errors: InputError if there is no room for it; see need_of.
    """
    needs = [need_of(source, workers) for source in sources if not source.index.is_file()]
    if needs:
        _require_space(sources[0].index.parent, needs, progress)


def _missing(source: Source) -> list[int]:
    return [number for number in range(len(source.shards)) if _current(source, number) is None]


def _videos(source: Source, shards: Sequence[int]) -> list[Video]:
    return [video for number in shards for video in source.shards[number]]


def _make_shards(source: Source, numbers: Sequence[int], workers: int, progress: Progress) -> list[Path]:
    if not numbers:
        return []
    _require_space(source.folder, [_need(source, numbers, workers)], progress)
    examined = _examined(source, _videos(source, numbers), workers)  # one shard's after the other's, without a pause
    return [_write_shard(source, number, islice(examined, len(source.shards[number])), progress) for number in numbers]


def _require_space(folder: Path, needs: Sequence[Need], progress: Progress) -> None:
    shards, needed = sum(need.shards for need in needs), sum(need.bytes for need in needs)
    free = disk_usage(next(path for path in (folder, *folder.absolute().parents) if path.exists())).free
    text = f"{folder}: shards to make: {shards}, about {size_text(needed)}; free: {size_text(free)}"
    if needed > free:
        raise InputError(f"{text}; make room, lower data.short_side or data.frame_rate, or set data.jpeg_quality")
    progress(text)


def _need(source: Source, numbers: Sequence[int], workers: int) -> Need:
    videos = _videos(source, numbers)
    sample = [str(video_path(source.root, video)) for video in videos[:: -(-len(videos) // SAMPLE) or 1]]
    costs = [cost or (0, 0.0) for _, cost in in_processes(partial(_cost, storage=source.storage), sample, workers)]
    share = len(videos) / max(len(sample), 1)
    return Need(
        len(numbers), len(videos), round(share * sum(size for size, _ in costs)), share * sum(time for _, time in costs)
    )


def _cost(path: str, storage: Storage) -> tuple[int, float]:
    """The bytes that a file is stored in, and the seconds that it takes."""
    started = perf_counter()
    _, stored = examine_and_store(path, storage)
    return sum(map(len, stored.frames)) if stored else 0, perf_counter() - started


def _examined(source: Source, videos: Sequence[Video], workers: int) -> Iterator[tuple[Finding, StoredVideo | None]]:
    paths = [str(video_path(source.root, video)) for video in videos]
    results = in_processes(partial(examine_and_store, storage=source.storage), paths, workers)
    for video, (path, result) in zip(videos, results, strict=True):
        finding, stored = result or (crashed(path), None)
        yield replace(finding, id=video.id), stored


def _current(source: Source, number: int) -> Path | None:
    """The file of a shard, if it holds these videos as their files are now, stored in this way."""
    for path in sorted(source.folder.glob(f"{number:05d}-*.shard")):
        try:
            index = ShardIndex.read(path)
        except DamagedShard:
            continue
        if (index.version, index.storage) == (VERSION, asdict(source.storage)) and _holds(
            index, source.shards[number], source.root
        ):
            return path
    return None


def _holds(index: ShardIndex, videos: Sequence[Video], root: Path) -> bool:
    return len(index.videos) == len(videos) and all(
        entry["id"] == video.id and _unchanged(entry, video_path(root, video), root)
        for entry, video in zip(index.videos, videos, strict=True)
    )


def _unchanged(entry: dict[str, Any], path: Path, root: Path) -> bool:
    """Of a file that is gone too, whose frames may be all that is left of it."""
    size, modified = stamp(path)
    same = (entry["path"], entry["bytes"], entry["modified"]) == (os.path.relpath(path, root), size, modified)
    return same or modified == 0


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


def _write_index(source: Source, progress: Progress) -> None:
    """Write the report, then the index of all shards that are there, and remove those that are in it no more."""
    labels = {video.label for videos in source.shards for video in videos}
    index = CacheIndex(str(source.annotations), source.storage.jpeg_quality is not None, sorted(labels), [], [], [])
    judge, counts = Judge(labels=source.labels), Counter[str]()
    missing: set[str] = set()
    with writing_report(source.report) as write:
        for number, videos in enumerate(source.shards):
            path = _current(source, number)
            shard = ShardIndex.read(path) if path else None
            index.shards.append(ShardFile(path.name, path.stat().st_size, shard.table_at) if path and shard else None)
            for video, entry in zip(videos, shard.videos if shard else [None] * len(videos), strict=True):
                finding = judge(_finding(entry, video, source.root))
                write(finding)
                counts[finding.verdict] += 1
                if entry is not None and finding.usable:
                    index.videos.append(_cached(entry, video, number))
                else:
                    index.skipped.append(Skipped(video.id, f"{finding.path}: {finding.reason}"))
                    if finding.decoding == "missing":
                        missing.add(video.id)
    text = f"{counts.total()} videos: {summary(counts)}; {source.report}"
    _refuse_too_many(source, index, text)
    old = set(source.folder.glob("*.shard")) - {source.folder / shard.file for shard in index.shards if shard}
    for path in sorted(old):
        _refuse_to_lose(path, missing, source)
    index.write(source.index)
    for path in old:
        path.unlink(missing_ok=True)
    progress(text)


def _finding(entry: dict[str, Any] | None, video: Video, root: Path) -> Finding:
    if entry is None:
        return Finding(video.id, video.label, "", str(video_path(root, video)), "damaged shard")
    known = {field.name: entry[field.name] for field in fields(Finding)}
    return Finding(**known | {"label": video.label, "path": str(root / entry["path"])})


def _cached(entry: dict[str, Any], video: Video, shard: int) -> CachedVideo:
    frames, height, width = entry["stored"]
    return CachedVideo(video.id, video.label, video.group, shard, entry["first"], (frames, height, width, 3))


def _refuse_too_many(source: Source, index: CacheIndex, text: str) -> None:
    if not index.skipped:
        return
    first = f"the first is {index.skipped[0].id}: {index.skipped[0].reason}"
    if not index.videos:
        raise InputError(f"{source.annotations}: none of its videos can be used; {first}")
    total = len(index.videos) + len(index.skipped)
    if too_many(len(index.skipped), total, source.max_bad):
        raise InputError(
            f"{source.annotations}: {len(index.skipped)} of {total} videos cannot be used, more than data.max_bad = "
            f"{source.max_bad:g} allows; {first} ({text})"
        )


def _refuse_to_lose(path: Path, missing: Collection[str], source: Source) -> None:
    """A shard may hold all that is left of a video."""
    try:
        lost = [entry["id"] for entry in ShardIndex.read(path).videos if entry["stored"][0] and entry["id"] in missing]
    except DamagedShard:
        return
    if lost:
        raise InputError(
            f"{path}: would be removed, but {len(lost)} of its videos are no longer in {source.root}, the first is "
            f"{lost[0]}; put them back, or delete the shard to go on without them"
        )

"""Building a cache: shard by shard, so that what is done stays done, on one machine or on several.

A shard holds a stretch of the list of videos. It is written whole, under a name with its checksum, and kept as long as
the files it was made from and the way of storing them stay the same. The index, written last, names the shards that
belong together; until then the cache is that of before.
"""

import os
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from functools import cached_property, partial
from itertools import islice
from pathlib import Path
from shutil import disk_usage
from time import perf_counter
from typing import Any

from rcn_bench.data.annotations import Video, read_annotations, video_path
from rcn_bench.data.cache import CachedVideo, CacheIndex, ShardFile, Skipped
from rcn_bench.data.check import Finding, Judge, crashed, examine, stamp, summary, too_many, writing_report
from rcn_bench.data.processes import in_processes
from rcn_bench.data.shard import (
    VERSION,
    DamagedShard,
    ShardFrames,
    ShardIndex,
    Storage,
    StoredVideo,
    examine_and_store,
    write_shard,
)
from rcn_bench.errors import InputError
from rcn_bench.experiment import Config, shard_videos, stored_frames
from rcn_bench.files import file_hash, locked, size_text
from rcn_bench.layout import Layout

SAMPLE = 8  # videos from which the space that all need is guessed
CHECKSUM_DIGITS = 16  # of sha256, in a shard's name
PLAIN = Storage()

Progress = Callable[[str], None]
Examined = tuple[Finding, StoredVideo | None]


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
    shard, if more videos than allowed are bad, or if frames would be lost that no file holds any more. What is there
    already is kept.
    """
    _build(source, workers, progress, distrusted={}, copy_only=())


def build_shard(source: Source, number: int, workers: int = 0, progress: Progress = print) -> Path:
    """Make one shard, unless it is there: the part of the work that machines can share. Errors: see build_cache."""
    if not 0 <= number < len(source.shards):
        raise InputError(f"shard {number}: {source.annotations} makes {len(source.shards)} shards, from 0 on")
    return _current(source, number) or _write_shard(source, number, _examined(source, [number], workers), progress)


def verify_cache(source: Source, *, skip: bool = False, workers: int = 0, progress: Progress = print) -> None:
    """Read all shards of a built cache, and make those anew that have changed since they were written.

    Those too whose files crashed the decoder or could not be read, and may be by now. Of videos whose files are gone,
    frames that have not changed are carried over. skip: decode none for it, but leave out what has changed.
    Errors: InputError without a cache; see build_cache.
    """
    count = len(source.shards)  # first, so that a list that cannot be read stops it before anything else
    distrusted: dict[int, Path] = {}
    for number, shard in enumerate(CacheIndex.read(source.index).shards[:count]):
        path = source.folder / shard.file
        if doubt := _doubt(path):
            progress(f"{path}: {doubt}")
            distrusted[number] = path
    if not distrusted:
        progress(f"{source.index}: every shard is as it was written")
        return
    _build(source, workers, progress, distrusted, copy_only=set(distrusted) if skip else set())


def _doubt(path: Path) -> str | None:
    try:
        if not file_hash(path).startswith(_checksum(path)):
            return "damaged shard"
    except OSError as error:
        return f"damaged shard, {error.strerror}"
    unread = [entry["id"] for entry in ShardIndex.read(path).videos if not entry["checker"]]
    return f"has videos that could not be read, {unread[0]} first" if unread else None


def _checksum(path: Path) -> str:
    return path.stem.split("-")[1]


@dataclass(frozen=True)
class Need:
    """What the shards that are not there yet will take, guessed from a few of their videos.

    seconds: of one core, to decode, check and store them.
    """

    shards: int
    bytes: int
    seconds: float


def need_of(source: Source, workers: int = 0) -> Need:
    """Errors: InputError for a missing folder or list."""
    return _need(source, [number for number in range(len(source.shards)) if _current(source, number) is None], workers)


def require_space(sources: Sequence[Source], workers: int = 0, progress: Progress = print) -> None:
    """Tell what caches that are not built in this way yet will take, all together, before any of it is made.

    Errors: InputError if there is no room for it; see need_of.
    """
    needs = [need_of(source, workers) for source in sources if not _built_so(source)]
    if needs:
        _require_space(sources[0].index.parent, needs, progress)


def _built_so(source: Source) -> bool:
    return source.index.is_file() and CacheIndex.read(source.index).storage == asdict(source.storage)


def _require_space(folder: Path, needs: Sequence[Need], progress: Progress) -> None:
    shards, needed = sum(need.shards for need in needs), sum(need.bytes for need in needs)
    free = disk_usage(next(path for path in (folder, *folder.absolute().parents) if path.exists())).free
    text = f"{folder}: shards to make: {shards}, about {size_text(needed)}; free: {size_text(free)}"
    if needed > free:
        raise InputError(f"{text}; make room, lower data.short_side or data.frame_rate, or set data.jpeg_quality")
    progress(text)


def _need(source: Source, numbers: Sequence[int], workers: int) -> Need:
    videos = [video for number in numbers for video in source.shards[number]]
    sample = [str(video_path(source.root, video)) for video in videos[:: -(-len(videos) // SAMPLE) or 1]]
    costs = [cost or (0, 0.0) for _, cost in in_processes(partial(_cost, storage=source.storage), sample, workers)]
    share = len(videos) / max(len(sample), 1)
    return Need(len(numbers), round(share * sum(size for size, _ in costs)), share * sum(time for _, time in costs))


def _cost(path: str, storage: Storage) -> tuple[int, float]:
    """The bytes that a file is stored in, and the seconds that it takes."""
    started = perf_counter()
    _, stored = examine_and_store(path, storage)
    return sum(map(len, stored.frames)) if stored else 0, perf_counter() - started


def _build(
    source: Source, workers: int, progress: Progress, distrusted: Mapping[int, Path], copy_only: Collection[int]
) -> None:
    """distrusted: shards to be made anew, by number; copy_only: those of which no video is to be decoded for it."""
    shards = {n: None if n in distrusted else _current(source, n) for n in range(len(source.shards))}
    missing = [number for number, path in shards.items() if path is None]
    if missing:
        _require_space(source.folder, [_need(source, missing, workers)], progress)
    examined = _examined(source, missing, workers, copy_only)  # one shard's after the other's, without a pause
    for number in missing:
        videos = islice(examined, len(source.shards[number]))
        shards[number] = _write_shard(source, number, videos, progress)
    _write_index(source, [path for path in shards.values() if path], list(distrusted.values()), progress)


def _examined(
    source: Source, numbers: Iterable[int], workers: int, copy_only: Collection[int] = ()
) -> Iterator[Examined]:
    """Of all videos of some shards, in order: decoded or, where the file is gone, copied from an earlier shard."""
    videos = [(video, number in copy_only) for number in numbers for video in source.shards[number]]
    paths = {video.id: video_path(source.root, video) for video, _ in videos}
    copied = {video.id for video, copy in videos if copy or stamp(paths[video.id]) == (0, 0)}
    to_decode = [str(paths[video.id]) for video, _ in videos if video.id not in copied]
    results = in_processes(partial(examine_and_store, storage=source.storage), to_decode, workers)
    earlier = _Earlier(source)
    for video, _ in videos:
        if video.id in copied:
            yield earlier.examined(video)
        else:
            path, result = next(results)
            finding, stored = result or (crashed(path), None)
            yield replace(finding, id=video.id), stored


class _Earlier:
    """What shards of before hold, to copy it from: they may hold all that is left of a video."""

    def __init__(self, source: Source) -> None:
        self.source = source

    @cached_property
    def entries(self) -> dict[str, list[tuple[Path, int, dict[str, Any]]]]:
        """By the id of a video: the shards that are stored in the same way, the places of their tables, its entries."""
        found: dict[str, list[tuple[Path, int, dict[str, Any]]]] = {}
        for path in _shard_files(self.source):
            index = _read_index(path)
            if index is not None and _same_way(index, self.source):
                for entry in index.videos:
                    found.setdefault(entry["id"], []).append((path, index.table_at, entry))
        return found

    def examined(self, video: Video) -> Examined:
        changed = False
        for path, table_at, entry in self.entries.get(video.id, []):
            frames, height, width = entry["stored"]
            finding = _finding(entry, video, self.source.root)
            if not frames:
                return finding, None
            try:
                shard = ShardFrames(path, table_at, jpeg=self.source.storage.jpeg_quality is not None)
                rows = range(entry["first"], entry["first"] + frames)
                return finding, StoredVideo(list(shard.stored(rows)), height, width)
            except DamagedShard:
                changed = True
        finding = replace(examine(str(video_path(self.source.root, video))), id=video.id)
        if changed:
            finding = replace(finding, decoding="damaged", detail="its stored frames have changed")
        return finding, None


def _shard_files(source: Source, number: int | None = None) -> list[Path]:
    return sorted(source.folder.glob(f"{'*' if number is None else f'{number:05d}'}-*.shard"))


def _read_index(path: Path) -> ShardIndex | None:
    try:
        return ShardIndex.read(path)
    except DamagedShard:
        return None


def _same_way(index: ShardIndex, source: Source) -> bool:
    return (index.version, index.storage) == (VERSION, asdict(source.storage))


def _current(source: Source, number: int) -> Path | None:
    """The file of a shard, if it holds these videos as their files are now, stored in this way."""
    videos = source.shards[number]
    for path in _shard_files(source, number):
        index = _read_index(path)
        if index is not None and _same_way(index, source) and len(index.videos) == len(videos):
            pairs = zip(index.videos, videos, strict=True)
            if all(entry["id"] == video.id and _unchanged(entry, video, source.root) for entry, video in pairs):
                return path
    return None


def _unchanged(entry: dict[str, Any], video: Video, root: Path) -> bool:
    """A file that is gone cannot have changed; one that is there again can replace frames that were damaged."""
    path = video_path(root, video)
    now = stamp(path)
    if now == (0, 0):
        return True
    known = entry["path"], entry["bytes"], entry["modified"]
    return known == (os.path.relpath(path, root), *now) and entry["decoding"] != "damaged"


def _write_shard(source: Source, number: int, videos: Iterable[Examined], progress: Progress) -> Path:
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


def _write_index(source: Source, shards: Sequence[Path], replaced: Collection[Path], progress: Progress) -> None:
    """Write the report, then the index of these shards, and remove all others.

    replaced: of the others, those whose frames have been taken over as far as they can be.
    """
    labels = sorted({video.label for videos in source.shards for video in videos})
    index = CacheIndex(asdict(source.storage), labels, [], [], [])
    judge, counts = Judge(labels=source.labels), Counter[str]()
    with writing_report(source.report) as write:
        for number, (path, videos) in enumerate(zip(shards, source.shards, strict=True)):
            shard = ShardIndex.read(path)
            index.shards.append(ShardFile(path.name, path.stat().st_size, shard.table_at, shard.frames_sha256))
            for entry, video in zip(shard.videos, videos, strict=True):
                finding = judge(_finding(entry, video, source.root))
                write(finding)
                counts[finding.verdict] += 1
                if finding.usable:
                    index.videos.append(_cached(entry, video, number))
                else:
                    index.skipped.append(Skipped(video.id, f"{finding.path}: {finding.reason}"))
    text = f"{counts.total()} videos: {summary(counts)}; {source.report}"
    _refuse_too_many(source, index, text)
    others = set(_shard_files(source)) - set(shards)
    _refuse_to_lose(others - set(replaced), index, source.root)
    index.write(source.index)
    for path in others:
        path.unlink(missing_ok=True)
    progress(text)


def _finding(entry: dict[str, Any], video: Video, root: Path) -> Finding:
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


def _refuse_to_lose(shards: Collection[Path], index: CacheIndex, root: Path) -> None:
    """Shards that are not needed any more may hold all that is left of a video."""
    kept = {video.id for video in index.videos}
    for path in sorted(shards):
        entries = old.videos if (old := _read_index(path)) else []
        stored = [entry for entry in entries if entry["stored"][0] and entry["id"] not in kept]
        lost = [entry["id"] for entry in stored if not (root / entry["path"]).is_file()]
        if lost:
            raise InputError(
                f"{path}: would be removed, but {len(lost)} of its videos are no longer in {root}, the first is "
                f"{lost[0]}; put them back, or delete the shard to go on without them"
            )

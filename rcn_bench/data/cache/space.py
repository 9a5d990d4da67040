"""The room that shards need, told before they are made."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from shutil import disk_usage
from time import perf_counter

from rcn_bench.data.cache.index import CacheIndex
from rcn_bench.data.cache.shard import Storage
from rcn_bench.data.cache.source import Source
from rcn_bench.data.cache.writing import examine_and_store
from rcn_bench.data.media.footage import Footage
from rcn_bench.data.media.kinds import stamp
from rcn_bench.data.processes import in_processes
from rcn_bench.errors import InputError
from rcn_bench.files import Progress, size_text

SAMPLE = 8  # videos from which that of all is guessed


@dataclass(frozen=True)
class Need:
    """What making some shards takes. seconds: of one core, to decode, check and store their videos."""

    shards: int
    bytes: int
    seconds: float


def need_of(source: Source, numbers: Sequence[int] | None = None, workers: int = 0) -> Need:
    """Guessed from a few of the videos of some shards, by their size; numbers None: of all.

    Errors: InputError for a missing folder or list.
    """
    numbers = range(len(source.shards)) if numbers is None else numbers
    videos = [source.footage(video) for number in numbers for video in source.shards[number]]
    sample = videos[:: -(-len(videos) // SAMPLE) or 1]
    cost_of = partial(_cost, storage=source.storage)
    costs = [cost or (0, 0.0) for _, cost in in_processes(cost_of, sample, workers)]
    share = sum(map(_size, videos)) / (sum(map(_size, sample)) or 1)
    return Need(len(numbers), round(share * sum(size for size, _ in costs)), share * sum(time for _, time in costs))


def _size(video: Footage) -> float:
    """What its frames grow with: the length of its span or, without one, the bytes of its file."""
    if video.span is not None and video.span.end is not None:
        return max(video.span.end - video.span.start, 0)
    return stamp(Path(video.path))[0]


def _cost(video: Footage, storage: Storage) -> tuple[int, float]:
    """The bytes that a video is stored in, and the seconds that it takes."""
    started = perf_counter()
    _, stored = examine_and_store(video, storage)
    return sum(map(len, stored.frames)) if stored else 0, perf_counter() - started


def is_built(source: Source) -> bool:
    """Whether there is a cache, its frames stored in this way. Errors: InputError if its index cannot be read."""
    return source.index.is_file() and CacheIndex.read(source.index).storage == asdict(source.storage)


def require_room(folder: Path, needs: Sequence[Need], progress: Progress) -> None:
    """Say what is needed and what is there. Errors: InputError if that is less."""
    shards, needed = sum(need.shards for need in needs), sum(need.bytes for need in needs)
    free = disk_usage(next(path for path in (folder, *folder.absolute().parents) if path.exists())).free
    text = f"{folder}: shards to make: {shards}, about {size_text(needed)}; free: {size_text(free)}"
    if needed > free:
        raise InputError(f"{text}; make room, lower data.short_side or data.frame_rate, or set data.jpeg_quality")
    progress(text)

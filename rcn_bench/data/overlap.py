"""What should be apart and is not: validation videos that are trained on too, one video under two labels.

Two videos show the same if their files have the same bytes and, where they are parts of a longer file, these overlap.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from itertools import groupby, islice
from pathlib import Path
from typing import NamedTuple

from rcn_bench.data.cache.index import CacheIndex
from rcn_bench.data.cache.shard import DamagedShard, ShardIndex
from rcn_bench.errors import InputError, shown
from rcn_bench.files import Progress
from rcn_bench.records.overlap import Overlap, Some

KEY = "data.max_overlap"


class Shown(NamedTuple):
    """A video, as it is compared with others.

    file: the same for two copies of a file. span: the part of it that is shown, such as "seconds 5 to 8.5" or "frames
    0 to the end"; empty: all.
    """

    id: str
    label: str
    group: str
    file: str
    span: str = ""

    def shares_pictures(self, other: "Shown") -> bool:
        """With one of the same file. Of frames and seconds that cannot be told: they are taken to overlap."""
        if not (self.span and other.span):
            return True
        (unit, start, end), (others_unit, others_start, others_end) = _ends(self.span), _ends(other.span)
        return unit != others_unit or (start < others_end and others_start < end)


@lru_cache(4096)  # a file may have many
def _ends(span: str) -> tuple[str, float, float]:
    """Its unit, its start and its end."""
    unit, start, _, end = span.split(" ", 3)
    return unit, float(start), math.inf if end == "the end" else float(end)


Pair = tuple[Shown, Shown]


def compare(train: Sequence[Shown], val: Sequence[Shown]) -> Overlap:
    """What two splits have in common, and what stands twice in one."""
    files, groups = _by(train, lambda video: video.file), _by(train, lambda video: video.group)
    trained_on: list[Pair] = []
    recordings: list[Pair] = []
    for video in val:
        of_file = files.get(video.file, [])
        if copy := next((other for other in of_file if video.shares_pictures(other)), None):
            trained_on.append((video, copy))
        elif related := of_file or groups.get(video.group):
            recordings.append((video, related[0]))
    labels = {video.label for video in train}
    untrained = Counter(video.label for video in val if video.label not in labels)
    return Overlap(
        trained_on=_some(trained_on, len(val), "{0.id} (in training {1.id})"),
        recordings=_some(recordings, len(val), "{0.id} (in training {1.id}, group {1.group})"),
        two_labels_train=under_two_labels(train),
        two_labels_val=under_two_labels(val),
        untrained=dict(sorted(untrained.items())),
    )


def under_two_labels(videos: Sequence[Shown]) -> Some:
    """The videos of a list that show what another one shows under another label."""
    pairs: list[Pair] = []
    for of_file in _by(videos, lambda video: video.file).values():
        if len({video.label for video in of_file}) == 1:
            continue
        for one in of_file:
            others = (other for other in of_file if other.label != one.label and other.shares_pictures(one))
            pairs += [(one, other) for other in islice(others, 1)]
    return _some(pairs, len(videos), "{0.id} ({0.label}) and {1.id} ({1.label})")


def compare_caches(train: Path, val: Path, span: int = 1) -> Overlap:
    """What two splits have in common, by the indices of their caches: of the videos in them, which can be used.

    span: the frames that a clip spans; no clip is trained on of shorter training videos, which do not count.
    Errors: InputError for a cache that is missing or damaged.
    """
    return compare(cached_videos(train, span), cached_videos(val))


def cached_videos(path: Path, frames: int = 1) -> list[Shown]:
    """The videos of a cache with so many frames or more, by what its shards say of the files that they were made of.

    path: of its index. Errors: InputError for a cache that is missing or damaged.
    """
    index, compared = CacheIndex.read(path), []
    for number, videos in groupby(index.videos, key=lambda video: video.shard):
        file = path.with_suffix("") / index.shards[number].file
        found = {entry["id"]: (entry["sha256"], entry.get("span", "")) for entry in ShardIndex.read(file).videos}
        for v in videos:
            if v.id not in found:
                raise DamagedShard.at(file, f"{v.id!r} is not in it, as {path.name} says")
            if v.shape[0] >= frames:
                compared.append(Shown(v.id, v.label, v.group, *found[v.id]))
    return compared


def require_apart(overlap: Overlap, share: float) -> None:
    """share: the value of data.max_overlap.

    Errors: InputError if more of the validation videos are trained on too, or more of a split's stand under two labels.
    """
    _require_few(overlap.trained_on, "validation videos are trained on too", share, KEY)
    _require_few(overlap.two_labels_train, "training videos stand under two labels", share, KEY)
    _require_few(overlap.two_labels_val, "validation videos stand under two labels", share, KEY)


def require_one_label(
    videos: Sequence[Shown], source: Path, share: float, key: str = KEY, progress: Progress = print
) -> None:
    """Tell how many videos of a list stand there under two labels.

    source: the list. share: the value of a key. Errors: InputError if there are more.
    """
    some = under_two_labels(videos)
    what = f"videos of {source} stand under two labels"
    if some.count:
        progress(f"{some} {what}: {some.example} first.")
    _require_few(some, what, share, key)


def _require_few(some: Some, what: str, share: float, key: str) -> None:
    if some.is_more_than(share):
        raise InputError(
            f"{key}: {some} {what}, more than {share:g} allows; the first is {some.example}; take one of each pair "
            f"out of its list, or raise {key}"
        )


def _by(videos: Iterable[Shown], key: Callable[[Shown], str]) -> dict[str, list[Shown]]:
    found: dict[str, list[Shown]] = defaultdict(list)
    for video in videos:
        found[key(video)].append(video)
    return dict(found)


def _some(pairs: Sequence[Pair], of: int, example: str) -> Some:
    return Some(len(pairs), of, shown(example.format(*pairs[0])) if pairs else "")

"""Clips of YouTube's videos, which are known by their names: how long one is, and whether a file is one of them."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache
from pathlib import PurePosixPath

from rcn_bench.lists.spelling import spelled_anyhow
from rcn_bench.lists.video import Video

ENDINGS = ("mp4", "mkv", "webm", "avi", "mov", "m4v", "flv", "3gp", "wmv", "mpg", "mpeg", "ts", "ogv")
SPLITS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validate", "validation"), "val"),
    **dict.fromkeys(("test", "testing"), "test"),
}  # by the words in the names of folders
OF_KINETICS = re.compile(r"[\w-]{11}_\d{6}_\d{6}\.\w+", re.ASCII)  # YouTube's id, and from when to when in its video
REPLACEMENT = "replacement"  # how CVDF's folder of clips begins that stand for broken ones

Rank = tuple[bool, bool, bool, int, int]


@dataclass(frozen=True)
class ClipName:
    """The name of a file: ID_START_END.mp4, of the times (s) in any number of digits, or ID.mp4, or ID.mp4.mkv."""

    id: str
    times: tuple[int, int] | None
    endings: tuple[str, ...]

    @classmethod
    def of(cls, name: str) -> "ClipName":
        stem, *endings = name.split(".")
        timed = re.fullmatch(r"(.+)_(\d{1,9})_(\d{1,9})", stem, re.ASCII)
        id, times = (timed[1], (int(timed[2]), int(timed[3]))) if timed else (stem, None)
        return cls(id, times, tuple(ending.lower() for ending in endings))

    @property
    def is_of_a_video(self) -> bool:
        return bool(self.endings) and all(ending in ENDINGS for ending in self.endings)  # so not .mp4.part


def claimed_seconds(video: Video) -> float | None:
    """By the times in its name, ID_START_END.mp4; None where its list or its name says nothing.

    A list of files may have names of any meaning: there only one that is spelled just as those of Kinetics counts.
    """
    name = PurePosixPath(video.paths[0]).name
    times = ClipName.of(name).times
    if times is None or video.span is not None or not (video.loose or OF_KINETICS.fullmatch(name)):
        return None
    start, end = times
    return end - start if end > start else None


class Clip:
    """What a video's first path, SPLIT/ID_START_END.mp4, and its label say of where its file may lie."""

    def __init__(self, video: Video) -> None:
        folder, _, name = video.paths[0].rpartition("/")
        self.name, self.split, self.label = ClipName.of(name), _split_in(folder), spelled_anyhow(video.label)

    def rank(self, place: str, labels: Collection[str]) -> Rank | None:
        """Of a file, by its path: the lowest is the one to take; None: it is another clip, or no whole video.

        labels: all that there are, as ``spelled_anyhow``. A file is another clip, too, in a folder of another split or
        label.
        """
        *folders, file = place.split("/")
        name, others = ClipName.of(file), [each for each in folders if spelled_anyhow(each) != self.label]
        if not name.is_of_a_video or name.id != self.name.id or name.times not in (None, self.name.times):
            return None
        splits = [split for each in others if (split := _split_in(each))]
        if self.split and splits and splits[-1] != self.split:
            return None
        if any(spelled_anyhow(each) in labels for each in others):
            return None
        is_replacement = any(each.startswith(REPLACEMENT) for each in folders)
        endings = len(name.endings), ENDINGS.index(name.endings[-1])
        return not is_replacement, name.times is None, not splits, *endings


@lru_cache(10_000)  # there are few folders
def _split_in(folder: str) -> str | None:
    words = re.findall("[a-z]+", folder.casefold())
    return next((SPLITS[word] for word in words if word in SPLITS), None)

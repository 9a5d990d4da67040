"""One video of a list, and where its file lies."""

import math
import os
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Span:
    """A stretch of a longer video.

    start: of its first frame. end: just behind its last; None: to the end of the video. Both in seconds from the
    video's first frame on, or in frames counted from 0.
    """

    start: float = 0
    end: float | None = None
    in_frames: bool = False

    @property
    def stop(self) -> float:
        """Its end, as a number in any case."""
        return math.inf if self.end is None else self.end

    def __str__(self) -> str:
        """Such as "seconds 5 to 8.5"; the same for the same span alone."""
        end = "the end" if self.end is None else _plain(self.end)
        return f"{'frames' if self.in_frames else 'seconds'} {_plain(self.start)} to {end}"


def _plain(number: float) -> str:
    return repr(float(number)).removesuffix(".0")


@dataclass(frozen=True)
class Video:
    """One annotated video.

    id: names it in all results. group: videos that are not independent of each other (twins) share it. paths: where
    its file, or its folder of pictures, may lie below the folder of videos, the first choice first. span: the part of
    it that is meant; None: all of it. loose: whether the paths name a clip and not a file, so that its
    file may be spelled in other ways (see lookup.py).
    """

    id: str
    label: str
    group: str
    paths: tuple[str, ...]
    span: Span | None = None
    loose: bool = field(default=False, compare=False)


def video_path(root: Path, video: Video) -> Path:
    """Where a video's file or folder is, or would be: the first of its paths that exists, else the last."""
    candidates = [root / path for path in video.paths]
    return next((path for path in candidates if os.path.exists(path)), candidates[-1])  # False for any odd name

"""One video of a list, and where its file lies."""

import os
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Video:
    """One annotated video.

    id: names it in all results. group: videos that are not independent of each other (twins) share it. paths: where
    its file may lie below the folder of videos, the first choice first. span: the part of the file that is meant; None:
    all of it.
    """

    id: str
    label: str
    group: str
    paths: tuple[str, ...]
    span: Span | None = None


def video_path(root: Path, video: Video) -> Path:
    """Where a video's file is, or would be: the first of its paths that exists, else the last."""
    candidates = [root / path for path in video.paths]
    return next((path for path in candidates if os.path.isfile(path)), candidates[-1])  # False for any odd name

"""One video of a list, and where its file lies."""

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Video:
    """One annotated video.

    id: names it in all results. group: videos that are not independent of each other (twins) share it. paths: where
    its file may lie below the folder of videos, the first choice first.
    """

    id: str
    label: str
    group: str
    paths: tuple[str, ...]


def video_path(root: Path, video: Video) -> Path:
    """Where a video's file is, or would be: the first of its paths that exists, else the last."""
    candidates = [root / path for path in video.paths]
    return next((path for path in candidates if os.path.isfile(path)), candidates[-1])  # False for any odd name

"""What holds for a list of any format: its videos are whole, below their folder, and of the official classes."""

import re
from collections.abc import Collection
from typing import Any

from rcn_bench.errors import InputError
from rcn_bench.lists.video import Video


def require_whole(video: Video, where: str) -> None:
    """Errors: InputError, which begins with where, for a value that is missing or of another kind, or such a path."""
    for key in ("id", "label", "group"):
        if not isinstance(value := getattr(video, key), str) or not value:
            raise InputError(f"{where}: {key} must be text, not {value!r}")
    if not isinstance(video.paths, tuple) or not video.paths:
        raise InputError(f"{where}: paths must be a tuple of one or more, not {video.paths!r}")
    for path in video.paths:
        if not isinstance(path, str):
            raise InputError(f"{where}: a path must be text, not {path!r}")
        _require_inside(path, where)


def _require_inside(path: str, where: str) -> None:
    """A backslash and a drive's letter lead nowhere here, but elsewhere they would."""
    if re.match(r"[/\\]|[A-Za-z]:[/\\]", path) or ".." in re.split(r"[/\\]", path):
        raise InputError(f"{where}: {path} leaves the folder of videos; paths start from it")
    if "\0" in path:
        raise InputError(f"{where}: {path!r} has a NUL in it, which no name has")


def require_labels(labels: Any, what: str) -> set[str] | None:
    """The official classes; None: there are none. Errors: InputError, which begins with what."""
    if labels is None:
        return None
    different = {label for label in labels if isinstance(label, str) and label}
    if len(different) != len(labels):
        raise InputError(f"{what} must be texts, all different")
    return different


def require_official(label: str, labels: Collection[str] | None, where: str) -> None:
    """Errors: InputError, which begins with where, for a label that is none of those."""
    if labels is not None and label not in labels:
        raise InputError(f"{where}: label {label!r} is none of the {len(labels)} of this data set")

"""The list formats that there are, and the reading of a list in any of them.

A format is one class with the decorator ``list_format``: in a module of this package, where it is found by itself, or
in a plugin.
"""

import importlib
import pkgutil
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import ClassVar, TypeVar

from rcn_bench import lists
from rcn_bench.errors import InputError
from rcn_bench.lists.csv_file import header_of
from rcn_bench.lists.video import Video


class ListFormat(ABC):
    """A way to say which videos a data set has. The first line of a format's docstring says how such a list looks.

    name: by which it is asked for. place: where in the list the last video stands, such as "line 3"; for messages.
    """

    name: ClassVar[str]
    place: str = ""

    @abstractmethod
    def recognises(self, source: Path) -> bool:
        """Whether a file or folder that exists is such a list; by what is quickly seen of it, such as its header."""

    @abstractmethod
    def read(self, source: Path, root: Path) -> Iterator[Video]:
        """Its videos in order, whose files lie below the folder root. Errors: InputError with the place."""

    @classmethod
    def summary(cls) -> str:
        return (cls.__doc__ or "").strip().partition("\n")[0].rstrip(".")

    def where(self, source: Path) -> str:
        return f"{source}, {self.place}" if self.place else str(source)


_FORMATS: dict[str, type[ListFormat]] = {}
Format = TypeVar("Format", bound=type[ListFormat])


def list_format(cls: Format) -> Format:
    """Register a format. Errors: InputError if another one has its name."""
    if _FORMATS.setdefault(cls.name, cls) is not cls:
        raise InputError(
            f"{cls.__module__}: list format {cls.name!r} is there already, in "
            f"{_FORMATS[cls.name].__module__}; give it another name"
        )
    return cls


def list_formats() -> dict[str, type[ListFormat]]:
    """All formats by name: those of this package, then those of plugins."""
    for module in sorted(module.name for module in pkgutil.iter_modules(lists.__path__)):
        importlib.import_module(f"{lists.__name__}.{module}")
    own = [name for name, known in _FORMATS.items() if known.__module__.startswith(f"{lists.__name__}.")]
    return {name: _FORMATS[name] for name in dict.fromkeys([*own, *_FORMATS])}


def read_list(source: Path, root: Path, format: str | None = None) -> list[Video]:
    """The videos of a list, whose files lie below the folder root.

    source: a file or a folder. format: its name; None: the first one that recognises the source.
    Errors: InputError for a list that is not there, that no format recognises or that has no videos; for a missing
    column or value, a path that leaves root, or a video listed twice.
    """
    if not (source.is_file() or source.is_dir()):
        raise InputError(f"{source}: no such annotation file; check data.annotations")
    reader = _format_of(source, format)
    videos: dict[str, Video] = {}
    for video in reader.read(source, root):
        for path in video.paths:
            _require_inside(path, reader.where(source))
        if video.id in videos:
            raise InputError(f"{reader.where(source)}: {video.id} is listed twice; remove one row")
        videos[video.id] = video
    if not videos:
        raise InputError(f"{source}: no videos listed")
    return list(videos.values())


def _format_of(source: Path, name: str | None) -> ListFormat:
    formats = list_formats()
    if name is not None:
        if name not in formats:
            raise InputError(f"data.format: no list format {name!r}; there are {', '.join(formats)}")
        return formats[name]()
    for known in formats.values():
        if (reader := known()).recognises(source):
            return reader
    known_ones = "; ".join(f"{name} ({known.summary()})" for name, known in formats.items())
    columns = "" if source.is_dir() else f", it has {', '.join(header_of(source)) or 'none'}"
    raise InputError(f"{source}: no column by which its format is known{columns}; there are {known_ones}")


def _require_inside(path: str, where: str) -> None:
    pure = PurePosixPath(path)
    if pure.is_absolute() or ".." in pure.parts:
        raise InputError(f"{where}: {path} leaves the folder of videos; paths start from it")

"""The list formats that there are, and the reading of a list in any of them.

A format is one class with the decorator ``list_format``: in a module of this package, where it is found by itself, or
in a plugin.
"""

import importlib
import pkgutil
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar, TypeVar

from rcn_bench import lists
from rcn_bench.code import is_plugin, plugin_code
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


_FORMATS: dict[str, dict[str, type[ListFormat]]] = {}  # by module: plugins of other experiments may use the same names
Format = TypeVar("Format", bound=type[ListFormat])


def list_format(cls: Format) -> Format:
    """Register a format. Errors: InputError for what is none."""
    if not (isinstance(cls, type) and issubclass(cls, ListFormat)):
        raise InputError(f"{cls.__module__}: {cls.__name__} is not a class of ListFormat, so no list format")
    _FORMATS.setdefault(cls.__module__, {})[cls.name] = cls
    return cls


def list_formats(plugins: Collection[str] | None = None) -> dict[str, type[ListFormat]]:
    """All formats by name: those of this package, then those of plugins.

    plugins: the modules, imported before, whose formats count; None: all. Errors: InputError for a name that two use.
    """
    own = [f"{lists.__name__}.{module.name}" for module in pkgutil.iter_modules(lists.__path__)]
    for module in sorted(own):
        importlib.import_module(module)
    ours = [module for module in _FORMATS if not is_plugin(module)]
    found: dict[str, type[ListFormat]] = {}
    for module in dict.fromkeys([*ours, *(_FORMATS if plugins is None else plugins)]):
        for name, known in _FORMATS.get(module, {}).items():
            if (first := found.setdefault(name, known)) is not known:
                places = f"{first.__module__} and {module}"
                raise InputError(f"plugins: list format {name} is registered by {places}; rename one")
    return found


def read_list(
    source: Path, root: Path, format: str | None = None, plugins: Collection[str] | None = None
) -> list[Video]:
    """The videos of a list, whose files lie below the folder root.

    source: a file or a folder. format: its name; None: the first one that recognises the source. plugins: as for
    ``list_formats``.
    Errors: InputError for a list that is not there, that no format recognises or that has no videos; for a missing
    column or value, a path that leaves root, or a video listed twice; for a plugin's format that fails.
    """
    if not (source.is_file() or source.is_dir()):
        raise InputError(f"{source}: no such annotation file; check data.annotations")
    reader = _format_of(source, format, plugins)
    videos: dict[str, Video] = {}
    with plugin_code(type(reader).__module__, lambda: f"{reader.where(source)}: list format {reader.name} failed"):
        for video in _require(Iterable, reader.read(source, root), reader, source):
            _require_whole(_require(Video, video, reader, source), reader.where(source))
            if video.id in videos:
                raise InputError(f"{reader.where(source)}: {video.id} is listed twice; remove one row")
            videos[video.id] = video
    if not videos:
        raise InputError(f"{source}: no videos listed")
    return list(videos.values())


def _format_of(source: Path, name: str | None, plugins: Collection[str] | None) -> ListFormat:
    formats = list_formats(plugins)
    if name is not None:
        if name not in formats:
            raise InputError(f"data.format: no list format {name!r}; there are {', '.join(formats)}")
        return formats[name]()
    for known in formats.values():
        with plugin_code(known.__module__, f"{source}: list format {known.name} failed"):
            if (reader := known()).recognises(source):
                return reader
    known_ones = "; ".join(f"{name} ({known.summary()})" for name, known in formats.items())
    columns = "" if source.is_dir() else f", it has {', '.join(header_of(source)) or 'none'}"
    raise InputError(f"{source}: no column by which its format is known{columns}; there are {known_ones}")


def _require(kind: Any, found: Any, reader: ListFormat, source: Path) -> Any:
    if not isinstance(found, kind):
        what = f"must yield videos, not {type(found).__name__}"
        raise InputError(f"{reader.where(source)}: list format {reader.name} {what}")
    return found


def _require_whole(video: Video, where: str) -> None:
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
    pure = PurePosixPath(path)
    if pure.is_absolute() or ".." in pure.parts:
        raise InputError(f"{where}: {path} leaves the folder of videos; paths start from it")

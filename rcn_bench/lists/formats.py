"""The list formats that there are, and the reading of a list in any of them.

A format is one class with the decorator ``list_format``: in a module of this package, where it is found by itself, or
in a plugin.
"""

import importlib
import pkgutil
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from rcn_bench import lists
from rcn_bench.code import is_plugin, plugin_code
from rcn_bench.errors import InputError
from rcn_bench.lists.csv_file import header_of
from rcn_bench.lists.labels import require_one_spelling
from rcn_bench.lists.video import Video

SHOWN = 200  # characters of a header that is of no known format


class ListFormat(ABC):
    """A way to say which videos a data set has. The first line of a format's docstring says how such a list looks.

    name: by which it is asked for. place: where in the list the last video stands, such as "line 3"; for messages.
    guessed_last: whether it looks like anything, so that all others are asked before. notes: what a person should know
    of a list that has been read, a text each.
    """

    name: ClassVar[str]
    guessed_last: ClassVar[bool] = False
    place: str = ""
    notes: tuple[str, ...] = ()

    @abstractmethod
    def recognises(self, source: Path) -> bool:
        """Whether a list that is there is of this format; by what is quickly seen of it, such as its header."""

    @abstractmethod
    def read(self, source: Path, root: Path) -> Iterator[Video]:
        """Its videos in order, whose files lie below the folder root. Errors: InputError with the place."""

    def labels(self, source: Path) -> list[str] | None:
        """All classes in their official order, with those of which it has no video; None: there is none."""
        return None

    def parts(self, source: Path) -> list[Path]:
        """The files that it is read from, itself first; others beside it may be missing."""
        return [source]

    def is_there(self, source: Path) -> bool:
        return source.is_dir() or any(path.is_file() for path in self.parts(source)[:1])

    @classmethod
    def summary(cls) -> str:
        return (cls.__doc__ or "").strip().partition("\n")[0].rstrip(".")

    def where(self, source: Path) -> str:
        return f"{source}, {self.place}" if self.place else str(source)


class VideoList(list[Video]):
    """The videos of a list, in its order.

    format: the name of its format. labels: of all classes, in the order by which they are numbered. summary: a line.
    first_places: of each label that a video has, for messages.
    """

    def __init__(
        self,
        videos: Iterable[Video],
        source: Path,
        reader: ListFormat,
        labels: Iterable[str] | None,
        first_places: dict[str, str],
    ) -> None:
        super().__init__(videos)
        self.first_places = first_places
        shown = {video.label for video in self}
        self.format, self.labels = reader.name, in_order(shown) if labels is None else list(labels)
        found = f"{source}: {reader.name}, {len(self)} videos of {len(shown)} classes"
        without = len(self.labels) - len(shown)
        self.summary = "; ".join([found, *([f"{without} more have none"] if without else []), *reader.notes])


def in_order(labels: Iterable[str]) -> list[str]:
    """Labels in the order that numbers their classes: of the alphabet or, if all are whole numbers, of those."""
    labels = sorted(labels)
    return sorted(labels, key=int) if all(label.isdecimal() for label in labels) else labels


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


def read_list(source: Path, root: Path, format: str | None = None, plugins: Collection[str] | None = None) -> VideoList:
    """The videos of a list, whose files lie below the folder root.

    source: a file or a folder, or what a format takes for one. format: its name; None: the first one that recognises
    the source. plugins: as for ``list_formats``.
    Errors: InputError for a list that is not there, that is not of the format or of none, or that has no videos; for a
    missing column or value, a path that leaves root, a label that is none of the official ones or is spelled in two
    ways, or a video listed twice; for a plugin's format that fails.
    """
    reader = _format_of(source, format, plugins)
    if reader is None:
        raise InputError(f"{source}: no such annotation file; check data.annotations")
    videos: dict[str, Video] = {}
    first_places: dict[str, str] = {}
    with plugin_code(type(reader).__module__, lambda: f"{reader.where(source)}: list format {reader.name} failed"):
        labels = _require_labels(reader.labels(source), reader, source)
        for video in _require(Iterable, reader.read(source, root), reader, source):
            _require_whole(_require(Video, video, reader, source), reader.where(source))
            _require_official(video.label, labels, reader.where(source))
            if video.id in videos:
                raise InputError(f"{reader.where(source)}: {video.id} is listed twice; remove one row")
            videos[video.id] = video
            if video.label not in first_places:
                first_places[video.label] = reader.where(source) if reader.place else f"{source}, {video.id}"
    require_one_spelling(first_places)
    if not videos:
        raise InputError(f"{source}: no videos listed")
    return VideoList(videos.values(), source, reader, labels, first_places)


def list_files(source: Path, format: str | None = None, plugins: Collection[str] | None = None) -> list[Path]:
    """The files that a list is read from; none, if it is not there or is a folder. Errors: see read_list."""
    reader = _format_of(source, format, plugins)
    return [] if reader is None else [path for path in reader.parts(source) if path.is_file()]


def _format_of(source: Path, name: str | None, plugins: Collection[str] | None) -> ListFormat | None:
    """None: the list is not there."""
    formats = list_formats(plugins)
    if name is not None and name not in formats:
        raise InputError(f"data.format: no list format {name!r}; there are {', '.join(formats)}")
    there = False
    for known in sorted(formats.values(), key=lambda known: known.guessed_last):
        with plugin_code(known.__module__, f"{source}: list format {known.name} failed"):
            reader = known()
            if reader.is_there(source):
                there = True
                if name in (None, known.name) and reader.recognises(source):
                    return reader
    if not there:
        return None
    if name is not None:
        raise InputError(f"{source}: not a list of data.format {name} ({formats[name].summary()})")
    known_ones = "; ".join(f"{name} ({known.summary()})" for name, known in formats.items())
    columns = "" if source.is_dir() else f", it has {', '.join(header_of(source))[:SHOWN] or 'none'}"
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


def _require_labels(labels: Any, reader: ListFormat, source: Path) -> dict[str, int] | None:
    """The classes by their labels."""
    if labels is None:
        return None
    numbers = {label: number for number, label in enumerate(labels) if isinstance(label, str) and label}
    if len(numbers) != len(labels):
        raise InputError(f"{source}: the labels of list format {reader.name} must be texts, all different")
    return numbers


def _require_official(label: str, labels: Collection[str] | None, where: str) -> None:
    if labels is not None and label not in labels:
        raise InputError(f"{where}: label {label!r} is none of the {len(labels)} of this data set")


def _require_inside(path: str, where: str) -> None:
    if path.startswith("/") or ".." in path.split("/"):
        raise InputError(f"{where}: {path} leaves the folder of videos; paths start from it")

"""The list formats that there are, and the reading of a list in any of them.

A format is one class with the decorator ``list_format``: in a module of this package, where it is found by itself, or
in a plugin.
"""

import importlib
import pkgutil
import re
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from rcn_bench import lists
from rcn_bench.code import is_plugin, plugin_code
from rcn_bench.errors import InputError, refusing, shown
from rcn_bench.lists.checks import require_labels, require_official, require_whole
from rcn_bench.lists.csv_file import header_of
from rcn_bench.lists.spelling import require_one_spelling
from rcn_bench.lists.video import Video

SHOWN = 200  # characters of a header that is of no known format
NUMBER = re.compile(r"-?\d{1,15}(\.\d+)?")  # as spreadsheets and pandas write them, too; exact as a float


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
        used = {video.label for video in self}
        self.format, self.labels = reader.name, in_order(used) if labels is None else list(labels)
        found = f"{source}: {reader.name}, {len(self)} videos of {len(used)} classes"
        without = len(self.labels) - len(used)
        self.summary = shown("; ".join([found, *([f"{without} more have none"] if without else []), *reader.notes]))


def in_order(labels: Iterable[str]) -> list[str]:
    """Labels in the order that numbers their classes: of the alphabet or, if all are numbers, of those."""
    labels = sorted(labels)
    return sorted(labels, key=float) if all(map(NUMBER.fullmatch, labels)) else labels


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
    with (
        refusing(lambda why: InputError(f"{reader.where(source)}: cannot be read as {reader.name} ({why})")),
        plugin_code(type(reader).__module__, lambda: f"{reader.where(source)}: list format {reader.name} failed"),
    ):
        labels = reader.labels(source)
        official = require_labels(labels, f"{source}: the labels of list format {reader.name}")
        for video in _require(Iterable, reader.read(source, root), reader, source):
            require_whole(_require(Video, video, reader, source), reader.where(source))
            require_official(video.label, official, reader.where(source))
            if video.id in videos:
                raise InputError(f"{reader.where(source)}: {video.id} is listed twice; remove one row")
            videos[video.id] = video
            first_places.setdefault(video.label, reader.where(source))
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
        with (
            refusing(lambda why: InputError(f"{source}: cannot be read ({why})")),
            plugin_code(known.__module__, f"{source}: list format {known.name} failed"),
        ):
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

"""Folders of classes, which need no list."""

import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from rcn_bench.errors import InputError
from rcn_bench.lists.formats import ListFormat, list_format
from rcn_bench.lists.video import Video
from rcn_bench.lists.walk import Walk


@list_format
class Folders(ListFormat):
    """Folder, in that of the videos, with a folder of files for each label.

    Every file in it that is not hidden is taken for a video: one that is none is reported, not passed over.
    """

    name = "folders"

    def recognises(self, source: Path) -> bool:
        return source.is_dir()

    def read(self, source: Path, root: Path) -> Iterator[Video]:
        start = _below(source, root)
        walk = Walk(source)
        _require_one_class_each(walk, source)
        flat = [file for file in walk.files if "/" not in file]
        if len(flat) == len(walk.files) > 0:
            raise InputError(
                f"{source}: its {len(flat)} files, such as {flat[0]}, lie in no folder; each label needs one"
            )
        self.notes = tuple(_notes(walk, flat))
        for file in walk.files:
            if "/" in file:
                self.place = path = (start / file).as_posix()
                yield Video(path, _class_of(file).strip(), path, (path,))


def _below(source: Path, root: Path) -> PurePosixPath:
    """The folder of class folders as seen from that of the videos, whichever on the way are links.

    Errors: InputError if it does not lie below.
    """
    if not root.is_dir():
        raise InputError(f"{root}: no such video folder; check data.videos")
    for path in (Path(os.path.abspath(source)), Path(os.path.realpath(source))):
        for above in (path, *path.parents) if path.exists() and path.samefile(source) else ():
            if above.samefile(root):
                return PurePosixPath(path.relative_to(above))
    raise InputError(f"{source}: not below the folder of videos, {root}; check data.videos")


def _class_of(path: str) -> str:
    return path.partition("/")[0]


def _require_one_class_each(walk: Walk, source: Path) -> None:
    """Errors: InputError for a folder that links show in two classes."""
    for link, place in walk.again.items():
        if place and _class_of(link) != _class_of(place):
            raise InputError(
                f"{source}: {link} and {place} are one folder, which would be of two classes, {_class_of(link)} and "
                f"{_class_of(place)}; remove one of the links"
            )


def _notes(walk: Walk, flat: list[str]) -> Iterator[str]:
    if flat:
        yield f"{len(flat)} files in no class folder are left out, such as {flat[0]}"
    full = {_class_of(file) for file in walk.files}
    if empty := [folder for folder in walk.folders if "/" not in folder and folder not in full]:
        yield f"{len(empty)} class folders are empty, such as {empty[0]}"

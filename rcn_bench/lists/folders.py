"""Folders of classes, which need no list."""

from collections.abc import Iterator
from pathlib import Path

from rcn_bench.errors import InputError
from rcn_bench.lists.formats import ListFormat, list_format
from rcn_bench.lists.video import Video


@list_format
class Folders(ListFormat):
    """Folder, in that of the videos, with a folder of files for each label."""

    name = "folders"

    def recognises(self, source: Path) -> bool:
        return source.is_dir()

    def read(self, source: Path, root: Path) -> Iterator[Video]:
        try:
            start = source.resolve().relative_to(root.resolve())
        except ValueError:
            raise InputError(f"{source}: not below the folder of videos, {root}; check data.videos") from None
        for folder in sorted(path for path in source.iterdir() if path.is_dir() and not path.name.startswith(".")):
            # Every file is taken for a video, broken links too: one that is none is reported, not passed over.
            for file in sorted(p for p in folder.rglob("*") if not p.is_dir() and not p.name.startswith(".")):
                path = (start / file.relative_to(source)).as_posix()
                yield Video(path, folder.name, path, (path,))

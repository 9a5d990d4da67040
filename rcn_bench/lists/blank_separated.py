"""The list files of mmaction2 and of SlowFast."""

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

from rcn_bench.errors import InputError
from rcn_bench.lists import hmdb51
from rcn_bench.lists.classes import classes_by_line, classes_in_json, numbered_classes
from rcn_bench.lists.clips import ENDINGS
from rcn_bench.lists.formats import ListFormat, list_format
from rcn_bench.lists.text import first_line, lines_of
from rcn_bench.lists.video import Span, Video

# Split from the right, since a path may have blanks. A path may be in quotes, as CSV has it.
LINE = re.compile(r'"?(?P<path>.+?)"?(?:[\s,;|]+(?P<frames>\d{1,9}))?[\s,;|]+(?P<label>\d{1,9})')
PREFIXED = re.compile("(train|val|test)_list_(videos|rawframes)")  # mmaction2's list of what lies in videos_train
CLASS_FILES: dict[str, Callable[[Path], list[str]]] = {
    "label_map.txt": classes_by_line,
    "classInd.txt": numbered_classes,
    "class_names.json": classes_in_json,
}


@list_format
class BlankSeparated(ListFormat):
    """Lines of path, number of frames (of folders of pictures alone) and number of the class; blanks or commas between.

    Classes count from 0; label_map.txt, classInd.txt or class_names.json beside the list may name them.
    """

    name = "blank_separated"
    guessed_last = True

    def recognises(self, source: Path) -> bool:
        return LINE.fullmatch(first_line(source)) is not None and not hmdb51.PART.fullmatch(source.name)

    def labels(self, source: Path) -> list[str] | None:
        file = _class_file(source)
        return CLASS_FILES[file.name](file) if file else None

    def parts(self, source: Path) -> list[Path]:
        file = _class_file(source)
        return [source, file] if file else [source]

    def read(self, source: Path, root: Path) -> Iterator[Video]:
        names = self.labels(source)
        for place, line in lines_of(source):
            self.place = f"line {place}"
            found = LINE.fullmatch(line)
            if found is None:
                raise InputError(f"{self.where(source)}: {line!r} does not end in the number of a class")
            path, number = _below(root, found["path"]), int(found["label"])
            if names is not None and number >= len(names):
                raise InputError(f"{self.where(source)}: class {number} of {len(names)}, which count from 0")
            span = Span(0, int(found["frames"]), in_frames=True) if found["frames"] else None
            if span and PurePosixPath(path).suffix[1:].lower() in ENDINGS:
                raise InputError(f"{self.where(source)}: a file with two numbers; a video has one label")
            yield Video(path, names[number] if names else str(number), path, (path, *_elsewhere(path, source)), span)


def _class_file(source: Path) -> Path | None:
    return next((file for file in map(source.with_name, CLASS_FILES) if file.is_file()), None)


def _elsewhere(path: str, source: Path) -> list[str]:
    found = PREFIXED.search(source.name)
    return [f"{found[2]}_{found[1]}/{path}"] if found else []


def _below(root: Path, path: str) -> str:
    """Such lists often have whole paths; the part below the folder of videos counts."""
    path, above = path.replace("\\", "/"), os.path.abspath(root)
    return os.path.relpath(path, above) if path.startswith(f"{above}/") else PurePosixPath(path).as_posix()

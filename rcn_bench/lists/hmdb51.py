"""HMDB51, whose splits are a file a class."""

import re
from collections.abc import Iterator
from pathlib import Path

from rcn_bench.errors import InputError
from rcn_bench.lists.formats import ListFormat, list_format
from rcn_bench.lists.text import lines_of
from rcn_bench.lists.video import Video

MARKS = {"train": "1", "test": "2"}  # 0: in neither
NAME = re.compile(r"(train|test)([123])")
PART = re.compile(r".+_test_split[123]\.txt")  # of a split: the file of a class


@list_format
class Hmdb51(ListFormat):
    """HMDB51: FOLDER/train1 and FOLDER/test1 stand for the two parts of split 1, of FOLDER/CLASS_test_split1.txt.

    No files of these names are there; the lines of those that are name a video and 1 (train), 2 (test) or 0 (neither).
    Its file is CLASS/NAME. Videos of a class that were cut from one, whose names begin alike, are a group.
    """

    name = "hmdb51"

    def recognises(self, source: Path) -> bool:
        return NAME.fullmatch(source.name) is not None and not source.exists()

    def parts(self, source: Path) -> list[Path]:
        named = NAME.fullmatch(source.name)
        return sorted(source.parent.glob(f"*{_ending(named[2])}")) if named else []

    def labels(self, source: Path) -> list[str]:
        return sorted(_label(file) for file in self.parts(source))

    def read(self, source: Path, root: Path) -> Iterator[Video]:
        mark = MARKS[source.name[:-1]]
        for file in self.parts(source):
            for number, line in lines_of(file):
                self.place = f"{file.name}, line {number}"
                name, found = line.rsplit(maxsplit=1) if " " in line else (line, "")
                if found not in ("0", *MARKS.values()):
                    raise InputError(f"{self.where(source)}: {line!r} does not end in 0, 1 or 2")
                if found == mark:
                    yield _video(_label(file), name)


def _ending(split: str) -> str:
    return f"_test_split{split}.txt"


def _label(file: Path) -> str:
    return file.name[: -len(_ending("1"))]


def _video(label: str, name: str) -> Video:
    recording = name.rpartition(f"_{label}_")[0] or name  # which may name the class, too: How_to_run_faster_run_f_cm
    return Video(f"{label}/{name}", label, f"{label} {recording}", (f"{label}/{name}", name))

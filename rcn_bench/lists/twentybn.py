"""The data sets of TwentyBN: Something-Something, whose classes differ by time alone, and Jester, gestures."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

from rcn_bench.errors import InputError
from rcn_bench.lists.classes import classes_by_line, classes_in_json
from rcn_bench.lists.formats import ListFormat, list_format
from rcn_bench.lists.json_file import JsonFormat
from rcn_bench.lists.text import first_line, lines_of
from rcn_bench.lists.video import Video

SPLIT = re.compile("(train|validation|val|test)(?!.*(train|val|test))", re.IGNORECASE)  # the last in a name


class SemicolonFormat(ListFormat):
    """Lines of number;label without a header. other: what the file's name has if it is one of the other data set."""

    other: ClassVar[str]

    def recognises(self, source: Path) -> bool:
        return self.other not in source.name and re.fullmatch(r"\d+(;.*)?", first_line(source)) is not None

    def labels(self, source: Path) -> list[str]:
        return classes_by_line(labels_beside(source))

    def parts(self, source: Path) -> list[Path]:
        return [source, labels_beside(source)]

    def read(self, source: Path, root: Path) -> Iterator[Video]:
        for number, line in lines_of(source):
            self.place = f"line {number}"
            name, _, label = (part.strip() for part in line.partition(";"))
            if not label:
                raise InputError(f"{self.where(source)}: no label behind {name!r}; a test list has none")
            yield Video(name, label, name, (name,))


@list_format
class Jester(SemicolonFormat):
    """Jester: lines of number;label, a folder of pictures for each number, and the file of labels beside."""

    name = "jester"
    other = "something"


@list_format
class SomethingV1(SemicolonFormat):
    """Something-Something v1: lines of number;label, a folder of pictures a number, and the file of labels beside."""

    name = "something_v1"
    other = "jester"


@list_format
class SomethingV2(JsonFormat):
    """Something-Something v2: train.json or validation.json, with objects of id and template, and labels.json beside.

    A class is a template without its brackets; the file of a video is ID.webm.
    """

    name = "something_v2"
    mark = "template"

    def labels(self, source: Path) -> list[str]:
        return classes_in_json(labels_beside(source))

    def parts(self, source: Path) -> list[Path]:
        return [source, labels_beside(source)]

    def video(self, entry: Any) -> Video:
        name = str(entry["id"])
        return Video(name, re.sub(r"[\[\]]", "", entry["template"]).strip(), name, (f"{name}.webm",))


def labels_beside(source: Path) -> Path:
    """Where the classes of a list stand: jester-v1-labels.csv beside jester-v1-train.csv; else labels.csv."""
    named, plain = source.with_name(SPLIT.sub("labels", source.name)), source.with_name(f"labels{source.suffix}")
    return plain if named == source or (plain.is_file() and not named.is_file()) else named

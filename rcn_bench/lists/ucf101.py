"""UCF101."""

import re
from collections.abc import Iterator
from pathlib import Path

from rcn_bench.errors import InputError
from rcn_bench.lists.classes import numbered_classes
from rcn_bench.lists.formats import ListFormat, list_format
from rcn_bench.lists.text import first_line, lines_of
from rcn_bench.lists.video import Video

LINE = re.compile(
    r"(?P<folder>\w+)[/\\](?P<name>v_(?P<class>\w+)(?P<rest>_g(?P<group>\d+)_c\d+\.\w+))(\s+(?P<number>\d+))?"
)
CLASSES = "classInd.txt"


@list_format
class Ucf101(ListFormat):
    """UCF101: trainlist and testlist, lines of CLASS/v_CLASS_gNN_cNN.avi with or without a number, and classInd.txt.

    Videos of a class that were cut from one, which share NN behind the g, are a group.
    """

    name = "ucf101"

    def recognises(self, source: Path) -> bool:
        return LINE.fullmatch(first_line(source)) is not None

    def labels(self, source: Path) -> list[str]:
        return numbered_classes(source.with_name(CLASSES))

    def parts(self, source: Path) -> list[Path]:
        return [source, source.with_name(CLASSES)]

    def read(self, source: Path, root: Path) -> Iterator[Video]:
        classes = {label.casefold(): (label, number) for number, label in enumerate(self.labels(source), start=1)}
        for place, line in lines_of(source):
            self.place = f"line {place}"
            found = LINE.fullmatch(line)
            if found is None:
                raise InputError(f"{self.where(source)}: {line!r} is not CLASS/v_CLASS_gNN_cNN.avi")
            label, number = classes.get(found["folder"].casefold(), (found["folder"], None))
            if number and found["number"] and int(found["number"]) != number:
                raise InputError(
                    f"{self.where(source)}: {label} has the number {found['number']}, in {CLASSES} {number}; a list "
                    "that counts from 0 is read with data.format blank_separated"
                )
            yield Video(Path(found["name"]).stem, label, f"{label} g{found['group']}", _paths(found))


def _paths(line: re.Match[str]) -> tuple[str, ...]:
    """As listed first; copies differ in folders and in the H of HandstandPushups, which the list spells in two ways."""
    folder, name = line["folder"], line["name"]
    own, other = f"{folder}/{name}", f"v_{folder}{line['rest']}"
    return tuple(dict.fromkeys([own, f"{line['class']}/{name}", f"{folder}/{other}", name]))

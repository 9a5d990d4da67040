"""What the lists of Jester and of Something-Something v1 share."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from rcn_bench.errors import InputError
from rcn_bench.lists.classes import classes_by_line, labels_beside
from rcn_bench.lists.formats import ListFormat
from rcn_bench.lists.text import first_line, lines_of
from rcn_bench.lists.video import Video


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

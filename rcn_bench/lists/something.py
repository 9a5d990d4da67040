"""Something-Something, whose classes differ by time alone."""

import re
from pathlib import Path
from typing import Any

from rcn_bench.lists.classes import classes_in_json, labels_beside
from rcn_bench.lists.formats import list_format
from rcn_bench.lists.json_file import JsonFormat
from rcn_bench.lists.semicolon import SemicolonFormat
from rcn_bench.lists.video import Video


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

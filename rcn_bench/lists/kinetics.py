"""Kinetics, whose lists name stretches of YouTube's videos."""

from contextlib import suppress
from pathlib import Path
from typing import Any

from rcn_bench.lists.formats import list_format
from rcn_bench.lists.json_file import JsonFormat
from rcn_bench.lists.paths import Paths
from rcn_bench.lists.table import Row, TableFormat, columns_of
from rcn_bench.lists.video import Video

SPLITS = {"training": "train", "validation": "val", "validate": "val"}  # by the names of the subsets in JSON


@list_format
class Kinetics(TableFormat):
    """CSV of Kinetics-400, -600 or -700, with the columns label, youtube_id, time_start, time_end, split.

    Times are whole seconds, which are part of the file's name, {youtube_id}_{start}_{end}.mp4 in six digits each, in
    a folder of the split or a folder of the label in that; other spellings of both are found, too (see lookup.py). A
    column group may say which videos belong together.
    """

    name = "kinetics"
    columns = ("label", "youtube_id", "time_start", "time_end", "split")
    mark = "youtube_id"

    def recognises(self, source: Path) -> bool:
        return super().recognises(source) and Paths.mark not in columns_of(source)  # whoever adds paths means them

    def video(self, row: Row) -> Video:
        times = row["time_start"], row["time_end"]
        return clip(row["youtube_id"], times, row["label"], row["split"], row.get("group"))


@list_format
class KineticsJson(JsonFormat):
    """JSON of Kinetics: by youtube_id, objects with subset and annotations, which have label and segment, in seconds.

    Files are where the CSV of Kinetics has them.
    """

    name = "kinetics_json"
    mark = "annotations"

    def video(self, entry: Any) -> Video:
        annotation, subset = entry["annotations"], entry["subset"]
        return clip(entry["name"], annotation["segment"], annotation["label"].strip(), SPLITS.get(subset, subset))


def clip(youtube_id: str, times: Any, label: str, split: str, group: str | None = None) -> Video:
    """A stretch of one of YouTube's videos. Errors: ValueError for times, from and to, that are not whole seconds."""
    start, end = map(_whole, times)
    name = f"{youtube_id}_{start:06d}_{end:06d}"
    paths = f"{split}/{name}.mp4", f"{split}/{label}/{name}.mp4"
    return Video(name, label, group or name, paths, loose=True)


def _whole(seconds: str | float) -> int:
    """Of 84, 84.0 or "84.0", as one or the other list has it."""
    with suppress(ValueError):
        number = float(seconds)
        if number.is_integer() and number >= 0:
            return int(number)
    raise ValueError("time_start and time_end must be whole seconds")

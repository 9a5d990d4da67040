"""Kinetics, as JSON."""

from typing import Any

from rcn_bench.lists.formats import list_format
from rcn_bench.lists.json_file import JsonFormat
from rcn_bench.lists.kinetics import Kinetics
from rcn_bench.lists.video import Video

SPLITS = {"training": "train", "validation": "val", "validate": "val"}  # by the names of its subsets


@list_format
class KineticsJson(JsonFormat):
    """JSON of Kinetics: by youtube_id, objects with subset and annotations, which have label and segment, in seconds.

    Files are where the CSV of Kinetics has them.
    """

    name = "kinetics_json"
    mark = "annotations"

    def video(self, entry: Any) -> Video:
        annotation, subset = entry["annotations"], entry["subset"]
        start, end = annotation["segment"]
        times = {"time_start": _whole(start), "time_end": _whole(end)}
        row = {"label": annotation["label"].strip(), "youtube_id": entry["name"], "split": SPLITS.get(subset, subset)}
        return Kinetics().video(row | times)


def _whole(seconds: float) -> str:
    """84.0 as 84, as the CSV has it."""
    return str(int(seconds) if seconds == int(seconds) else seconds)

"""Diving48, dives whose classes are sequences of positions."""

from pathlib import Path
from typing import Any

from rcn_bench.lists.formats import list_format
from rcn_bench.lists.json_file import JsonFormat
from rcn_bench.lists.spans import span_of, with_span
from rcn_bench.lists.video import Video

CLASSES = 48


@list_format
class Diving48(JsonFormat):
    """Diving48: a JSON list of objects with vid_name, label (0 to 47), start_frame and end_frame.

    The file of a video is NAME.mp4. Videos of one recording, NAME up to its last _, are a group.
    """

    name = "diving48"
    mark = "vid_name"

    def labels(self, source: Path) -> list[str]:
        return [str(number) for number in range(CLASSES)]

    def video(self, entry: Any) -> Video:
        name, span = entry["vid_name"], span_of({key: str(entry[key]) for key in ("start_frame", "end_frame")})
        group = name.rpartition("_")[0] or name
        return Video(with_span(name, span), str(entry["label"]), group, (f"{name}.mp4",), span)

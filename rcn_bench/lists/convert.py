"""Any list as a CSV of the package's own."""

import csv
import os
from collections.abc import Sequence
from pathlib import Path

from rcn_bench.files import replacing
from rcn_bench.lists.lookup import Lookup
from rcn_bench.lists.spans import FRAMES, SECONDS, span_columns
from rcn_bench.lists.video import Video


def write_own_csv(videos: Sequence[Video], root: Path, output: Path) -> None:
    """Write the videos of a list as a CSV with the columns path, label, group and, if any has one, those of spans.

    root: the folder of videos; of the places where a file may lie, the one where it does is written.
    """
    rows, lookup = [], Lookup(root, videos)
    for video in videos:
        path = Path(os.path.relpath(lookup.path(video), root)).as_posix()
        rows.append({"path": path, "label": video.label, "group": video.group, **span_columns(video.span)})
    columns = ["path", "label", "group", *(name for name in (*SECONDS, *FRAMES) if any(name in row for row in rows))]
    with replacing(output) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)

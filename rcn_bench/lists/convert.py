"""Any list as a CSV of the package's own."""

import csv
import os
from collections.abc import Sequence
from pathlib import Path

from rcn_bench.errors import InputError, shown
from rcn_bench.files import Progress, replacing
from rcn_bench.lists.lookup import Lookup
from rcn_bench.lists.spans import FRAMES, SECONDS, span_columns
from rcn_bench.lists.video import Video


def write_own_csv(
    videos: Sequence[Video], root: Path, output: Path, progress: Progress = print, *, follow_links: bool = True
) -> None:
    """Write the videos of a list as a CSV with the columns path, label, group and, if any has one, those of spans.

    root: the folder of videos; of the places where a file may lie, the one where it does is written. Told is how many
    are not there. follow_links: whether links may lead out of root.
    Errors: InputError for a name that a CSV cannot hold, or links that may not be followed.
    """
    rows, missing, lookup = [], [], Lookup(root, videos, follow_links=follow_links)
    for video in videos:
        place = lookup.path(video)
        path = Path(os.path.relpath(place, root)).as_posix()
        if path != path.strip() or "\\" in path:
            raise InputError(f"{path!r}: a CSV cannot hold this name, with a backslash or a blank at an end; rename it")
        if not os.path.exists(place):
            missing.append(path)
        rows.append({"path": path, "label": video.label, "group": video.group, **span_columns(video.span)})
    columns = ["path", "label", "group", *(name for name in (*SECONDS, *FRAMES) if any(name in row for row in rows))]
    try:
        with replacing(output) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, columns, lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
    except UnicodeEncodeError as error:
        row = shown(error.object.strip())
        raise InputError(f"{row}: a CSV cannot hold this name, which is not in UTF-8; rename it") from error
    if missing:
        progress(shown(f"{len(missing)} of {len(rows)} videos are not there, such as {missing[0]}"))

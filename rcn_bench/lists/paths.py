"""Lists of files with their labels."""

from pathlib import PurePosixPath

from rcn_bench.lists.formats import list_format
from rcn_bench.lists.spans import span_of, with_span
from rcn_bench.lists.table import Row, TableFormat
from rcn_bench.lists.video import Video


@list_format
class Paths(TableFormat):
    """CSV with the columns path, from the folder of videos on, and label.

    A column group may say which videos belong together; columns start and end (seconds), or start_frame and end_frame,
    which part of a file is meant. Parts of one file are a group, if nothing else is said.
    """

    name = "paths"
    columns = ("path", "label")
    mark = "path"

    def video(self, row: Row) -> Video:
        path = PurePosixPath(row["path"].replace("\\", "/")).as_posix()  # as Windows writes them
        span = span_of(row)
        return Video(with_span(path, span), row["label"], row.get("group") or path, (path,), span)

"""Lists of files with their labels."""

from pathlib import PurePosixPath

from rcn_bench.lists.formats import list_format
from rcn_bench.lists.table import Row, TableFormat
from rcn_bench.lists.video import Video


@list_format
class Paths(TableFormat):
    """CSV with the columns path, from the folder of videos on, and label.

    A column group may say which videos belong together.
    """

    name = "paths"
    columns = ("path", "label")
    mark = "path"

    def video(self, row: Row) -> Video:
        path = PurePosixPath(row["path"]).as_posix()
        return Video(path, row["label"], row.get("group") or path, (path,))

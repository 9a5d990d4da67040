"""Kinetics, whose lists name stretches of YouTube's videos."""

from pathlib import Path

from rcn_bench.lists.formats import list_format
from rcn_bench.lists.paths import Paths
from rcn_bench.lists.table import Row, TableFormat, columns_of
from rcn_bench.lists.video import Video


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
        try:
            start, end = int(row["time_start"]), int(row["time_end"])
        except ValueError:
            raise ValueError("time_start and time_end must be whole seconds") from None
        name = f"{row['youtube_id']}_{start:06d}_{end:06d}"
        paths = f"{row['split']}/{name}.mp4", f"{row['split']}/{row['label']}/{name}.mp4"
        return Video(name, row["label"], row.get("group") or name, paths, loose=True)

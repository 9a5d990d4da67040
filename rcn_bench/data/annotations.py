"""Annotation CSVs in the Kinetics layout: one row a video, and where its file lies."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from rcn_bench.errors import InputError

COLUMNS = ["label", "youtube_id", "time_start", "time_end", "split"]


@dataclass(frozen=True)
class Video:
    """One annotated video. group: videos that are not independent of each other (twins) share it."""

    id: str
    label: str
    split: str
    group: str


def read_annotations(path: Path) -> list[Video]:
    """Rows of a CSV with the columns label, youtube_id, time_start, time_end, split and, optionally, group.

    time_start and time_end are whole seconds and part of the file's name, as in Kinetics.
    Errors: InputError for a missing file, column or value, or a video listed twice.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such annotation file; check data.annotations")
    try:
        table = pd.read_csv(path, dtype=str)
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not a CSV file ({str(error).strip()})") from error
    missing = [column for column in COLUMNS if column not in table]
    if missing:
        raise InputError(f"{path}: no column {missing[0]!r}; Kinetics CSVs have {', '.join(COLUMNS)}")
    videos: list[Video] = []
    seen: set[str] = set()
    for line, row in enumerate(table.to_dict("records"), start=2):
        video = _video(row, f"{path}, line {line}")
        if video.id in seen:
            raise InputError(f"{path}, line {line}: {video.id} is listed twice; remove one row")
        seen.add(video.id)
        videos.append(video)
    if not videos:
        raise InputError(f"{path}: no videos listed")
    return videos


def _video(row: dict, where: str) -> Video:
    for column in COLUMNS:
        if not isinstance(row[column], str):
            raise InputError(f"{where}: no value for {column}")
    try:
        start, end = int(row["time_start"]), int(row["time_end"])
    except ValueError:
        raise InputError(f"{where}: time_start and time_end must be whole seconds") from None
    name = f"{row['youtube_id']}_{start:06d}_{end:06d}"
    group = row.get("group")
    return Video(name, row["label"], row["split"], group if isinstance(group, str) else name)


def video_path(root: Path, video: Video) -> Path:
    """Where a video's file is expected: root/split/label/id.mp4, or root/split/id.mp4 if that exists."""
    flat = root / video.split / f"{video.id}.mp4"
    return flat if flat.is_file() else root / video.split / video.label / f"{video.id}.mp4"

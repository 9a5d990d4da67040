"""Annotation CSVs in the Kinetics layout: one row a video, and where its file lies."""

import csv
from dataclasses import dataclass
from pathlib import Path

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
    videos: dict[str, Video] = {}
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = csv.DictReader(file, strict=True)
            missing = [column for column in COLUMNS if column not in (rows.fieldnames or [])]
            if missing:
                raise InputError(f"{path}: no column {missing[0]!r}; Kinetics CSVs have {', '.join(COLUMNS)}")
            for row in rows:
                video = _video(row, f"{path}, line {rows.line_num}")
                if video.id in videos:
                    raise InputError(f"{path}, line {rows.line_num}: {video.id} is listed twice; remove one row")
                videos[video.id] = video
    except (csv.Error, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not a CSV file ({error})") from error
    if not videos:
        raise InputError(f"{path}: no videos listed")
    return list(videos.values())


def _video(row: dict, where: str) -> Video:
    if any(row.get(None, [])):  # where DictReader keeps what is beyond the header
        raise InputError(f"{where}: more fields than the header has")
    for column in COLUMNS:
        if not row[column]:
            raise InputError(f"{where}: no value for {column}")
    try:
        start, end = int(row["time_start"]), int(row["time_end"])
    except ValueError:
        raise InputError(f"{where}: time_start and time_end must be whole seconds") from None
    name = f"{row['youtube_id']}_{start:06d}_{end:06d}"
    return Video(name, row["label"], row["split"], row.get("group") or name)


def video_path(root: Path, video: Video) -> Path:
    """Where a video's file is expected: root/split/label/id.mp4, or root/split/id.mp4 if that exists."""
    flat = root / video.split / f"{video.id}.mp4"
    return flat if flat.is_file() else root / video.split / video.label / f"{video.id}.mp4"

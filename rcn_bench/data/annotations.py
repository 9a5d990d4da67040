"""Which videos a data set has, and where their files lie: Kinetics CSVs, plain CSVs of paths, or folders of classes."""

import csv
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from rcn_bench.errors import InputError

KINETICS_COLUMNS = ["label", "youtube_id", "time_start", "time_end", "split"]
PATH_COLUMNS = ["path", "label"]


@dataclass(frozen=True)
class Video:
    """One annotated video.

    id: names it in all results. group: videos that are not independent of each other (twins) share it. paths: where
    its file may lie below the folder of videos, the first choice first.
    """

    id: str
    label: str
    group: str
    paths: tuple[str, ...]


def read_annotations(source: Path, root: Path) -> list[Video]:
    """The videos of a list, whose files lie below ``root``.

    source: a CSV with the columns label, youtube_id, time_start, time_end, split of Kinetics-400, -600 and -700 (whole
    seconds, which are part of the file's name); or a CSV with the columns path, label (paths from root on); or a folder
    below root with a folder of files for each label. CSVs may have a column group.
    Errors: InputError for a missing file, column or value, a path that leaves root, or a video listed twice.
    """
    if source.is_dir():
        videos = _class_folders(source, root)
    elif source.is_file():
        videos = _read_csv(source)
    else:
        raise InputError(f"{source}: no such annotation file; check data.annotations")
    if not videos:
        raise InputError(f"{source}: no videos listed")
    return videos


def _class_folders(source: Path, root: Path) -> list[Video]:
    try:
        start = source.resolve().relative_to(root.resolve())
    except ValueError:
        raise InputError(f"{source}: not below the folder of videos, {root}; check data.videos") from None
    videos = []
    for folder in sorted(path for path in source.iterdir() if path.is_dir() and not path.name.startswith(".")):
        # Every file is taken for a video, broken links too: one that is none is reported, not passed over.
        for file in sorted(path for path in folder.rglob("*") if not path.is_dir() and not path.name.startswith(".")):
            path = (start / file.relative_to(source)).as_posix()
            videos.append(Video(path, folder.name, path, (path,)))
    return videos


def _read_csv(source: Path) -> list[Video]:
    videos: dict[str, Video] = {}
    try:
        with source.open(newline="", encoding="utf-8-sig") as file:
            rows = csv.DictReader(file, strict=True)
            plain = "path" in (rows.fieldnames or [])
            columns = PATH_COLUMNS if plain else KINETICS_COLUMNS
            missing = [column for column in columns if column not in (rows.fieldnames or [])]
            if missing:
                raise InputError(
                    f"{source}: no column {missing[0]!r}; Kinetics CSVs have {', '.join(KINETICS_COLUMNS)}, plain ones "
                    f"{', '.join(PATH_COLUMNS)}"
                )
            for row in rows:
                where = f"{source}, line {rows.line_num}"
                _require_values(row, columns, where)
                video = _by_path(row, where) if plain else _of_kinetics(row, where)
                if video.id in videos:
                    raise InputError(f"{where}: {video.id} is listed twice; remove one row")
                videos[video.id] = video
    except (csv.Error, UnicodeDecodeError) as error:
        raise InputError(f"{source}: not a CSV file ({error})") from error
    return list(videos.values())


def _require_values(row: dict, columns: Iterable[str], where: str) -> None:
    if any(row.get(None, [])):  # where DictReader keeps what is beyond the header
        raise InputError(f"{where}: more fields than the header has")
    for column in columns:
        if not row[column]:
            raise InputError(f"{where}: no value for {column}")


def _of_kinetics(row: dict, where: str) -> Video:
    try:
        start, end = int(row["time_start"]), int(row["time_end"])
    except ValueError:
        raise InputError(f"{where}: time_start and time_end must be whole seconds") from None
    name = f"{row['youtube_id']}_{start:06d}_{end:06d}"
    paths = f"{row['split']}/{name}.mp4", f"{row['split']}/{row['label']}/{name}.mp4"
    return Video(name, row["label"], row.get("group") or name, tuple(_inside(path, where) for path in paths))


def _by_path(row: dict, where: str) -> Video:
    path = _inside(row["path"], where)
    return Video(path, row["label"], row.get("group") or path, (path,))


def _inside(path: str, where: str) -> str:
    pure = PurePosixPath(path)
    if pure.is_absolute() or ".." in pure.parts:
        raise InputError(f"{where}: {path} leaves the folder of videos; paths start from it")
    return pure.as_posix()


def video_path(root: Path, video: Video) -> Path:
    """Where a video's file is, or would be: the first of its paths that exists, else the last."""
    candidates = [root / path for path in video.paths]
    return next((path for path in candidates if os.path.isfile(path)), candidates[-1])  # False for any odd name

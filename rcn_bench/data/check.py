"""Every video of a list decoded once, before anything is trained on it: what is there, what is not, and why."""

import csv
import hashlib
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import astuple, dataclass, fields, replace
from pathlib import Path
from typing import Any

import av
from av import logging as av_logging

from rcn_bench.data.annotations import Video, video_path
from rcn_bench.data.processes import in_processes
from rcn_bench.data.video import failure, time_of
from rcn_bench.errors import InputError
from rcn_bench.files import locked, replacing

DECODED = ("ok", "warnings")
# A video counts as truncated if it lacks more than this share of what it claims, and more than a few frames.
MISSING_SHARE, FEW = 0.02, 2
CUT_OFF = ("ended prematurely", "Packet corrupt")  # what FFmpeg says of a file that ends too early
SCALER = "swscaler"  # FFmpeg's part whose complaints are about our use of its frames, not about the file
CHECKER = f"1 av {av.__version__}"  # findings of another one are not believed; count up when examine changes

TEXT: dict[str, Any] = {"newline": "", "encoding": "utf-8", "errors": "surrogateescape"}  # file names are any bytes


@dataclass(frozen=True, slots=True)
class Finding:
    """What the check says of a video; a row of its report.

    decoding: ok; warnings (decoded whole, but the decoder complained); or missing, empty, no video stream, unreadable,
    truncated, crash (of the decoder). verdict: the same, or duplicate (the bytes of an earlier one), too short,
    unknown label. frames: decoded; claimed: as an MP4's index says, else 0. bytes, modified: of the file, by which a
    later check knows it again.
    """

    id: str
    label: str
    verdict: str
    path: str
    decoding: str
    detail: str = ""
    frames: int = 0
    claimed: int = 0
    height: int = 0
    width: int = 0
    bytes: int = 0
    modified: int = 0
    sha256: str = ""
    checker: str = ""

    @property
    def usable(self) -> bool:
        return self.verdict in (*DECODED, "duplicate")

    @property
    def reason(self) -> str:
        return f"{self.verdict} ({self.detail})" if self.detail else self.verdict


COLUMNS = [field.name for field in fields(Finding)]


def check_videos(
    videos: list[Video],
    root: Path,
    report: Path,
    *,
    frames: int = 1,
    labels: Iterable[str] | None = None,
    workers: int = 1,
    progress: Callable[[str], None] = print,
) -> list[Finding]:
    """Decode all videos, in parallel, and write a finding for each to ``report`` (CSV), in the order of the list.

    frames: the least that a video must have. labels: those that are known; None: all. Interrupted, the same call goes
    on with the videos that have no finding yet; files that have changed since are examined anew.
    Errors: InputError without the folder of videos, or if another process is at the same report.
    """
    if not root.is_dir():
        raise InputError(f"{root}: no such video folder; check data.videos")
    work = report.with_suffix(".part")
    with locked(work):
        partial = work / "findings.csv"
        known = read_report(report) | read_report(partial)
        paths = {video.id: video_path(root, video) for video in videos}
        examined = {video.id: known[video.id] for video in videos if _still_holds(known.get(video.id), paths[video.id])}
        rest = [video for video in videos if video.id not in examined]
        if examined:
            progress(f"{len(examined)} of {len(videos)} videos are known from an earlier check")
        with partial.open("a" if partial.exists() else "w", **TEXT) as file:
            writer = csv.writer(file)
            if file.tell() == 0:
                writer.writerow(COLUMNS)
            by_path = {str(paths[video.id]): video for video in rest}
            for number, (path, finding) in enumerate(in_processes(examine, by_path, workers), start=1):
                video = by_path[path]
                finding = replace(finding or crashed(path), id=video.id, label=video.label)
                examined[video.id] = finding
                _write(writer, finding)
                file.flush()
                if number % 1000 == 0:
                    progress(f"{number} of {len(rest)} examined")
        judge = Judge(frames, labels)
        findings = [judge(replace(examined[video.id], label=video.label)) for video in videos]
        with writing_report(report) as write:
            for finding in findings:
                write(finding)
        shutil.rmtree(work)
    return findings


@contextmanager
def writing_report(path: Path) -> Iterator[Callable[[Finding], None]]:
    """A function that adds a finding to the report, which takes its place when all are in."""
    with replacing(path) as temporary, temporary.open("w", **TEXT) as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        yield lambda finding: _write(writer, finding)


def _write(writer: Any, finding: Finding) -> None:
    writer.writerow(astuple(finding))


def read_report(path: Path) -> dict[str, Finding]:
    """The findings of a report by video; none if it is not there. A row torn by a kill is left out."""
    if not path.is_file():
        return {}
    findings = {}
    other = InputError(f"{path}: not a report of this version of the check; delete it or name another")
    try:
        with path.open(**TEXT) as file:
            rows = csv.DictReader(file)
            if rows.fieldnames and rows.fieldnames != COLUMNS:
                raise other
            for row in rows:
                if None in row.values() or None in row:
                    continue
                values: dict[str, Any] = {
                    field.name: int(row[field.name]) if field.type is int else row[field.name]
                    for field in fields(Finding)
                }
                findings[row["id"]] = Finding(**values)
    except (ValueError, csv.Error) as error:
        raise other from error
    return findings


def _still_holds(finding: Finding | None, path: Path) -> bool:
    if finding is None or finding.decoding == "crash" or finding.checker != CHECKER:
        return False
    return finding.path == str(path) and (finding.bytes, finding.modified) == stamp(path)


def stamp(path: Path) -> tuple[int, int]:
    """Size and time of last change, by which a file is known again; zeros if it is not there."""
    try:
        status = path.stat()
    except (OSError, ValueError):  # ValueError: a name that no file can have
        return 0, 0
    return (status.st_size, status.st_mtime_ns) if path.is_file() else (0, 0)


def crashed(path: str) -> Finding:
    """The finding of a file that took the decoder's process with it."""
    size, modified = stamp(Path(path))
    return Finding("", "", "crash", path, "crash", "the decoder crashed", bytes=size, modified=modified)


def examine(path: str) -> Finding:
    """Decode a file from its first frame to its last, counting."""
    examination = Examination(path)
    for _ in examination:
        pass
    return examination.finding


class Examination:
    """The frames of a file, each with its time in seconds, from the first to the last; then its finding.

    Iterate over it once, to the end. It raises nothing: what is wrong with the file is in the finding.
    """

    def __init__(self, path: str) -> None:
        size, modified = stamp(Path(path))
        self.finding = Finding("", "", "", path, "", bytes=size, modified=modified, checker=CHECKER)

    def __iter__(self) -> Iterator[tuple[float, av.VideoFrame]]:
        found = self.finding
        if found.bytes == 0:
            self._end(decoding="missing" if found.modified == 0 else "empty")
            return
        av_logging.set_level(av_logging.WARNING)
        av_logging.set_skip_repeated(False)  # else a file's complaints hang on those of the file before
        try:
            with open(found.path, "rb") as file:
                self._end(sha256=hashlib.file_digest(file, "sha256").hexdigest())
            with av_logging.Capture() as messages:
                yield from self._decode()
        except OSError as error:
            self._end(decoding="unreadable", detail=error.strerror or str(error), checker="")  # perhaps not for ever
            return
        texts = [" ".join(text.split()) for _, part, text in messages if part != SCALER]
        if self.finding.decoding == "ok" and texts:
            cut = any(mark in text for text in texts for mark in CUT_OFF)
            self._end(decoding="truncated" if cut else "warnings", detail=texts[0])

    def _end(self, **known: Any) -> None:
        self.finding = replace(self.finding, **known)

    def _decode(self) -> Iterator[tuple[float, av.VideoFrame]]:
        """With what came out of the file, and how that ended."""
        path, size = self.finding.path, self.finding.bytes
        frames, shapes, failed, at_the_end = 0, {(0, 0)}, "", False
        end = duration = rate = 0.0
        try:
            with av.open(f"file:{path}") as container:
                if not container.streams.video:
                    self._end(decoding="no video stream")
                    return
                video = container.streams.video[0]
                video.thread_type = "NONE"  # files run side by side, and other threads' complaints would be lost
                duration, rate = (container.duration or 0) / av.time_base, float(video.average_rate or 25)
                counted = "mov" in container.format.name
                for packet in container.demux():
                    if packet.pts is not None:
                        end = max(end, float((packet.pts + (packet.duration or 0)) * packet.time_base))
                    if packet.stream is video:
                        at_the_end = (packet.pos or 0) + packet.size >= size
                        for frame in video.decode(packet):
                            frames += 1
                            shapes.add((frame.height, frame.width))
                            yield time_of(frame), frame
            claimed, there = _packets(path) if counted else (0, 0)
        except (av.FFmpegError, UnicodeDecodeError) as error:
            failed, claimed, there = failure(error), 0, 0
        self._end(frames=frames, claimed=claimed)
        if len(shapes) > 2:
            self._end(decoding="unreadable", detail="frames of different sizes")
        elif frames == 0 or (failed and not at_the_end):
            self._end(decoding="unreadable", detail=failed or "no frames")
        else:
            height, width = max(shapes)
            self._end(decoding="ok", height=height, width=width)
            if failed or there < claimed - max(FEW, MISSING_SHARE * claimed):
                self._end(decoding="truncated", detail=failed or f"{there} frames of {claimed}")
            elif not counted and end < duration - max((FEW + 1) / rate, MISSING_SHARE * duration):
                self._end(decoding="truncated", detail=f"ends after {end:.1f} of {duration:.1f} s")


def _packets(path: str) -> tuple[int, int]:
    """The frames that an MP4's index claims and those that are in the file, whatever an edit list leaves out."""
    with av.open(f"file:{path}", options={"ignore_editlist": "1"}) as container:
        video = container.streams.video[0]
        return video.frames, sum(packet.size > 0 for packet in container.demux(video))


class Judge:
    """Gives findings their verdicts, which depend on what is asked for and on the videos before.

    frames: the least that a video must have. labels: those that are known; None: all.
    """

    def __init__(self, frames: int = 1, labels: Iterable[str] | None = None) -> None:
        self.frames, self.labels = frames, None if labels is None else set(labels)
        self._first: dict[str, str] = {}

    def __call__(self, finding: Finding) -> Finding:
        verdict, detail = finding.decoding, finding.detail
        if finding.decoding in DECODED:
            twin = self._first.setdefault(finding.sha256, finding.id)
            if self.labels is not None and finding.label not in self.labels:
                verdict, detail = "unknown label", finding.label
            elif finding.frames < self.frames:
                verdict, detail = "too short", f"{finding.frames} frames, {self.frames} are needed"
            elif twin != finding.id:
                verdict, detail = "duplicate", f"of {twin}"
        return replace(finding, verdict=verdict, detail=detail)


def too_many(bad: int, total: int, max_bad: float) -> bool:
    """Whether more than the share ``max_bad`` of all videos is bad."""
    return bad > round(max_bad * total, 6)


def summary(counts: Counter[str]) -> str:
    """How many of each verdict, the most frequent first."""
    return ", ".join(f"{count} {verdict}" for verdict, count in counts.most_common())

"""Every video of a list decoded once, before anything is trained on it: what is there, what is not, and why."""

import csv
import hashlib
import os
import shutil
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass, fields, replace
from multiprocessing import get_context, parent_process
from multiprocessing.connection import wait as wait_for
from pathlib import Path
from threading import Thread
from typing import Any

import av
from av import logging as av_logging

from rcn_bench.data.annotations import Video, video_path
from rcn_bench.data.video import failure
from rcn_bench.errors import InputError
from rcn_bench.files import locked, replacing

DECODED = ("ok", "warnings")
# A video counts as truncated if it lacks more than this share of what it claims, and more than a few frames.
MISSING_SHARE, FEW = 0.02, 2
CUT_OFF = ("ended prematurely", "Packet corrupt")  # what FFmpeg says of a file that ends too early
CHECKER = f"1 av {av.__version__}"  # findings of another one are not believed; count up when examine changes

TEXT: dict[str, Any] = {"newline": "", "encoding": "utf-8", "errors": "surrogateescape"}  # file names are any bytes


@dataclass(frozen=True)
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
            writer = csv.DictWriter(file, [field.name for field in fields(Finding)])
            if file.tell() == 0:
                writer.writeheader()
            by_path = {str(paths[video.id]): video for video in rest}
            for number, finding in enumerate(_examine_all(list(by_path), workers), start=1):
                video = by_path[finding.path]
                finding = replace(finding, id=video.id, label=video.label)
                examined[video.id] = finding
                writer.writerow(asdict(finding))
                file.flush()
                if number % 1000 == 0:
                    progress(f"{number} of {len(rest)} examined")
        findings = _judged([replace(examined[video.id], label=video.label) for video in videos], frames, labels)
        with replacing(report) as temporary, temporary.open("w", **TEXT) as file:
            writer = csv.DictWriter(file, [field.name for field in fields(Finding)])
            writer.writeheader()
            writer.writerows(asdict(finding) for finding in findings)
        shutil.rmtree(work)
    return findings


def read_report(path: Path) -> dict[str, Finding]:
    """The findings of a report by video; none if it is not there. A row torn by a kill is left out."""
    if not path.is_file():
        return {}
    findings = {}
    with path.open(**TEXT) as file:
        rows = csv.DictReader(file)
        if rows.fieldnames and rows.fieldnames != [field.name for field in fields(Finding)]:
            raise InputError(f"{path}: not a report of this version of the check; delete it or name another")
        for row in rows:
            if None in row.values() or None in row:
                continue
            values: dict[str, Any] = {
                field.name: int(row[field.name]) if field.type is int else row[field.name] for field in fields(Finding)
            }
            findings[row["id"]] = Finding(**values)
    return findings


def _still_holds(finding: Finding | None, path: Path) -> bool:
    if finding is None or finding.decoding == "crash" or finding.checker != CHECKER:
        return False
    return finding.path == str(path) and (finding.bytes, finding.modified) == _stamp(path)


def _stamp(path: Path) -> tuple[int, int]:
    """Size and time of last change, by which a file is known again; zeros if it is not there."""
    try:
        status = path.stat()
    except OSError:
        return 0, 0
    return (status.st_size, status.st_mtime_ns) if path.is_file() else (0, 0)


def _examine_all(paths: list[str], workers: int) -> Iterator[Finding]:
    """Findings as they come. When a file kills the decoder's process, those under way are examined one by one."""
    left = deque(paths)
    while left:
        under_way: dict[Future[Finding], str] = {}
        try:
            with _pool(workers) as pool:
                while left or under_way:
                    while left and len(under_way) < 4 * workers:
                        under_way[pool.submit(examine, left[0])] = left[0]
                        left.popleft()
                    for future in wait(under_way, return_when=FIRST_COMPLETED).done:
                        yield future.result()
                        del under_way[future]
        except BrokenProcessPool:
            for path in under_way.values():
                yield _examine_alone(path)


def _pool(workers: int) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(workers, get_context("spawn"), _end_with_parent)


def _end_with_parent() -> None:
    """Let a worker end when the check is killed, which leaves it no word."""
    parent = parent_process()
    if parent is not None:
        Thread(target=lambda: (wait_for([parent.sentinel]), os._exit(1)), daemon=True).start()


def _examine_alone(path: str) -> Finding:
    try:
        with _pool(1) as pool:
            return pool.submit(examine, path).result()
    except BrokenProcessPool:
        size, modified = _stamp(Path(path))
        return Finding("", "", "crash", path, "crash", "the decoder crashed", bytes=size, modified=modified)


def examine(path: str) -> Finding:
    """Decode a file from its first frame to its last, counting."""
    size, modified = _stamp(Path(path))
    found = Finding("", "", "", path, "", bytes=size, modified=modified, checker=CHECKER)
    if modified == 0:
        return replace(found, decoding="missing")
    if size == 0:
        return replace(found, decoding="empty")
    av_logging.set_level(av_logging.WARNING)
    av_logging.set_skip_repeated(False)  # else a file's complaints hang on those of the file before
    try:
        with open(path, "rb") as file:
            found = replace(found, sha256=hashlib.file_digest(file, "sha256").hexdigest())
        with av_logging.Capture() as messages:
            found = _decoded(found)
    except OSError as error:
        return replace(found, decoding="unreadable", detail=error.strerror or str(error))
    if found.decoding == "ok" and messages:
        texts = [" ".join(text.split()) for _, _, text in messages]
        cut = any(mark in text for text in texts for mark in CUT_OFF)
        return replace(found, decoding="truncated" if cut else "warnings", detail=texts[0])
    return found


def _decoded(found: Finding) -> Finding:
    """With what came out of the file, and how that ended."""
    frames, shapes, failed, at_the_end = 0, {(0, 0)}, "", False
    end = duration = rate = 0.0
    try:
        with av.open(f"file:{found.path}") as container:
            if not container.streams.video:
                return replace(found, decoding="no video stream")
            video = container.streams.video[0]
            video.thread_type = "NONE"  # files run side by side, and other threads' complaints would be lost
            duration, rate = (container.duration or 0) / av.time_base, float(video.average_rate or 25)
            counted = "mov" in container.format.name
            for packet in container.demux():
                if packet.pts is not None:
                    end = max(end, float((packet.pts + (packet.duration or 0)) * packet.time_base))
                if packet.stream is video:
                    at_the_end = (packet.pos or 0) + packet.size >= found.bytes
                    for frame in video.decode(packet):
                        frames += 1
                        shapes.add((frame.height, frame.width))
        claimed, there = _packets(found.path) if counted else (0, 0)
    except (av.FFmpegError, UnicodeDecodeError) as error:
        failed, claimed, there = failure(error), 0, 0
    found = replace(found, frames=frames, claimed=claimed)
    if len(shapes) > 2:
        return replace(found, decoding="unreadable", detail="frames of different sizes")
    if frames == 0 or (failed and not at_the_end):
        return replace(found, decoding="unreadable", detail=failed or "no frames")
    height, width = max(shapes)
    found = replace(found, decoding="ok", height=height, width=width)
    if failed or there < claimed - max(FEW, MISSING_SHARE * claimed):
        return replace(found, decoding="truncated", detail=failed or f"{there} frames of {claimed}")
    if not counted and end < duration - max((FEW + 1) / rate, MISSING_SHARE * duration):
        return replace(found, decoding="truncated", detail=f"ends after {end:.1f} of {duration:.1f} s")
    return found


def _packets(path: str) -> tuple[int, int]:
    """The frames that an MP4's index claims and those that are in the file, whatever an edit list leaves out."""
    with av.open(f"file:{path}", options={"ignore_editlist": "1"}) as container:
        video = container.streams.video[0]
        return video.frames, sum(packet.size > 0 for packet in container.demux(video))


def _judged(findings: list[Finding], frames: int, labels: Iterable[str] | None) -> list[Finding]:
    """With verdicts, which depend on what is asked for and on the other videos."""
    known = None if labels is None else set(labels)
    first: dict[str, str] = {}
    judged = []
    for finding in findings:
        verdict, detail = finding.decoding, finding.detail
        if finding.decoding in DECODED:
            twin = first.setdefault(finding.sha256, finding.id)
            if known is not None and finding.label not in known:
                verdict, detail = "unknown label", finding.label
            elif finding.frames < frames:
                verdict, detail = "too short", f"{finding.frames} frames, {frames} are needed"
            elif twin != finding.id:
                verdict, detail = "duplicate", f"of {twin}"
        judged.append(replace(finding, verdict=verdict, detail=detail))
    return judged


def too_many(bad: int, total: int, max_bad: float) -> bool:
    """Whether more than the share ``max_bad`` of all videos is bad."""
    return bad > round(max_bad * total, 6)


def summary(findings: list[Finding]) -> str:
    """How many of each verdict, the most frequent first."""
    counts = Counter(finding.verdict for finding in findings)
    return ", ".join(f"{count} {verdict}" for verdict, count in counts.most_common())

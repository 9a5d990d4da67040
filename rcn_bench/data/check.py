"""Every video of a list decoded once, before anything is trained on it: what is there, what is not, and why."""

import csv
import hashlib
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass, fields, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import av
from av import logging as av_logging

from rcn_bench.data.annotations import Video, video_path
from rcn_bench.errors import InputError
from rcn_bench.files import locked, replacing

DECODED = ("ok", "warnings")
# A video counts as truncated if it lacks more than this share of the frames that it claims, and more than two.
MISSING_SHARE = 0.02


@dataclass(frozen=True)
class Finding:
    """What the check says of a video; a row of its report.

    decoding: ok; warnings (decoded whole, but the decoder complained); or missing, empty, no video stream, unreadable,
    truncated, crash (of the decoder). verdict: the same, or duplicate (the bytes of an earlier one), too short,
    unknown label. frames: decoded; claimed: as the container says, 0 if it does not. bytes, modified: of the file, by
    which a later check knows it again.
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
        with partial.open("a" if partial.exists() else "w", newline="") as file:
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
        with replacing(report) as temporary, temporary.open("w", newline="") as file:
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
    with path.open(newline="") as file:
        for row in csv.DictReader(file):
            if None in row.values() or None in row:
                continue
            values: dict[str, Any] = {
                field.name: int(row[field.name]) if field.type is int else row[field.name] for field in fields(Finding)
            }
            findings[row["id"]] = Finding(**values)
    return findings


def _still_holds(finding: Finding | None, path: Path) -> bool:
    return finding is not None and finding.path == str(path) and (finding.bytes, finding.modified) == _stamp(path)


def _stamp(path: Path) -> tuple[int, int]:
    """Size and time of last change, by which a file is known again; zeros if it is not there."""
    if not path.is_file():
        return 0, 0
    status = path.stat()
    return status.st_size, status.st_mtime_ns


def _examine_all(paths: list[str], workers: int) -> Iterator[Finding]:
    """Findings as they come. A file that kills the decoder's process is found out by examining its like one by one."""
    left = list(paths)
    while left:
        done = []
        try:
            with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
                for future in as_completed([pool.submit(examine, path) for path in left]):
                    finding = future.result()
                    done.append(finding.path)
                    yield finding
        except BrokenProcessPool:
            gone = set(done)
            left = [path for path in left if path not in gone]
            for path in left[: 2 * workers]:  # those that were under way are among the first
                yield _examine_alone(path)
            left = left[2 * workers :]
        else:
            return


def _examine_alone(path: str) -> Finding:
    try:
        with ProcessPoolExecutor(1, get_context("spawn")) as pool:
            return pool.submit(examine, path).result()
    except BrokenProcessPool:
        size, modified = _stamp(Path(path))
        return Finding("", "", "crash", path, "crash", "the decoder crashed", bytes=size, modified=modified)


def examine(path: str) -> Finding:
    """Decode a file from its first frame to its last, counting."""
    size, modified = _stamp(Path(path))
    found = Finding("", "", "", path, "", bytes=size, modified=modified)
    if modified == 0:
        return replace(found, decoding="missing")
    if size == 0:
        return replace(found, decoding="empty")
    with open(path, "rb") as file:
        found = replace(found, sha256=hashlib.file_digest(file, "sha256").hexdigest())
    av_logging.set_level(av_logging.WARNING)
    with av_logging.Capture() as messages:
        found = _decoded(found)
    if found.decoding == "ok" and messages:
        return replace(found, decoding="warnings", detail=" ".join(messages[0][2].split()))
    return found


def _decoded(found: Finding) -> Finding:
    """With what came out of the file, and how that ended."""
    frames, hidden, claimed, shape, failure, at_the_end, end, duration = 0, 0, 0, (0, 0), "", False, 0.0, 0.0
    try:
        with av.open(found.path) as container:
            if not container.streams.video:
                return replace(found, decoding="no video stream")
            video, duration = container.streams.video[0], (container.duration or 0) / av.time_base
            claimed = video.frames
            for packet in container.demux():
                if packet.pts is not None:
                    end = max(end, float((packet.pts + (packet.duration or 0)) * packet.time_base))
                if packet.stream is not video:
                    continue
                at_the_end = (packet.pos or 0) + packet.size >= found.bytes
                hidden += packet.is_discard  # by an edit list: decoded, but not shown
                for frame in video.decode(packet):
                    frames, shape = frames + 1, (frame.height, frame.width)
            claimed = max(claimed - hidden, 0)
    except av.FFmpegError as error:
        failure = str(error).split(":")[0].split("] ")[-1]
    except UnicodeDecodeError:
        failure = "metadata that are not UTF-8"
    if frames == 0 or (failure and not at_the_end):
        return replace(found, decoding="unreadable", frames=frames, detail=failure or "no frames")
    found = replace(found, decoding="ok", frames=frames, claimed=claimed, height=shape[0], width=shape[1])
    if failure or frames < claimed - max(2, MISSING_SHARE * claimed):
        return replace(found, decoding="truncated", detail=f"{frames} frames of {claimed}")
    if end < duration - max(1.0, MISSING_SHARE * duration):
        return replace(found, decoding="truncated", detail=f"ends after {end:.1f} of {duration:.1f} s")
    return found


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


def summary(findings: list[Finding]) -> str:
    """How many of each verdict, the most frequent first."""
    counts = Counter(finding.verdict for finding in findings)
    return ", ".join(f"{count} {verdict}" for verdict, count in counts.most_common())

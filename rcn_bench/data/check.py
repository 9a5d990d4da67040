"""Every video of a list decoded once, before anything is trained on it: what is there, what is not, and why."""

import csv
import shutil
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from rcn_bench.data.examine import CHECKER, crashed, examine
from rcn_bench.data.findings import COLUMNS, TEXT, Finding, read_report, write_finding, writing_report
from rcn_bench.data.judge import DECODED, Judge
from rcn_bench.data.lengths import Lengths
from rcn_bench.data.media.footage import Footage
from rcn_bench.data.media.kinds import stamp
from rcn_bench.data.processes import in_processes
from rcn_bench.errors import InputError
from rcn_bench.files import locked
from rcn_bench.lists.lookup import Lookup
from rcn_bench.lists.video import Video


def check_videos(
    videos: list[Video],
    root: Path,
    report: Path,
    *,
    frames: int = 1,
    labels: Iterable[str] | None = None,
    follow_links: bool = True,
    workers: int = 1,
    progress: Callable[[str], None] = print,
) -> list[Finding]:
    """Decode all videos, in parallel, and write a finding for each to ``report`` (CSV), in the order of the list.

    frames: the least that a video must have. labels: those that are known; None: all. follow_links: whether links may
    lead out of root. Interrupted, the same call goes on with the videos that have no finding yet; files that have
    changed since are examined anew.
    Errors: InputError without the folder of videos, for links that may not be followed, or if another process is at the
    same report.
    """
    if not root.is_dir():
        raise InputError(f"{root}: no such video folder; check data.videos")
    work = report.with_suffix(".part")
    with locked(work):
        partial = work / "findings.csv"
        known = read_report(report) | read_report(partial)
        lookup = Lookup(root, videos, follow_links=follow_links)
        footage = {video.id: Footage(str(lookup.path(video)), video.span) for video in videos}
        if remark := lookup.remark():
            progress(remark)
        examined = {id: known[id] for id, one in footage.items() if _still_holds(known.get(id), one)}
        rest = [video for video in videos if video.id not in examined]
        if examined:
            progress(f"{len(examined)} of {len(videos)} videos are known from an earlier check")
        with partial.open("a" if partial.exists() else "w", **TEXT) as file:
            writer = csv.writer(file)
            if file.tell() == 0:
                writer.writerow(COLUMNS)
            results = in_processes(examine, [footage[video.id] for video in rest], workers)
            for number, (video, (decoded, finding)) in enumerate(zip(rest, results, strict=True), start=1):
                finding = replace(finding or crashed(decoded), id=video.id, label=video.label)
                examined[video.id] = finding
                write_finding(writer, finding)
                file.flush()
                if number % 1000 == 0:
                    progress(f"{number} of {len(rest)} examined")
        found = [(video, replace(examined[video.id], label=video.label)) for video in videos]
        lengths = Lengths((video, one.seconds if one.decoding in DECODED else 0.0) for video, one in found)
        if lengths.remark:
            progress(lengths.remark)
        judge = Judge(frames, labels)
        findings = [judge(explained(one, video, lookup), lengths.missing(video, one.seconds)) for video, one in found]
        with writing_report(report) as write:
            for finding in findings:
                write(finding)
        shutil.rmtree(work)
    return findings


def explained(finding: Finding, video: Video, lookup: Lookup) -> Finding:
    """A missing video's says what is there instead."""
    if finding.decoding != "missing":
        return finding
    return replace(finding, detail=lookup.instead(video) or finding.detail)


def _still_holds(finding: Finding | None, footage: Footage) -> bool:
    if finding is None or finding.decoding == "crash" or finding.checker != CHECKER:
        return False
    is_same = (finding.path, finding.span) == (footage.path, footage.part)
    return is_same and finding.stamp == stamp(Path(footage.path))

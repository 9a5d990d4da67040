"""Whether the videos of a list can be used, before any experiment: a report, a line, and an error if too few can."""

from collections import Counter
from pathlib import Path

from rcn_bench.data.check import check_videos
from rcn_bench.data.judge import is_usable, summary, too_many
from rcn_bench.errors import InputError
from rcn_bench.files import Progress
from rcn_bench.lists.formats import read_list


def review_videos(
    annotations: Path,
    root: Path,
    report: Path,
    *,
    frames: int = 1,
    labels: Path | None = None,
    max_bad: float = 0.0,
    workers: int = 1,
    progress: Progress = print,
) -> None:
    """Check all videos of a list, below root, and write a row for each to ``report``.

    frames: the least that a video must have. labels: a list whose labels are known; None: all.
    Errors: InputError if more than the share ``max_bad`` of the videos cannot be used, or as check_videos.
    """
    known = None if labels is None else {video.label for video in read_list(labels, root)}
    findings = check_videos(
        read_list(annotations, root), root, report, frames=frames, labels=known, workers=workers, progress=progress
    )
    progress(f"{len(findings)} videos: {summary(Counter(one.verdict for one in findings))}; {report}")
    bad = [finding for finding in findings if not is_usable(finding)]
    if too_many(len(bad), len(findings), max_bad):
        raise InputError(
            f"{report}: {len(bad)} of {len(findings)} videos cannot be used, more than --max-bad {max_bad:.2%}; the "
            f"first is {bad[0].path}: {bad[0].verdict}"
        )

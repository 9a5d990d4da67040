"""Whether the videos of a list can be used, before any experiment: a report, a line, and an error if too few can."""

from pathlib import Path

from rcn_bench.data.check import check_videos
from rcn_bench.data.judge import Tally, is_usable, too_many
from rcn_bench.data.overlap import Shown, require_one_label
from rcn_bench.errors import InputError
from rcn_bench.files import Progress
from rcn_bench.lists.formats import read_list
from rcn_bench.lists.spelling import require_one_spelling


def review_videos(
    annotations: Path,
    root: Path,
    report: Path,
    *,
    format: str | None = None,
    frames: int = 1,
    labels: Path | None = None,
    max_bad: float = 0.0,
    max_overlap: float = 0.0,
    follow_links: bool = True,
    workers: int = 1,
    progress: Progress = print,
) -> None:
    """Check all videos of a list, below root, and write a row for each to ``report``.

    format: the name of the lists' format; None: it is guessed. frames: the least that a video must have. labels: a list
    whose labels are known; None: all. follow_links: whether links may lead out of root.
    Errors: InputError if more than the share ``max_bad`` of the videos cannot be used, if more than the share
    ``max_overlap`` of those that can stand under two labels, or as check_videos.
    """
    videos = read_list(annotations, root, format)
    known = None
    if labels is not None:
        others = read_list(labels, root, format)
        require_one_spelling(others.first_places, videos.first_places)
        known = {video.label for video in others}
    progress(videos.summary)
    findings = check_videos(
        videos,
        root,
        report,
        frames=frames,
        labels=known,
        follow_links=follow_links,
        workers=workers,
        progress=progress,
    )
    tally = Tally()
    for finding in findings:
        tally.add(finding)
    progress(f"{tally}; {report}")
    if tally.videos == 0:
        raise InputError(f"{report}: none of {len(findings)} files is a video; {tally.first_bad}")
    if too_many(tally.bad, tally.videos, max_bad):
        raise InputError(
            f"{report}: {tally.bad} of {tally.videos} videos cannot be used, more than --max-bad {max_bad:.2%}; "
            f"{tally.first_bad}"
        )
    shown = [
        Shown(video.id, video.label, video.group, finding.sha256, str(video.span or ""))
        for video, finding in zip(videos, findings, strict=True)
        if is_usable(finding)
    ]
    require_one_label(shown, annotations, max_overlap, "--max-overlap", progress)

"""What all who decode a video decide alike: can it be used, and which of its frames are looked at."""

import math
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TypeVar

from rcn_bench.data.findings import Finding
from rcn_bench.data.frames import too_short
from rcn_bench.data.media.clock import Clock
from rcn_bench.data.media.medium import NO_VIDEO, UnreadableVideo

DECODED = ("ok", "warnings")  # how the decoding of a video ends that can be used
LONGEST_GAP = 60.0  # seconds between frames; more is a damaged clock, not a slide show
ROUNDING = 1e-9  # seconds by which a frame may come late for a tick: times are floating-point numbers
Frame = TypeVar("Frame")


# Can it be used?


class Judge:
    """Gives findings their verdicts, which depend on what is asked for and on the videos before.

    frames: the least that a video must have. labels: those that are known; None: all.
    """

    def __init__(self, frames: int = 1, labels: Iterable[str] | None = None) -> None:
        self.frames, self.labels = frames, None if labels is None else set(labels)
        self._first: dict[str, str] = {}

    def __call__(self, finding: Finding, missing: str = "") -> Finding:
        """missing: what is missing of it by what its list says, in words; empty if nothing is."""
        verdict, detail = finding.decoding, finding.detail
        if finding.decoding in DECODED:
            twin = self._first.setdefault(finding.content, finding.id)
            if self.labels is not None and finding.label not in self.labels:
                verdict, detail = "unknown label", finding.label
            elif missing:
                verdict, detail = "truncated", missing
            elif short := too_short(finding.frames, self.frames):
                verdict, detail = "too short", short
            elif twin != finding.id:
                verdict, detail = "duplicate", f"of {twin}"
        return replace(finding, verdict=verdict, detail=detail)


def is_usable(finding: Finding) -> bool:
    """By its verdict."""
    return finding.verdict in (*DECODED, "duplicate")


def too_many(bad: int, total: int, max_bad: float) -> bool:
    """Whether more than the share ``max_bad`` of all videos is bad."""
    return bad > round(max_bad * total, 6)


def summary(counts: Counter[str]) -> str:
    """How many of each verdict, the most frequent first."""
    return ", ".join(f"{count} {verdict}" for verdict, count in counts.most_common())


class Tally:
    """The verdicts of a list, counted; as text, a line.

    Files that are not videos are counted by themselves: a list or a folder may have any number of them. bad: of the
    videos, those that cannot be used.
    """

    def __init__(self) -> None:
        self._verdicts = Counter[str]()
        self._first: dict[str, Finding] = {}
        self.bad = 0

    def add(self, finding: Finding) -> None:
        self._verdicts[finding.verdict] += 1
        if not is_usable(finding):
            is_bad = finding.verdict != NO_VIDEO
            self.bad += is_bad
            self._first.setdefault("bad" if is_bad else NO_VIDEO, finding)

    def __str__(self) -> str:
        others = self._first.get(NO_VIDEO)
        remark = f"; the first that is not a video is {others.path} ({others.detail})" if others else ""
        return f"{self._verdicts.total()} videos: {summary(self._verdicts)}{remark}"

    @property
    def videos(self) -> int:
        return self._verdicts.total() - self._verdicts[NO_VIDEO]

    @property
    def first_bad(self) -> str:
        """The path of the first bad one, if there is one, or of the first that is no video, and what is wrong."""
        first = self._first.get("bad") or self._first[NO_VIDEO]
        return f"the first is {first.path}: {first.reason}"


# Which frames are looked at?


def at_frame_rate(frames: Iterable[tuple[float, Frame]], rate: float | None) -> Iterator[tuple[float, Frame]]:
    """What is on the screen at every tick of ``rate`` a second, from the first frame on to the last; None: all frames.

    A frame is on the screen from its time until the next one's, however unevenly they come. Where a time falls or is
    missing the frame follows on the last.
    Errors: UnreadableVideo without time stamps, or if they jump by more than a minute.
    """
    if rate is None:
        yield from frames
        return
    start, tick, at = 0.0, 0, 0.0
    shown: Frame | None = None
    clock = Clock()
    for stamp, coming in frames:
        coming_at = clock.time(stamp)
        if math.isnan(coming_at):
            raise UnreadableVideo("no time stamps")
        if shown is not None and coming_at - at > LONGEST_GAP:
            raise UnreadableVideo(f"time stamps jump from {at:.0f} to {coming_at:.0f} s")
        if shown is None:
            start = coming_at
        else:
            while start + tick / rate < coming_at - ROUNDING:
                yield start + tick / rate, shown
                tick += 1
        at, shown = coming_at, coming
    while shown is not None and start + tick / rate <= at + ROUNDING:
        yield start + tick / rate, shown
        tick += 1

"""A video decoded once, from its first frame to its last: what comes out of it, and what is found of it."""

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import av
import numpy as np

from rcn_bench.data.findings import Finding
from rcn_bench.data.frames import Frames
from rcn_bench.data.judge import DECODED, at_frame_rate
from rcn_bench.data.media.footage import Footage, frames_of
from rcn_bench.data.media.kinds import stamp
from rcn_bench.data.media.medium import NOT_THERE, Picture, UnreadableVideo
from rcn_bench.errors import reason

CHECKER = f"3 av {av.__version__}"  # findings of another one are not believed; count up when examine changes
OF_DIFFERENT_SIZES = "frames of different sizes"

Timed = Iterator[tuple[float, Picture]]
Result = TypeVar("Result")


def decode(video: str | Path | Footage, short_side: int | None = None, frame_rate: float | None = None) -> Frames:
    """The frames of a video from the first to the last: uint8 (T, H, W, 3).

    video: a file, a folder of pictures, or footage with its span. short_side: scale so that the shorter side has this
    many pixels, keeping the aspect ratio. frame_rate: frames a second, by the file's time stamps; None: every frame
    that there is.
    Errors: UnreadableVideo if the check would not let it be used, for the same reason; InputError for pictures whose
    rate is needed and not known.
    """
    finding, frames = examine_and_use(
        video, lambda pictures: stacked(at_frame_rate(pictures, frame_rate), short_side), frame_rate is not None
    )
    if frames is None:
        raise UnreadableVideo(finding.detail, finding.decoding)
    return frames


def stacked(pictures: Iterable[tuple[float, Picture]], short_side: int | None) -> Frames:
    """(T, H, W, 3). Errors: UnreadableVideo if they differ in size."""
    frames = [picture.rgb(short_side) for _, picture in pictures]
    if len({frame.shape for frame in frames}) > 1:
        raise UnreadableVideo(OF_DIFFERENT_SIZES)
    return np.stack(frames)


def examine(video: str | Path | Footage) -> Finding:
    """Decode a video without a look at its frames. Errors: as Examination."""
    examination = Examination(video)
    for _ in examination:
        pass
    return examination.finding


def examine_and_use(
    video: str | Path | Footage, use: Callable[[Timed], Result], by_times: bool = False
) -> tuple[Finding, Result | None]:
    """What is found of a video and, if it can be used, what is made of its frames.

    use: may raise UnreadableVideo, ValueError, OSError or MemoryError, which are then what is found. by_times: whether
    it chooses frames by their times. Errors: as Examination.
    """
    examination = Examination(video, by_times)
    pictures = iter(examination)
    try:
        result = use(timed for timed in pictures)  # not themselves, since a generator that fails ends what it is fed
    except (UnreadableVideo, ValueError, OSError, MemoryError) as error:
        for _ in pictures:  # to its end, for the finding
            pass
        found = examination.finding
        if found.decoding in DECODED:
            passing = isinstance(error, (OSError, MemoryError))  # perhaps not for ever
            checker = "" if passing else found.checker
            found = replace(found, decoding="unreadable", detail=reason(error), checker=checker)
        return found, None
    return examination.finding, result if examination.finding.decoding in DECODED else None


def crashed(video: str | Path | Footage) -> Finding:
    """The finding of a file that took the decoder's process with it."""
    footage = Footage.of(video)
    size, modified = stamp(Path(footage.path))
    found = Finding("", "", "crash", footage.path, "crash", "the decoder crashed", bytes=size, modified=modified)
    return replace(found, span=footage.part)


class Examination:
    """The frames of a video, each with its time in seconds, from the first to the last; then its finding.

    Iterate over it once, to the end. It raises nothing: what is wrong with the video is in the finding.
    by_times: whether frames will be chosen by their times. Errors: InputError, when it is made, for pictures that have
    none.
    """

    def __init__(self, video: str | Path | Footage, by_times: bool = False) -> None:
        footage = Footage.of(video)
        self.medium, self.span = footage.medium(by_times), footage.span
        size, modified = self.medium.stamp()
        found = Finding("", "", "", footage.path, "", bytes=size, modified=modified, checker=CHECKER)
        self.finding = replace(found, span=footage.part)

    def __iter__(self) -> Timed:
        if self.finding.bytes == 0:
            there = self.finding.stamp != NOT_THERE
            self._end(decoding="empty" if there else "missing", detail="no bytes" if there else self.medium.absence)
            return
        frames, shapes, first, last = 0, {(0, 0)}, math.nan, math.nan
        try:
            self._end(sha256=self.medium.sha256())
            for time, picture in frames_of(self.medium, self.span):
                frames += 1
                first, last = time if frames == 1 else first, time
                shapes.add((picture.height, picture.width))
                yield time, picture
            decoding, detail = "warnings" if self.medium.complaint else "ok", self.medium.complaint
        except UnreadableVideo as error:
            decoding, detail = error.decoding, error.detail
        except OSError as error:
            self._end(decoding="unreadable", detail=error.strerror or str(error), checker="")  # perhaps not for ever
            return
        if len(shapes) > 2:
            decoding, detail = "unreadable", OF_DIFFERENT_SIZES
        self._end(decoding=decoding, detail=detail, frames=frames, claimed=self.medium.claimed)
        if last > first:
            self._end(seconds=round((last - first) * frames / (frames - 1), 3))
        if decoding in (*DECODED, "truncated"):
            height, width = max(shapes)
            self._end(height=height, width=width)

    def _end(self, **known: Any) -> None:
        self.finding = replace(self.finding, **known)

"""Which frames of a video a network is shown: of a file all that are due, of a live source never an old one."""

import math
import time
from collections.abc import Iterator
from typing import NamedTuple

from rcn_bench.data.judge import at_frame_rate
from rcn_bench.data.media.medium import Medium, Picture, TimedPictures, UnreadableVideo
from rcn_bench.engine.live.arrivals import Lost, arrivals, sizes
from rcn_bench.engine.live.newest import newest
from rcn_bench.engine.live.ticks import Answered, offers

GRACE = 2.0  # seconds longer than its patience that a source is waited for, since most say more of it themselves


class Due(NamedTuple):
    """A frame to be shown, and its time in seconds.

    came: when it came here, by ``time.monotonic``. dropped, empty: how many ticks passed before it whose frames were
    not shown, since newer ones had come, and for which none came.
    """

    at: float
    picture: Picture
    came: float
    dropped: int = 0
    empty: int = 0


class Event(NamedTuple):
    """What happened between frames: lost, reconnected or restarted, from which frame on the video is another."""

    kind: str
    facts: dict[str, str | float]


def due_frames(medium: Medium, frame_rate: float | None, stride: int, give_up: float = 0.0) -> Iterator[Due | Event]:
    """Every stride-th frame at ``frame_rate`` a second, by the time stamps; None: of all frames.

    Nothing of a file is left out, however long a frame takes. Of a live source a frame is shown once at most, and the
    newest one: ticks that pass before it are dropped if the network was at work, empty if no frame came for them.
    give_up: seconds without a frame of a connection that is lost.
    Errors: UnreadableVideo, if frames of a file differ in size too.
    """
    if medium.is_live:
        yield from _Watch(medium, give_up).due(frame_rate, stride)
        return
    for index, (at, picture) in enumerate(at_frame_rate(_of_one_size(medium.frames()), frame_rate)):
        if index % stride == 0:
            yield Due(at, picture, time.monotonic())


class _Watch:
    """Over a live source, with a word where its frames stay away."""

    def __init__(self, medium: Medium, give_up: float) -> None:
        self._medium, self._give_up = medium, give_up
        self._seen, self._parts, self._lost = time.monotonic(), -1, ""

    def due(self, frame_rate: float | None, stride: int) -> Iterator[Due | Event]:
        answered = Answered()
        items = offers(arrivals(self._medium), frame_rate, stride)
        for item in newest(items, keep=lambda item: isinstance(item, Lost)):
            if item is None or isinstance(item, Lost):
                yield from self._missing(item)
                continue
            yield from self._seeing(item.arrival.part, item.arrival.cause)
            if (passed := answered.take(item)) is not None:
                dropped, empty = passed
                yield Due(item.arrival.at, item.arrival.picture, item.arrival.came, dropped, empty)

    def _missing(self, lost: Lost | None) -> Iterator[Event]:
        """Errors: UnreadableVideo where no more is to be waited for."""
        silent = time.monotonic() - self._seen
        stalled = f"no frame for {silent:.0f} s" if silent > self._medium.patience + GRACE else ""
        if stalled and self._parts < 0:
            raise UnreadableVideo(stalled)
        if not self._lost and (lost or stalled):
            self._lost = lost.reason if lost else stalled
            yield Event("lost", {"reason": self._lost})
        if self._lost and silent >= self._give_up:
            raise UnreadableVideo(f"{self._lost}; given up {silent:.0f} s after the last frame")

    def _seeing(self, parts: int, cause: str) -> Iterator[Event]:
        now = time.monotonic()
        if self._lost:
            yield Event("reconnected", {"after_s": round(now - self._seen, 3)})
        if parts > max(self._parts, 0):
            yield Event("restarted", {"reason": cause})
        self._seen, self._parts, self._lost = now, parts, ""


def _of_one_size(frames: TimedPictures) -> TimedPictures:
    """Errors: UnreadableVideo where the size changes, since what a network keeps of earlier frames is of theirs."""
    size: tuple[int, int] | None = None
    for at, picture in frames:
        now = picture.width, picture.height
        if size not in (None, now):
            since = "" if math.isnan(at) else f" from {at:.2f} s on"
            raise UnreadableVideo(f"{sizes(size, now)}{since}; stream each part by itself")
        size = now
        yield at, picture

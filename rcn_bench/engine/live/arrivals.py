"""The frames of a live source as they come, over as many connections as it takes."""

import time
from collections.abc import Iterator
from contextlib import closing
from typing import NamedTuple

from rcn_bench.data.media.medium import Medium, Picture, UnreadableVideo
from rcn_bench.engine.live.clock import LiveClock

FIRST_WAIT, LONGEST_WAIT = 1.0, 16.0  # seconds before a connection is tried again, each time twice as many


class Arrival(NamedTuple):
    """A frame.

    number: among all that came. at: its time, seconds from the first on. came: when, by ``time.monotonic``. part: how
    often the video began anew before it; cause: why it did so last.
    """

    number: int
    at: float
    came: float
    picture: Picture
    part: int
    cause: str


class Lost(NamedTuple):
    """The connection, and why. It is being tried again."""

    reason: str


def arrivals(medium: Medium) -> Iterator[Arrival | Lost]:
    """To the source's proper end; for ever where a connection cannot be made again.

    Errors: UnreadableVideo before the first frame, and where another connection makes no sense.
    """
    follow, number, wait = _Following(), 0, FIRST_WAIT
    while True:
        try:
            with closing(medium.frames()) as frames:
                for stamp, picture in frames:
                    yield follow(number, stamp, picture)
                    number, wait = number + 1, FIRST_WAIT
            return
        except UnreadableVideo as error:
            if number == 0 or not medium.returns:
                raise
            yield Lost(str(error))
        time.sleep(wait)
        wait = min(2 * wait, LONGEST_WAIT)
        follow.connect()


class _Following:
    """Knows where a video begins anew: what a network keeps of earlier frames is then of another."""

    def __init__(self) -> None:
        self._clock, self._part, self._cause = LiveClock(), 0, ""
        self._size: tuple[int, int] | None = None
        self._is_new = False

    def connect(self) -> None:
        self._clock.connect()
        self._is_new = True

    def __call__(self, number: int, stamp: float, picture: Picture) -> Arrival:
        came, size = time.monotonic(), (picture.width, picture.height)
        at = self._clock.time(stamp, came)
        if causes := list(self._causes(size)):
            self._part, self._cause = self._part + 1, causes[0]
        self._size, self._is_new = size, False
        return Arrival(number, at, came, picture, self._part, self._cause)

    def _causes(self, size: tuple[int, int]) -> Iterator[str]:
        if self._is_new:
            yield "another connection"
        if self._size not in (None, size):
            yield sizes(self._size, size)
        if self._clock.jumped:
            yield "the source's clock jumped"


def sizes(before: tuple[int, int] | None, after: tuple[int, int]) -> str:
    return "frames of {}x{}, then of {}x{}".format(*(before or after), *after)

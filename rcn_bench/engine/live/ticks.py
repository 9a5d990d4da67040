"""Ticks: the moments at which a network wants a frame, and what became of each."""

import math
from collections.abc import Generator, Iterable
from typing import NamedTuple

from rcn_bench.engine.live.arrivals import Arrival, Lost

EARLY = 0.25  # of a frame at the frame rate, by which one may come before its tick: sources are not punctual


class Offer(NamedTuple):
    """A frame that came, the tick that it falls in, and for how many ticks up to that one a frame came."""

    arrival: Arrival
    tick: int
    ticks_with_frames: int


def offers(
    arrivals: Iterable[Arrival | Lost], frame_rate: float | None, stride: int
) -> Generator[Offer | Lost, None, None]:
    """Ticks are every stride-th frame at ``frame_rate`` a second, by the times; None: every stride-th that comes."""
    last, count = -1, 0
    for each in arrivals:
        if isinstance(each, Lost):
            yield each
            continue
        frames = each.number if frame_rate is None else each.at * frame_rate + EARLY
        tick = math.floor(frames / stride)
        count += tick > last
        last = tick
        yield Offer(each, tick, count)


class Answered:
    """Counts what became of the ticks: each was answered, dropped (a frame came, too many did) or empty (none did)."""

    def __init__(self) -> None:
        self._tick, self._count = -1, 0

    def take(self, offer: Offer) -> tuple[int, int] | None:
        """The ticks dropped and empty since the last one that was answered; None if that is the offer's own."""
        passed, offered = offer.tick - self._tick, offer.ticks_with_frames - self._count
        if passed == 0:
            return None
        self._tick, self._count = offer.tick, offer.ticks_with_frames
        return offered - 1, passed - offered

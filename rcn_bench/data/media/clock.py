"""When frames are shown: their stamps as times that never run back, exact even where a clock's ticks are coarse.

A clock that ticks in milliseconds says 0 33 67 100 of frames at 30 a second, and which of them is on the screen at a
moment would depend on how it rounds. Where all stamps lie within a tick of an even rate, that rate counts.
"""

import math
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from itertools import chain
from statistics import median

import numpy as np

NEW_RECORDING = 10.0  # seconds by which a clock that may restart must jump to be another, as for the ffmpeg command
TYPICAL_STEP = 0.04  # seconds between frames where nothing tells
RECENT_STEPS = 31
COARSE_TICK = 0.002  # seconds; clocks that others are copied from tick at least as fast: FLV's, Matroska's, MOV's 1/600
REORDERED = 1.0  # seconds by which frames are stored out of the order in which they are shown, at most
FINEST = 4  # ticks between frames; a finer rate fits any stamps
OFF = 1 / 8  # of a frame; FFmpeg misses by less where it guesses a stamp that is not in the file
NEAR = 2.5e-4  # the share by which a rate may miss the one that it stands for: a quarter of the way from 30 to 29.97


class Clock:
    """Times of frames in order of showing, in seconds, from their stamps.

    tick: seconds, of the stamps. rate: frames a second that all stamps lie within a tick of, gaps included; None: the
    stamps count, and may be half a tick late. step: seconds between frames where nothing else tells. longest_gap:
    seconds between stamps; after a longer one, as after a step back, another recording follows on the last frame.
    """

    def __init__(
        self,
        tick: float = 0.0,
        rate: Fraction | None = None,
        step: float = TYPICAL_STEP,
        longest_gap: float = math.inf,
    ) -> None:
        self._tick, self._longest_gap = tick, longest_gap
        self._rate = rate.as_integer_ratio() if rate else None
        self._off = max(2.001 * tick, float(OFF / rate) if rate else 0.0)
        self._step = float(1 / rate) if rate else step
        self._steps = deque[float](maxlen=RECENT_STEPS)
        self._stamp = self._time = math.nan  # of the last frame
        self._origin = (math.nan, math.nan)  # a stamp and its time, from which others are counted

    def time(self, stamp: float) -> float:
        """Of the next frame. Without a stamp, NaN, it follows on the last one; NaN if no stamp came before."""
        if math.isnan(stamp):
            self._time += self._usual_step()
            return self._time
        if math.isnan(self._stamp):
            self._origin = stamp, stamp
        elif not 0 <= stamp - self._stamp <= self._longest_gap:
            self._origin = stamp, self._time + self._usual_step()
        time = max(self._counted(stamp), self._time)  # NaN at first, which max() then leaves out
        if self._rate is None and time > self._time:
            self._steps.append(time - self._time)
        self._stamp, self._time = stamp, time
        return time

    def _usual_step(self) -> float:
        return median(self._steps) if self._steps else self._step

    def _counted(self, stamp: float) -> float:
        since, start = self._origin
        passed = stamp - since
        if self._rate is None:
            return start + max(passed - self._tick / 2, 0.0)
        frames, seconds = self._rate
        even = round(passed * frames / seconds) * seconds / frames
        if abs(passed - even) > self._off:  # an edit list cuts between two frames
            self._origin = stamp, start + passed
            return start + passed
        return start + even


def clock_of(
    recordings: Sequence[Sequence[int]], tick: Fraction, stated: Sequence[Fraction], longest_gap: float
) -> Clock:
    """The clock of a file whose stamps are known, in ticks of so many seconds.

    recordings: the stamps of each in order of showing. stated: rates that the file names or implies, the best first.
    A clock may have been copied from a coarser one, as from FLV into MP4: its ticks are then the largest that all
    stamps are whole numbers of.
    """
    step = float(1 / stated[0]) if stated else TYPICAL_STEP
    gaps = np.concatenate([np.diff(stamps) for stamps in recordings] or [np.empty(0, int)])
    common = int(np.gcd.reduce(gaps))
    coarse = common if common * tick <= COARSE_TICK else 1
    likely = sorted(map(_common, stated), key=lambda rate: rate not in _near(rate))  # common ones first
    for rate in likely:
        if _adds_up(gaps, tick, rate):
            return Clock(float(tick), rate, step, longest_gap)
    for ticks in sorted({1, coarse}) if recordings else []:
        shortest = min([FINEST * ticks, *gaps[gaps > 0] * 0.75]) * float(tick)
        for rate in (*likely, *_rates_of(gaps, ticks, tick)):
            if 1 / rate >= shortest and all(_is_even(stamps, float(tick), ticks, rate) for stamps in recordings):
                return Clock(float(ticks * tick), rate, step, longest_gap)
    return Clock(float(coarse * tick), None, step, longest_gap)


def recordings_of(
    packets: Iterable[tuple[int | None, int | None]], tick: Fraction, longest_gap: float
) -> list[list[int]]:
    """The stamps of each recording in a file, in order of showing.

    packets: when each is to be shown and when it is to be decoded, in ticks of so many seconds, as they lie in the
    file. longest_gap: as of Clock.
    """
    latest, earliest = float(longest_gap / tick), -float(REORDERED / tick)
    recordings: list[list[int]] = [[]]
    last: int | None = None
    for shown, decoded in packets:
        stamp, order = (decoded if shown is None else shown), (shown if decoded is None else decoded)
        if stamp is None or order is None:
            continue
        if last is not None and not (earliest if decoded is None else 0) <= order - last <= latest:
            recordings.append([])
        recordings[-1].append(stamp)
        last = order
    return [sorted(stamps) for stamps in recordings if stamps]


def _is_even(stamps: Sequence[int], tick: float, ticks: int, rate: Fraction) -> bool:
    """Whether each lies within so many ticks, or a third of the time of a frame, of a frame that no other lies at."""
    passed = (np.array(stamps) - stamps[0]) * tick
    frames = np.rint(passed * float(rate))
    off = abs(passed - frames * (rate.denominator / rate.numerator)).max()
    each_its_own = (np.diff(frames)[np.diff(stamps) > 0] > 0).all()
    return bool(off <= min(ticks * tick, float(1 / rate) / 3) * 1.001 and each_its_own)


def _adds_up(gaps: np.ndarray, tick: Fraction, rate: Fraction) -> bool:
    """Whether all frames are shown equally long: for the rate's time, rounded, so that it adds up, as in APNG."""
    return len(gaps) > 0 and gaps.min() == gaps.max() and abs(float(gaps[0]) * float(tick * rate) - 1) <= NEAR


def _rates_of(gaps: np.ndarray, ticks: int, tick: Fraction) -> Iterator[Fraction]:
    """Those that the stamps themselves speak of, common ones first."""
    gaps = gaps[gaps > 0]
    if len(gaps):
        step = gaps[gaps <= gaps.min() + 1.5 * ticks].mean()
        rate = Fraction(int(np.rint(gaps / step).sum()), int(gaps.sum())) / tick
        yield from chain((near for near in _near(rate) if near > 0), [rate])


def _common(stated: Fraction) -> Fraction:
    """The rate that a stated one stands for, such as 30000/1001 for 29.97."""
    near = min(_near(stated), key=lambda rate: abs(rate - stated))
    return near if abs(near - stated) <= NEAR * stated else stated


def _near(rate: Fraction) -> tuple[Fraction, Fraction, Fraction]:
    return Fraction(round(rate)), Fraction(round(2 * rate), 2), Fraction(1000 * round(rate * 1001 / 1000), 1001)

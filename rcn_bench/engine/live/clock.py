"""When a live source's frames were taken: by their stamps where these tell, else by when they came."""

import math
from collections import deque
from statistics import median

from rcn_bench.data.media.clock import NEW_RECORDING, RECENT_STEPS, REORDERED, TYPICAL_STEP

STANDSTILL = 1.0  # seconds for which frames may come with the same stamp; then the source's clock stands still


class LiveClock:
    """Times in seconds from the first frame on, which never run back.

    Frames come late and in bursts, so stamps count. They do not where they jump (a camera that started anew, a counter
    that ran over), stand still, are missing, or where another connection was made: then as much time has passed as it
    has here, but at least a usual step. jumped: whether the last frame's stamp belongs to another recording.
    """

    def __init__(self) -> None:
        self.jumped = False
        self._time = self._came = math.nan  # of the last frame
        self._moved = math.nan, math.nan  # when the last frame came whose stamp was later than the one before; its time
        self._stamp = math.nan  # the last that there was
        self._origin = math.nan, math.nan  # a stamp and its time, from which others are counted
        self._steps = deque[float](maxlen=RECENT_STEPS)

    def connect(self) -> None:
        """Before the first frame of another connection, whose stamps have nothing to do with those before."""
        self._stamp = math.nan

    def time(self, stamp: float, came: float) -> float:
        """Of the next frame. stamp: its source's word, or NaN; came: when it came here; both in seconds."""
        time = self._timed(stamp, came)
        self._time, self._came = time, came
        return time

    def _timed(self, stamp: float, came: float) -> float:
        self.jumped = False
        if math.isnan(self._time):
            return self._begin(stamp, came, 0.0)
        waited = came - self._came
        if math.isnan(stamp):
            return self._time + (self._usual_step() if self._steps else waited)
        if math.isnan(self._stamp):
            return self._begin(stamp, came, self._time + max(waited, self._usual_step()))
        self.jumped = not -REORDERED <= stamp - self._stamp <= waited + NEW_RECORDING
        if self.jumped:
            return self._begin(stamp, came, self._time + max(waited, self._usual_step()))
        self._stamp = stamp
        since, start = self._origin
        if (time := start + (stamp - since)) > self._time:
            self._steps.append(time - self._time)
            self._moved = came, time
            return time
        moved, then = self._moved
        if came - moved <= STANDSTILL:
            return self._time
        time = max(then + came - moved, self._time)
        self._origin = stamp, time
        return time

    def _begin(self, stamp: float, came: float, time: float) -> float:
        self._stamp, self._origin, self._moved = stamp, (stamp, time), (came, time)
        return time

    def _usual_step(self) -> float:
        return median(self._steps) if self._steps else TYPICAL_STEP

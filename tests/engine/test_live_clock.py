"""When live frames were taken, and what became of every tick, for arbitrary stamps and arrivals; time is simulated."""

import math
from itertools import accumulate, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rcn_bench.engine.live.arrivals import Arrival
from rcn_bench.engine.live.clock import STANDSTILL, LiveClock
from rcn_bench.engine.live.ticks import EARLY, Answered, offers

NOWHERE = math.nan
STAMPS = st.floats(-1e6, 1e6) | st.just(NOWHERE)
WAITS = st.floats(0, 100) | st.floats(0, 0.1)


def timed(frames, clock=None):
    """frames: stamps with the moments at which they came."""
    clock = clock or LiveClock()
    return [clock.time(stamp, came) for stamp, came in frames]


def evenly(start, count, step=0.04, came=0.0):
    return [(start + step * number, came + step * number) for number in range(count)]


# Times


@settings(max_examples=100)
@given(st.lists(st.tuples(STAMPS, WAITS), min_size=1, max_size=40))
def test_whatever_a_source_says_times_begin_at_0_and_never_run_back(frames):
    stamps, waits = zip(*frames, strict=True)
    times = timed(zip(stamps, accumulate(waits), strict=True))
    assert times[0] == 0
    assert all(math.isfinite(time) for time in times)
    assert times == sorted(times)


@settings(max_examples=50)
@given(start=st.floats(-1e5, 1e5), lates=st.lists(st.floats(0, 2), min_size=30, max_size=30))
def test_frames_that_come_late_and_in_bursts_keep_the_times_of_their_stamps(start, lates):
    came = accumulate((0.04 * number + late for number, late in enumerate(lates)), max)
    stamps = [start + 0.04 * number for number in range(30)]
    assert timed(zip(stamps, came, strict=True)) == pytest.approx([0.04 * number for number in range(30)], abs=1e-6)


def test_frames_without_stamps_are_timed_by_when_they_come():
    assert timed([(NOWHERE, 100.0), (NOWHERE, 100.1), (NOWHERE, 107.0)]) == pytest.approx([0, 0.1, 7.0])


def test_a_frame_whose_stamp_alone_is_missing_follows_on_the_last():
    stamps = [0, 0.04, 0.08, NOWHERE, 0.16]
    assert timed((stamp, 5.0) for stamp in stamps) == pytest.approx([0, 0.04, 0.08, 0.12, 0.16])


@pytest.mark.parametrize("start", [0.0, -40.0, 26.5 * 3600, 95443.7 - 2**33 / 90000])
def test_where_stamps_jump_the_time_that_passed_here_counts(start):
    """A camera that began anew, one whose clock was set, a counter of 33 bits that ran over."""
    clock = LiveClock()
    timed(evenly(95443.7, 10), clock)
    (time,) = timed([(start, 0.36 + 3.0)], clock)
    assert clock.jumped
    assert time == pytest.approx(0.36 + 3.0)
    assert timed([(start + 0.04, 3.4)], clock) == pytest.approx([3.4])
    assert not clock.jumped


def test_a_long_wait_that_the_stamps_tell_too_is_no_jump():
    clock = LiveClock()
    assert timed([(0.0, 0.0), (50.0, 50.0)], clock) == [0.0, 50.0]
    assert not clock.jumped


def test_a_clock_that_stands_still_is_left_for_the_time_here():
    times = timed([(3.0, 0.04 * number) for number in range(100)])
    assert times[:25] == [0.0] * 25, "frames may come twice"
    assert times[-1] == pytest.approx(0.04 * 99)
    assert max(later - time for time, later in pairwise(times)) <= STANDSTILL + 0.05


def test_after_another_connection_its_stamps_are_counted_from_the_time_that_passed_here():
    clock = LiveClock()
    timed(evenly(500.0, 10), clock)
    clock.connect()
    assert timed(evenly(0.0, 3, came=10.0), clock) == pytest.approx([10.0, 10.04, 10.08])
    assert not clock.jumped


# Ticks

ARRIVALS = st.lists(st.floats(0, 0.5) | st.floats(0, 0.02), min_size=1, max_size=60)


def offered(times, rate, stride):
    return list(offers((Arrival(n, at, at, object(), 0, "") for n, at in enumerate(times)), rate, stride))


@settings(max_examples=100)
@given(
    gaps=ARRIVALS,
    rate=st.none() | st.floats(0.5, 60),
    stride=st.integers(1, 4),
    busy=st.lists(st.integers(1, 5), min_size=60, max_size=60),
)
def test_every_tick_that_passed_is_answered_once_dropped_or_empty(gaps, rate, stride, busy):
    """busy: how many frames come during each pass of the network; it then takes the last of them."""
    times = [0.0, *accumulate(gaps)]
    made = offered(times, rate, stride)
    taken, place = [], 0
    for frames in busy:
        taken.append(made[place])
        if place == len(made) - 1:
            break
        place = min(place + frames, len(made) - 1)
    answered, counts, ticks, shown = Answered(), [0, 0], [], []
    for offer in taken:
        if (passed := answered.take(offer)) is not None:
            counts = [total + more for total, more in zip(counts, passed, strict=True)]
            ticks.append(offer.tick)
            shown.append(offer.arrival.number)
    assert ticks == sorted(set(ticks)), "no tick twice"
    assert shown == sorted(set(shown)), "no frame twice"
    dropped, empty = counts
    assert min(dropped, empty) >= 0
    assert len(ticks) + dropped + empty == ticks[-1] + 1, "from the first tick on"
    with_frames = {offer.tick for offer in made[: shown[-1] + 1]}
    assert len(ticks) + dropped == len(with_frames), "empty are those without a frame alone"


@settings(max_examples=100)
@given(gaps=ARRIVALS, rate=st.floats(0.5, 60), stride=st.integers(1, 4))
def test_a_frame_is_for_the_last_tick_before_it_or_the_next_that_is_near(gaps, rate, stride):
    for offer in offered([0.0, *accumulate(gaps)], rate, stride):
        tick = offer.tick * stride / rate
        assert -EARLY / rate - 1e-9 <= offer.arrival.at - tick <= (stride - EARLY) / rate + 1e-9

"""Times from stamps: exact where a clock is coarse, and never back."""

import math
from fractions import Fraction
from itertools import accumulate

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from timed import NTSC, shown_at

from rcn_bench.data.judge import at_frame_rate
from rcn_bench.data.media.clock import Clock, clock_of, recordings_of

MS = Fraction(1, 1000)
TICKS = (MS, Fraction(1, 600), Fraction(1, 1024), Fraction(1, 90000), Fraction(1, 12800))
RATES = st.integers(12, 60) | st.sampled_from((*NTSC, Fraction(25, 2), Fraction(15000, 1001)))


def times(stamps, tick, stated=(), recordings=None):
    """Of frames whose stamps, in ticks, come in this order."""
    clock = clock_of([stamps] if recordings is None else recordings, tick, stated, math.inf)
    return [clock.time(float(stamp * tick)) for stamp in stamps]


@settings(max_examples=50)
@given(
    rate=RATES,
    tick=st.sampled_from(TICKS),
    to_whole=st.sampled_from((round, math.floor, math.ceil)),
    first=st.integers(0, 5000),
    lost=st.sets(st.integers(1, 88)),
    target=st.integers(10, 30) | st.sampled_from(NTSC),
)
def test_frames_that_come_evenly_are_chosen_as_if_the_clock_were_exact(rate, tick, to_whole, first, lost, target):
    """Wherever the clock begins, and though some of the frames were lost."""
    numbers = [number for number in range(90) if number not in lost]
    stamps = [to_whole((first / Fraction(1000) + number / Fraction(rate)) / tick) for number in numbers]
    shown = list(at_frame_rate(zip(times(stamps, tick, [Fraction(rate)]), numbers, strict=True), float(target)))
    wanted = [max(n for n in numbers if n <= number) for number in shown_at(rate, target, 90)]
    assert [number for _, number in shown] == wanted


@settings(max_examples=30)
@given(rate=st.integers(12, 60) | st.sampled_from(NTSC), stated=st.sampled_from(([], [Fraction(1000)], [Fraction(27)])))
def test_a_rate_that_nobody_states_or_somebody_gets_wrong_is_found_in_the_stamps(rate, stated):
    stamps = [round(1000 * number / Fraction(rate)) for number in range(400)]
    assert times(stamps, MS, stated) == pytest.approx([number / float(rate) for number in range(400)], abs=1e-12)


@settings(max_examples=30)
@given(
    gaps=st.lists(st.integers(17, 90), min_size=30, max_size=30),
    tick=st.sampled_from((MS, Fraction(1, 600))),
    target=st.integers(10, 30),
)
def test_frames_that_come_unevenly_are_chosen_by_their_stamps(gaps, tick, target):
    """A stamp may be half a tick late."""
    gaps[:3] = 17, 26, 43  # on no even rate
    stamps = [0, *accumulate(gaps)]
    shown = at_frame_rate(zip(times(stamps, tick, [Fraction(30)]), range(31), strict=True), target)
    for count, (_, number) in enumerate(shown):
        moment = count / Fraction(target) / tick + Fraction(1, 2)
        assert number == max(number for number, stamp in enumerate(stamps) if stamp <= moment or number == 0)


def test_stamps_copied_from_a_clock_of_milliseconds_are_taken_for_such():
    """As of an MP4 that was an FLV."""
    stamps = [16 * round(Fraction(1000 * number, 24)) for number in range(48)]
    assert times(stamps, Fraction(1, 16000)) == pytest.approx([number / 24 for number in range(48)], abs=1e-12)


def test_a_clock_of_hundredths_of_a_second_is_exact_too():
    """GIF, for which FFmpeg names a mean rate of 100/3."""
    stamps = [round(Fraction(100 * number, 30)) for number in range(48)]
    assert times(stamps, Fraction(1, 100), [Fraction(100, 3), Fraction(30)]) == [number / 30 for number in range(48)]


def test_a_clock_that_falls_or_stands_goes_on_from_the_last_frame():
    stamps = [1.0, 1.25, 1.5, 0.25, 0.5, 0.5, 0.75, 0.0]
    clock = Clock()
    assert [clock.time(stamp) for stamp in stamps] == [1.0, 1.25, 1.5, 1.75, 2.0, 2.0, 2.25, 2.5]


def test_frames_without_stamps_follow_on_the_last():
    clock, stamps = Clock(), [0.0, 0.25, math.nan, 0.75, math.nan, math.nan]
    assert [clock.time(stamp) for stamp in stamps] == [0.0, 0.25, 0.5, 0.75, 1.0, 1.25]
    assert math.isnan(Clock().time(math.nan))


def test_two_recordings_on_one_file_keep_their_rate_each_from_its_own_beginning():
    first = [round(1000 * number / NTSC[1]) for number in range(60)]
    second = [207 + stamp for stamp in first]
    recordings = recordings_of([(stamp, None) for stamp in first + second], MS, math.inf)
    assert recordings == [first, second]
    numbers = pytest.approx([number / float(NTSC[1]) for number in range(120)], abs=1e-9)
    assert times(first + second, MS, [NTSC[1]], recordings) == numbers


@pytest.mark.parametrize(("jump", "parts"), [(9, 1), (11, 2), (-2, 2)], ids=str)
def test_a_new_recording_begins_where_the_clock_of_decoding_falls_or_jumps(jump, parts):
    later = [(shown + jump, decoded + jump) for shown, decoded in [(5, 3), (7, 4), (6, 5)]]
    packets = [(2, 0), (4, 1), (3, 2), *later]
    assert len(recordings_of(packets, Fraction(1), 10)) == parts


def test_frames_out_of_the_order_of_showing_are_one_recording():
    assert recordings_of([(0, None), (3, None), (1, None), (2, None)], Fraction(1, 10), 1) == [[0, 1, 2, 3]]


@pytest.mark.parametrize("jump", [-7.0, 100.0], ids=str)
def test_a_camera_whose_clock_is_set_anew_goes_on(jump):
    clock = Clock(longest_gap=10)
    stamps = [100 + number / 8 + (jump if number >= 5 else 0) for number in range(10)]
    assert [clock.time(stamp) for stamp in stamps] == [100 + number / 8 for number in range(10)]

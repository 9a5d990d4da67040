"""What all users of a video decide alike: which clips it holds, which frames are looked at, its verdict."""

import math
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from rcn_bench.data.frames import ClipLayout, clips_that_fit, evaluation_starts, too_short
from rcn_bench.data.judge import at_frame_rate, summary
from rcn_bench.data.media.medium import UnreadableVideo

LENGTHS = {"frames": st.integers(1, 400), "span": st.integers(1, 64), "clips": st.integers(1, 12)}


@given(**LENGTHS)
def test_starts_are_distinct_sorted_and_within_the_video(frames, span, clips):
    assume(frames - span >= clips - 1)
    starts = evaluation_starts(frames, span, clips)
    assert len(starts) == clips
    assert starts == sorted(set(starts))
    assert starts[0] >= 0
    assert starts[-1] + span <= frames


@given(**LENGTHS)
def test_clips_of_the_reversed_video_are_the_reversed_clips(frames, span, clips):
    room = frames - span
    assume(room >= clips - 1)
    assume(clips % 2 == 0 or room % 2 == 0)  # else the middle clip would have to start at half a frame
    starts = evaluation_starts(frames, span, clips)
    assert starts == [room - start for start in reversed(starts)]


@given(**LENGTHS)
def test_starts_are_evenly_spread_from_the_first_frame_to_the_last(frames, span, clips):
    assume(clips >= 2)
    assume(frames - span >= clips - 1)
    starts = evaluation_starts(frames, span, clips)
    assert (starts[0], starts[-1] + span) == (0, frames)
    even = (frames - span) / (clips - 1)
    assert all(abs(b - a - even) < 2 for a, b in pairwise(starts))


@given(span=st.integers(1, 64), clips=st.integers(1, 12), data=st.data())
def test_of_too_few_frames_for_that_many_clips_all_that_fit_are_taken(span, clips, data):
    frames = data.draw(st.integers(1, span + clips - 1))
    assert evaluation_starts(frames, span, clips) == list(range(max(frames - span + 1, 0)))


@pytest.mark.parametrize(("frames", "stride", "span"), [(8, 2, 15), (1, 4, 1), (16, 1, 16)])
def test_span_reaches_from_the_first_frame_to_the_last(frames, stride, span):
    assert ClipLayout(frames, stride).span == span


@given(frames=st.integers(0, 100), span=st.integers(1, 64))
def test_a_video_is_too_short_exactly_where_no_clip_can_be_placed(frames, span):
    places = [start for start in range(frames) if start + span <= frames]
    assert clips_that_fit(frames, span) == len(places)
    assert (too_short(frames, span) is None) == bool(places)


@given(frames=st.integers(1, 100), clip=st.integers(1, 20), stride=st.integers(1, 5))
def test_a_clip_fits_where_every_stride_th_frame_makes_one(frames, clip, stride):
    """As online accuracy takes frames."""
    assert bool(clips_that_fit(frames, ClipLayout(clip, stride).span)) == (len(range(0, frames, stride)) >= clip)


@given(gaps=st.lists(st.floats(0.001, 0.5), max_size=20), start=st.floats(-1, 5), rate=st.floats(1, 60))
def test_at_a_frame_rate_every_tick_shows_the_frame_on_the_screen(gaps, start, rate):
    times = (start + np.cumsum([0, *gaps])).tolist()
    shown = list(at_frame_rate(zip(times, range(len(times)), strict=True), rate))
    ticks = [at for at, _ in shown]
    assert ticks == [start + tick / rate for tick in range(len(ticks))]
    assert times[-1] - 1 / rate - 1e-3 <= ticks[-1] <= times[-1] + 1e-3
    for at, index in shown:
        assert times[index] <= at + 1e-3
        assert index == len(times) - 1 or at < times[index + 1]


@pytest.mark.parametrize(("times", "reason"), [([0, 1, 1000], "jump from 1 to 1000 s"), ([math.nan], "no time stamps")])
def test_times_that_make_no_sense_are_refused(times, reason):
    with pytest.raises(UnreadableVideo, match=reason):
        list(at_frame_rate(zip(times, range(3), strict=False), 6))


@pytest.mark.parametrize("last", [-3.0, math.nan], ids=str)
def test_where_times_fall_or_are_missing_every_frame_is_shown_once(last):
    """Of any medium, such as a camera whose clock starts anew."""
    times = [0.0, 0.25, 0.5, 0.0, 0.25, last]
    assert [shown for _, shown in at_frame_rate(zip(times, range(6), strict=True), 4)] == list(range(6))


def test_no_frames_stay_none_at_any_rate():
    assert list(at_frame_rate([], 10)) == []


def test_the_summary_counts_verdicts():
    assert summary(Counter(["missing", "ok", "ok"])) == "2 ok, 1 missing"

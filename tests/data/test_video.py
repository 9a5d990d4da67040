"""Videos frame by frame as they are decoded, the way that a stream takes them."""

import itertools
import math
from itertools import pairwise

import av
import numpy as np
import pytest
from broken import number_of, uneven_times
from hypothesis import given
from hypothesis import strategies as st

from rcn_bench.data.video import UnreadableVideo, at_frame_rate, decode, frames_in_order, write_lossless


@pytest.fixture
def video(tmp_path):
    path = tmp_path / "video.mp4"
    write_lossless(path, np.random.default_rng(0).integers(0, 256, (7, 12, 16)).astype(np.uint8), 8)
    return path


@pytest.mark.parametrize("short_side", [None, 6])
def test_frames_in_order_are_those_of_the_whole_video(video, short_side):
    times, frames = zip(*frames_in_order(video, short_side), strict=True)
    assert np.array_equal(np.stack(frames), decode(video, short_side))
    assert times == tuple(index / 8 for index in range(7))


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


def test_no_frames_stay_none_at_any_rate():
    assert list(at_frame_rate([], 10)) == []


@pytest.mark.parametrize(
    ("rate", "numbers"), [(8, range(7)), (4, [0, 2, 4, 6]), (16, [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6])]
)
def test_a_file_is_decoded_at_a_frame_rate(video, rate, numbers):
    assert np.array_equal(decode(video, frame_rate=rate), decode(video)[list(numbers)])


def test_uneven_times_come_out_even(tmp_path):
    uneven_times(tmp_path / "uneven.mp4")
    with av.open(str(tmp_path / "uneven.mp4")) as file:
        times = [float(frame.time) for frame in file.decode(video=0)]
    assert len({round(b - a, 3) for a, b in pairwise(times)}) > 1
    shown = [number_of(image) for image in decode(tmp_path / "uneven.mp4", frame_rate=6)]
    expected = [max(i for i, at in enumerate(times) if at <= times[0] + tick / 6 + 1e-3) for tick in range(len(shown))]
    assert shown == expected
    assert len(shown) == int((times[-1] - times[0]) * 6 + 1e-3) + 1


def test_a_path_may_be_text(video):
    assert len(list(frames_in_order(str(video)))) == 7


def test_a_reader_may_stop_early(video):
    frames = [frame for _, frame in itertools.islice(frames_in_order(video), 3)]
    assert np.array_equal(np.stack(frames), decode(video)[:3])


@pytest.mark.parametrize(
    ("source", "reason"),
    [("missing.mp4", "No such file or directory"), ("97", "camera /dev/video97, No such file or directory")],
    ids=["file", "camera"],
)
def test_a_source_that_is_not_there_is_refused(source, reason, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UnreadableVideo, match=rf"^{reason}$"):
        list(frames_in_order(source))


@pytest.mark.parametrize("content", [b"", b"not a video"], ids=repr)
def test_a_file_that_is_no_video_is_refused(tmp_path, content):
    path = tmp_path / "broken.mp4"
    path.write_bytes(content)
    with pytest.raises(UnreadableVideo) as error:
        list(frames_in_order(path))
    assert str(path) not in str(error.value)

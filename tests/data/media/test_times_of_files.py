"""Frames of files on clocks of every kind: each once, in order, and at a frame rate those that are on the screen."""

import math
from fractions import Fraction
from itertools import accumulate

import halves
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from packed import write_packed_avi
from timed import NTSC, copied, joined, shown_at, times_and_numbers, write_at

from rcn_bench.data.examine import decode, examine
from rcn_bench.data.judge import at_frame_rate
from rcn_bench.data.media.medium import UnreadableVideo

TARGETS = (*range(10, 31), Fraction(25, 2), *NTSC[:2])
MS = Fraction(1, 1000)


def numbers_at(path, target):
    return [number for _, number in at_frame_rate(times_and_numbers(path), float(target))]


def require_every_rate(path, rate, frames=48):
    shown = times_and_numbers(path)
    assert [number for _, number in shown] == list(range(frames))
    for target in TARGETS:
        numbers = [number for _, number in at_frame_rate(shown, float(target))]
        assert numbers == shown_at(rate, target, frames), (path.name, rate, target)


@pytest.mark.slow
@settings(max_examples=2)
@example(rate=12)
@example(rate=NTSC[0])
@example(rate=NTSC[1])
@example(rate=NTSC[2])
@given(rate=st.integers(13, 60))
def test_the_same_pictures_give_the_same_frames_in_every_container(tmp_path_factory, rate):
    folder = tmp_path_factory.mktemp("rate")
    for suffix in (".mp4", ".mkv", ".webm", ".flv", ".ts", ".avi"):
        require_every_rate(write_at(folder / f"a{suffix}", rate), rate)


@pytest.mark.parametrize(
    ("name", "rate"), [("a.wmv", 30), ("a.gif", 30), ("a.gif", 12), ("a.vob", NTSC[0]), ("a.nut", 24)]
)
def test_and_in_rarer_ones(tmp_path, name, rate):
    require_every_rate(write_at(tmp_path / name, rate), rate)


@pytest.mark.parametrize("rate", [12, 15, NTSC[2]], ids=str)
def test_delays_of_apng_whose_rounding_adds_up(tmp_path, rate):
    require_every_rate(write_at(tmp_path / "a.apng", rate), rate)


@pytest.mark.parametrize("name", ["a.mjpeg", "a.h264"])
def test_a_bare_stream_that_does_not_say_its_rate_has_no_times(tmp_path, name):
    path = halves.write(tmp_path / name)
    assert examine(path).seconds == 0
    with pytest.raises(UnreadableVideo, match=r"^no time stamps$"):
        decode(path, frame_rate=10)


def test_a_frame_rate_of_milliseconds_is_decoded(tmp_path):
    path = write_at(tmp_path / "a.webm", 30)
    np.testing.assert_array_equal(decode(path, frame_rate=15), decode(path)[::2])


def test_quicktime_that_ticks_600_times_a_second(tmp_path):
    path = write_at(tmp_path / "a.mov", NTSC[1], 90, video_track_timescale="600")
    require_every_rate(path, NTSC[1], 90)


def test_an_mp4_copied_from_an_flv(tmp_path):
    require_every_rate(copied(write_at(tmp_path / "a.flv", 24), tmp_path / "a.mp4"), 24)


@pytest.mark.parametrize("rate", [12, NTSC[0], NTSC[2]], ids=str)
def test_a_clock_that_cuts_off(tmp_path, rate):
    def cut_off(number, packet):
        packet.pts = packet.dts = math.floor(1000 * number / Fraction(rate))

    source = write_at(tmp_path / "source.webm", rate)
    require_every_rate(copied(source, tmp_path / "a.webm", cut_off), rate)


@pytest.mark.parametrize("suffix", [".webm", ".mkv", ".mp4", ".flv"])
def test_lost_frames_leave_gaps(tmp_path, suffix):
    there = [number for number in range(60) if number % 7 != 3]
    path = write_at(tmp_path / f"a{suffix}", 30, len(there), at=there)
    wanted = [max(i for i, number in enumerate(there) if number <= tick) for tick in range(0, 60, 2)]
    assert numbers_at(path, 15) == wanted


@pytest.mark.parametrize("suffix", [".webm", ".mkv", ".mp4"])
def test_variable_rates_follow_their_stamps(tmp_path, suffix):
    gaps = np.random.default_rng(0).integers(18, 90, 39).tolist()
    stamps = [0, *accumulate(gaps)]
    path = write_at(tmp_path / f"a{suffix}", 30, 40, at=stamps, tick=MS)
    for target in (10, 15, 25, 30):
        ticks = int(stamps[-1] * target / 1000) + 1
        moments = [1000 * tick / target + 0.5 for tick in range(ticks)]
        assert numbers_at(path, target)[:ticks] == [sum(at <= moment for at in stamps) - 1 for moment in moments]


# Clocks that fall


@pytest.mark.parametrize("codec_options", [{}, {"bf": "0"}], ids=["B-frames", "none"])
@pytest.mark.parametrize("codec", ["libx264", "mpeg4"])
def test_avi_knows_no_times_of_showing(tmp_path, codec, codec_options):
    codec_options = codec_options or {"bf": "2"}
    require_every_rate(write_at(tmp_path / "a.avi", 25, codec=codec, codec_options=codec_options), 25)


def test_packed_b_frames_as_of_ucf101(tmp_path):
    require_every_rate(write_packed_avi(tmp_path / "a.avi", 48), 25)


def test_an_mp4_whose_writer_forgot_that_frames_are_reordered(tmp_path):
    def forget(number, packet):
        packet.pts = packet.dts = number * round(1 / (24 * packet.time_base))

    require_every_rate(copied(write_at(tmp_path / "source.mp4", 24), tmp_path / "a.mp4", forget), 24)


@pytest.mark.parametrize("codec", ["mpeg4", "libx264"])
def test_chunks_of_avi_that_are_left_empty_count(tmp_path, codec):
    there = [number for number in range(40) if number % 5 != 2]
    path = write_at(tmp_path / "a.avi", 25, len(there), codec=codec, codec_options={"bf": "0"}, at=there)
    wanted = [max(i for i, number in enumerate(there) if number <= tick) for tick in range(40)]
    assert numbers_at(path, 25) == wanted


@pytest.mark.parametrize("suffix", [".ts", ".vob", ".mkv", ".webm"])
def test_joined_recordings_go_on(tmp_path, suffix):
    parts = [write_at(tmp_path / f"{i}{suffix}", 25, 40) for i in range(2)]
    path = joined(tmp_path / f"both{suffix}", *parts)
    assert examine(path).frames == 80
    assert numbers_at(path, 25) == [*range(40), *range(40)]
    times = [time for time, _ in times_and_numbers(path)]
    assert np.diff(times) == pytest.approx(np.full(79, 1 / 25), abs=1e-9)


@pytest.mark.parametrize(
    ("suffix", "codec"),
    [(".mp4", "mpeg4"), (".mov", "mpeg4"), (".flv", "flv1"), (".wmv", "wmv2"), (".avi", "mpeg4"), (".gif", "gif")],
)
def test_of_joined_recordings_both_are_read_or_a_line_says_that_one_is_not(tmp_path, suffix, codec):
    parts = [write_at(tmp_path / f"{i}{suffix}", 25, 40, codec=codec) for i in range(2)]
    assert [examine(part).frames for part in parts] == [40, 40]
    path, second = joined(tmp_path / f"both{suffix}", *parts), parts[0].stat().st_size
    found = examine(path)
    if found.decoding in ("ok", "warnings"):
        assert found.frames == 80
    else:
        told = f"another file is joined to it at byte {second:,}, which is not read; split them there"
        assert (found.decoding, found.detail) == ("truncated", told)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)], ids=["jump", "fall"])
def test_joined_recordings_with_clocks_far_apart_go_on(tmp_path, order):
    parts = [write_at(tmp_path / f"{i}.ts", 12, 20, at=[12_000 * i + number for number in range(20)]) for i in range(2)]
    path = joined(tmp_path / "both.ts", *(parts[i] for i in order))
    assert numbers_at(path, 12) == [*range(20), *range(20)]


def test_joined_recordings_of_different_rates_go_on(tmp_path):
    path = joined(tmp_path / "a.ts", write_at(tmp_path / "0.ts", 30, 30), write_at(tmp_path / "1.ts", 15, 30))
    assert numbers_at(path, 15) == [*range(0, 30, 2), *range(30)]


def test_a_torn_packet_where_files_were_joined_is_no_end_but_at_the_end_it_is(tmp_path):
    parts = [write_at(tmp_path / f"{i}.ts", 12, 40) for i in range(2)]
    parts[1].write_bytes(counted_from(5 + parts[0].read_bytes()[-188 + 3], parts[1].read_bytes()))
    path = joined(tmp_path / "a.ts", *parts)
    assert (examine(path).decoding, examine(path).frames) == ("warnings", 80)
    path.write_bytes(write_at(tmp_path / "whole.ts", 12, 40, omit_video_pes_length="0").read_bytes()[: -2 * 188])
    with pytest.raises(UnreadableVideo, match="truncated"):
        decode(path)


def counted_from(first, content):
    """A transport stream whose packets of pictures are counted from another number on."""
    packets = np.frombuffer(content, np.uint8).reshape(-1, 188).copy()
    pictures = (packets[:, 1] % 32 == 1) & (packets[:, 2] == 0)
    packets[pictures, 3] = packets[pictures, 3] // 16 * 16 + (packets[pictures, 3] + first) % 16
    return packets.tobytes()


def test_a_jump_in_a_file_whose_clock_cannot_start_anew_is_refused(tmp_path):
    path = write_at(tmp_path / "a.mkv", 10, 20, at=[number + (10_000 if number > 9 else 0) for number in range(20)])
    with pytest.raises(UnreadableVideo, match="time stamps jump from 1 to 1001 s"):
        decode(path, frame_rate=10)

"""What a file says of its length is asked: half a file is told apart from a whole one that ends oddly."""

import re

import numpy as np
import pytest
from broken import number_of
from halves import HALVES, WHOLE, cut_between_fragments, scarcely_coded, write
from timed import copied, frames_in_order, write_at

from rcn_bench.data.examine import decode, examine
from rcn_bench.data.media.medium import UnreadableVideo


@pytest.mark.parametrize("name", HALVES)
def test_a_file_that_claims_more_than_is_in_it_is_truncated(tmp_path, name):
    make, said = HALVES[name]
    make(tmp_path / name)
    found = examine(str(tmp_path / name))
    assert found.decoding == "truncated"
    assert re.fullmatch(said, found.detail), found.detail
    with pytest.raises(UnreadableVideo, match=said):
        decode(tmp_path / name)


@pytest.mark.parametrize("name", WHOLE)
def test_a_file_that_ends_oddly_is_whole(tmp_path, name):
    make, frames = WHOLE[name]
    make(tmp_path / name)
    found = examine(str(tmp_path / name))
    assert (found.decoding, found.detail, found.frames) == ("ok", "", frames)
    assert [number_of(image) for image in decode(tmp_path / name)] == list(range(frames))


def test_the_frames_of_half_a_file_come_before_the_reason(tmp_path):
    numbers = []
    with pytest.raises(UnreadableVideo, match=r"^truncated \(the fragments at its end are missing\)$"):  # noqa: PT012
        for _, image in frames_in_order(cut_between_fragments(tmp_path / "a.mp4")):
            numbers.append(number_of(image))
    assert numbers == list(range(36))


@pytest.mark.parametrize(
    ("frames", "sound", "verdict"),
    [(60, 5.5, "ok"), (60, 5.8, "truncated"), (240, 20.9, "ok"), (240, 21.2, "truncated")],
)
def test_sound_may_go_on_for_a_moment(tmp_path, frames, sound, verdict):
    assert examine(str(write(tmp_path / "a.mkv", frames, sound=sound))).decoding == verdict


@pytest.mark.parametrize("content", [b"\0\0\0\x10moof", b"\0\0\0\x01moof\0\0\0\0", b"\0\0\0\0sidx\1\0", b"\xff" * 40])
def test_boxes_that_make_no_sense_say_nothing(tmp_path, content):
    whole = write(tmp_path / "a.mp4").read_bytes()
    (tmp_path / "a.mp4").write_bytes(whole + content)
    found = examine(str(tmp_path / "a.mp4"))
    assert found.decoding in ("ok", "warnings")  # FFmpeg's, of some
    assert found.frames == 60


@pytest.mark.parametrize(("frames", "seconds"), [(60, 5.0), (1, 0.0)])
def test_a_finding_says_for_how_long_its_frames_are_shown(tmp_path, frames, seconds):
    assert examine(str(write(tmp_path / "a.mp4", frames))).seconds == seconds


def test_a_length_that_ffmpeg_reckons_from_the_rate_of_bits_is_no_claim(tmp_path):
    found = examine(scarcely_coded(tmp_path / "a.m1v"))
    assert (found.decoding, found.detail, found.frames) == ("warnings", found.detail, 40)
    assert "Estimating duration from bitrate" in found.detail


@pytest.mark.parametrize("back", [30_000, 90_000])
def test_a_clock_that_overflows_on_the_way_is_no_half_file(tmp_path, back):
    def late(number, packet):
        packet.pts += 2**33 - back
        packet.dts += 2**33 - back

    path = copied(write_at(tmp_path / "source.ts", 30, 40), tmp_path / "a.ts", late)
    assert (examine(path).decoding, examine(path).frames) == ("ok", 40)
    np.testing.assert_array_equal(decode(path, frame_rate=15), decode(path)[::2])

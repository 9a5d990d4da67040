"""A video decoded once: as a whole, at a frame rate, or frame by frame as a stream takes it."""

import itertools
from itertools import pairwise

import av
import numpy as np
import pytest
from broken import KINDS, number_of, uneven_times
from timed import frames_in_order

from rcn_bench.data.examine import decode, examine
from rcn_bench.data.judge import Judge
from rcn_bench.data.media.files import write_lossless
from rcn_bench.data.media.medium import UnreadableVideo


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


@pytest.mark.parametrize(
    "name", [name for name, (_, verdict, _) in KINDS.items() if verdict not in ("ok", "too short")]
)
def test_what_the_check_would_not_let_be_used_is_not_decoded_either(tmp_path, name):
    make, verdict, _ = KINDS[name]
    make(tmp_path / name)
    found = examine(str(tmp_path / name))
    with pytest.raises(UnreadableVideo) as error:
        decode(tmp_path / name)
    assert (error.value.decoding, error.value.detail) == (verdict, found.detail)
    assert str(error.value) == (found.detail if verdict == "unreadable" else Judge()(found).reason)


@pytest.mark.parametrize("name", ["cut_in_the_middle.mp4", "cut.mkv"])
def test_frames_of_a_file_that_is_cut_off_come_before_the_reason(tmp_path, name):
    KINDS[name][0](tmp_path / name)
    frames = frames_in_order(tmp_path / name)
    shown = 0
    with pytest.raises(UnreadableVideo, match=r"^truncated \("):  # noqa: PT012
        for _ in frames:
            shown += 1
    assert shown == examine(str(tmp_path / name)).frames > 10

"""Videos frame by frame as they are decoded, the way that a stream takes them."""

import itertools

import numpy as np
import pytest

from rcn_bench.data.video import UnreadableVideo, decode, frames_in_order, write_lossless


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

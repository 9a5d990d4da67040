"""Is a file a video? By what is in it, not by its name."""

import os
from contextlib import contextmanager
from threading import Thread

import pytest
from broken import number_of
from lookalikes import BAD, LISTS, NOT_VIDEOS, VIDEOS

from rcn_bench.data.examine import decode, examine
from rcn_bench.data.media.medium import UnreadableVideo


@pytest.mark.parametrize("name", NOT_VIDEOS)
def test_what_lies_beside_videos_is_none(tmp_path, name):
    NOT_VIDEOS[name](tmp_path / name)
    found = examine(str(tmp_path / name))
    assert found.decoding == "not a video"
    assert found.detail
    with pytest.raises(UnreadableVideo, match=r"^not a video \("):
        decode(tmp_path / name)


@contextmanager
def watched(path):
    """A pipe in place of a file; and the list of who has opened it, to whom it is empty."""
    path.unlink()
    os.mkfifo(path)
    readers = []

    def serve():
        with path.open("wb"):  # waits for a reader
            readers.append(path)

    server = Thread(target=serve)
    server.start()
    yield readers
    with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK)):
        server.join()


@pytest.mark.parametrize("name", LISTS)
def test_lists_are_not_followed(tmp_path, name):
    LISTS[name](tmp_path / name)
    found = examine(str(tmp_path / name))
    assert (found.decoding, found.frames) == ("not a video", 0)
    for video in tmp_path.glob("*.seg.ts"):
        assert examine(str(video)).decoding == "ok"
        with watched(video) as readers:
            assert examine(str(tmp_path / name)).decoding == "not a video"
            assert readers == []


def test_who_opens_a_watched_file_is_seen(tmp_path):
    (tmp_path / "a.ts").touch()
    with watched(tmp_path / "a.ts") as readers:
        (tmp_path / "a.ts").read_bytes()
        assert len(readers) == 1


@pytest.mark.parametrize("name", VIDEOS)
def test_a_video_is_one_whatever_its_name(tmp_path, name):
    make, frames = VIDEOS[name]
    make(tmp_path / name)
    found = examine(str(tmp_path / name))
    assert found.decoding in ("ok", "warnings")
    assert [number_of(image) for image in decode(tmp_path / name)] == list(range(frames))


@pytest.mark.parametrize("name", BAD)
def test_a_broken_download_counts_as_a_bad_video(tmp_path, name):
    make, verdict = BAD[name]
    make(tmp_path / name)
    assert examine(str(tmp_path / name)).decoding == verdict

"""Videos as they are stored: found to be what the check finds."""

import os

import numpy as np
import pytest
from broken import KINDS

from rcn_bench.data.cache import writing
from rcn_bench.data.cache.shard import Storage
from rcn_bench.data.cache.writing import examine_and_store
from rcn_bench.data.examine import examine
from rcn_bench.data.media.files import write_lossless


@pytest.mark.parametrize("name", KINDS)
def test_a_file_that_is_stored_is_found_to_be_what_the_check_finds(tmp_path, name):
    make, _, _ = KINDS[name]
    make(tmp_path / name)
    path = str(tmp_path / name)
    found = examine(path)
    for storage in (Storage(), Storage(short_side=32, jpeg_quality=90)):
        finding, stored = examine_and_store(path, storage)
        assert finding == found
        assert (stored is not None) == (finding.decoding in ("ok", "warnings"))


def test_videos_without_a_usable_clock_are_skipped_where_a_rate_is_asked_for(folder, monkeypatch):
    monkeypatch.setattr("rcn_bench.data.media.files.time_of", lambda frame: float("nan"))
    finding, stored = examine_and_store(str(folder.path("a")), Storage(frame_rate=4))
    assert (finding.decoding, finding.detail, stored) == ("unreadable", "no time stamps", None)


def test_an_odd_video_that_cannot_be_stored_is_skipped(tmp_path):
    write_lossless(tmp_path / "wide.mp4", np.zeros((3, 2, 1100), np.uint8), 8)  # scaled, too wide for JPEG
    finding, stored = examine_and_store(str(tmp_path / "wide.mp4"), Storage(short_side=128, jpeg_quality=90))
    assert (finding.decoding, stored) == ("unreadable", None)
    assert finding.detail


def test_memory_that_was_short_once_is_not_held_against_a_video(folder, monkeypatch):
    def refuse(frames, storage):
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr(writing, "_stored", refuse)
        finding, stored = examine_and_store(str(folder.path("a")), Storage())
    assert (finding.decoding, finding.checker, stored) == ("unreadable", "", None)


def test_files_of_1970_are_there(folder):
    os.utime(folder.path("a"), (0, 0))
    assert examine(str(folder.path("a"))).decoding == "ok"
    assert len(folder.build().videos) == 5

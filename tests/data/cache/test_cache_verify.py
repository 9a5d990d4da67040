"""A verification finds what has changed and makes it anew."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from five_videos import LOST, NAMES, change_a_byte, shard_file, silent

from rcn_bench.data.cache import build as building
from rcn_bench.data.cache.build import verify_cache
from rcn_bench.data.cache.index import Cache
from rcn_bench.data.cache.writing import examine_and_store
from rcn_bench.data.examine import crashed, examine
from rcn_bench.data.media import files
from rcn_bench.errors import InputError


@pytest.mark.parametrize("place", [0, 40, -1, -30, -200, -4000])
def test_verify_finds_a_changed_byte_anywhere_and_makes_the_shard_anew(folder, place):
    before = folder.build().fingerprint
    content = folder.shards()
    change_a_byte(shard_file(folder, 1), place)
    lines = []
    verify_cache(folder.source, progress=lines.append)
    assert lines[0].endswith("damaged shard")
    assert folder.shards() == content
    assert Cache(folder.source.index).fingerprint == before
    verify_cache(folder.source, progress=lines.append)
    assert lines[-1].endswith("every shard is as it was written")


def test_verify_can_skip_what_is_damaged(folder):
    before = folder.build()
    frames = before.frames(before.videos[3])
    change_a_byte(shard_file(folder, 1), 40)  # of c, its first video
    verify_cache(folder.source, skip=True, progress=silent)
    cache = Cache(folder.source.index)
    assert [video.id for video in cache.videos] == ["a.mp4", "b.mp4", "d.mp4", "e.mp4"]
    assert [skipped.reason.split(": ")[1] for skipped in cache.skipped] == ["damaged (its stored frames have changed)"]
    assert cache.fingerprint != before.fingerprint
    assert np.array_equal(cache.frames(cache.videos[2]), frames)
    lines = []
    verify_cache(folder.source, progress=lines.append)
    assert lines[-1].endswith("every shard is as it was written")
    assert folder.build().fingerprint == before.fingerprint  # made anew when asked for


@pytest.mark.parametrize("skip", [False, True])
def test_verify_keeps_what_has_not_changed_of_videos_that_are_gone(folder, skip):
    before = folder.build()
    frames = before.frames(before.videos[3])
    for name in NAMES:
        folder.path(name).unlink()
    change_a_byte(shard_file(folder, 1), 40)
    verify_cache(folder.source, skip=skip, progress=silent)
    cache = Cache(folder.source.index)
    assert [video.id for video in cache.videos] == ["a.mp4", "b.mp4", "d.mp4", "e.mp4"]
    assert np.array_equal(cache.frames(cache.videos[2]), frames)
    assert len(folder.shards()) == 3


@pytest.mark.parametrize("changes", [{"max_bad": 0}, {"root": Path("nowhere")}])
def test_verify_that_cannot_mend_leaves_all_as_it_was(folder, changes):
    folder.build()
    folder.path("c").unlink()
    change_a_byte(shard_file(folder, 1), 40)
    damaged, index = folder.shards(), folder.source.index.read_bytes()
    with pytest.raises(InputError, match=r"1 of 5 videos cannot be used|nowhere: no such video folder"):
        verify_cache(replace(folder.source, **changes), progress=silent)
    assert damaged.items() <= folder.shards().items()
    assert folder.source.index.read_bytes() == index


@pytest.mark.parametrize("kind", ["crash", "no access"])
def test_verify_tries_again_what_could_not_be_read(folder, monkeypatch, kind):
    def fail(video, storage):
        if "b.mp4" not in video.path:
            return examine_and_store(video, storage)
        return crashed(video) if kind == "crash" else no_access(video), None

    def no_access(video):
        with monkeypatch.context() as patch:
            patch.setattr(files, "file_hash", lambda path: refuse())
            return examine(video)

    def refuse():
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(building, "examine_and_store", fail)
        cache = folder.build()
        assert [skipped.id for skipped in cache.skipped] == ["b.mp4"]
        assert cache.skipped[0].reason.endswith("(the decoder crashed)" if kind == "crash" else "(Permission denied)")
    assert len(folder.build().videos) == 4  # not at every build, since some files crash every time
    lines = []
    verify_cache(folder.source, progress=lines.append)
    assert lines[0].endswith("has videos that could not be read, b.mp4 first")
    assert len(Cache(folder.source.index).videos) == 5


def test_verify_needs_a_cache(folder):
    with pytest.raises(InputError, match="no cache here"):
        verify_cache(folder.source)


@pytest.mark.parametrize("place", [-200, -1])
def test_skipping_a_shard_whose_index_is_damaged_leaves_its_videos_out(folder, place):
    folder.build()
    change_a_byte(shard_file(folder, 1), place)
    verify_cache(folder.source, skip=True, progress=silent)
    cache = Cache(folder.source.index)
    assert [video.id for video in cache.videos] == ["a.mp4", "b.mp4", "e.mp4"]
    assert all(skipped.reason.endswith("damaged (left out with its damaged shard)") for skipped in cache.skipped)
    assert all(video.shape[0] for video in cache.videos)
    assert len(folder.build().videos) == 5


def test_frames_of_a_row_taken_out_are_not_lost_by_a_verification(folder):
    folder.build()
    folder.path("c").unlink()
    folder.list("abde")
    change_a_byte(shard_file(folder, 1), -4000)  # of d, which is decoded again
    with pytest.raises(InputError, match=LOST):
        verify_cache(folder.source, progress=silent)


def test_verify_reads_shards_that_the_list_no_longer_makes(folder):
    folder.build()
    change_a_byte(shard_file(folder, 2), 40)
    lines = []
    verify_cache(replace(folder.source, shard_videos=5), progress=lines.append)
    assert lines[0].endswith("damaged shard")
    assert len(Cache(folder.source.index).videos) == 5
    assert len(folder.shards()) == 1

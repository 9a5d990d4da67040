"""Frames that no file gives any more are kept."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from five_videos import LOST, NAMES, change_a_byte, shard_file, silent, video

from rcn_bench.data.cache import shard
from rcn_bench.data.cache.build import build_shard, verify_cache
from rcn_bench.data.cache.index import Cache
from rcn_bench.data.cache.shard import DamagedShard, Storage
from rcn_bench.data.examine import decode
from rcn_bench.data.media.files import write_lossless
from rcn_bench.errors import InputError


def test_a_shard_outlives_the_videos_it_was_made_from(folder, made):
    before = folder.build()
    frames = [before.frames(cached) for cached in before.videos]
    made.clear()
    for name in "abd":
        folder.path(name).unlink()
    after = folder.build()
    assert made == []
    assert after.fingerprint == before.fingerprint
    assert all(np.array_equal(after.frames(v), old) for v, old in zip(after.videos, frames, strict=True))


def test_frames_of_a_video_that_is_gone_are_carried_over_when_its_shard_is_made_anew(folder, made):
    before = folder.build()
    frames = before.frames(before.videos[2])
    made.clear()
    folder.path("c").unlink()
    write_lossless(folder.path("d"), video(99, 20), 8)
    after = folder.build()
    assert made == [1]
    assert [video.id for video in after.videos] == [f"{name}.mp4" for name in NAMES]
    assert np.array_equal(after.frames(after.videos[2]), frames)
    assert np.array_equal(after.frames(after.videos[3]), decode(folder.path("d")))
    assert len(folder.shards()) == 3
    made.clear()
    folder.list("eabcd")  # and when a row before it makes it another shard's
    again = folder.build()
    assert made == [0, 1, 2]
    assert np.array_equal(again.frames(again.videos[3]), frames)


def test_a_shard_with_all_that_is_left_of_a_video_is_not_removed(folder):
    before = folder.build()
    old = folder.shards()
    folder.path("c").unlink()

    def refused(**changes):
        with pytest.raises(InputError, match=LOST):
            folder.build(**changes)
        assert old.items() <= folder.shards().items()
        assert Cache(folder.source.index).fingerprint == before.fingerprint

    refused(storage=Storage(short_side=8))
    folder.list("abde")  # its row is gone, too
    refused()
    folder.source.folder.joinpath(list(old)[1]).unlink()  # as the message says
    assert [video.id for video in folder.build().videos] == ["a.mp4", "b.mp4", "d.mp4", "e.mp4"]


def test_a_video_deleted_from_a_folder_of_classes_is_not_lost(folder):
    for name in NAMES:
        target = folder.videos / "classes" / "ud"[ord(name) % 2] / f"{name}.mp4"
        target.parent.mkdir(parents=True, exist_ok=True)
        folder.path(name).rename(target)
    folder.build(annotations=folder.videos / "classes")
    target.unlink()
    with pytest.raises(InputError, match="would lose frames of 1 videos"):
        folder.build(annotations=folder.videos / "classes")


def test_frames_are_copied_from_the_newest_shard_that_has_them(folder):
    for seed in range(4):  # shards of one number are told apart by checksums, which come in any order
        write_lossless(folder.path("c"), video(100 + seed, 6), 8)
        frames = decode(folder.path("c"))
        folder.path("e").write_bytes(b"")
        with pytest.raises(InputError):
            folder.build(max_bad=0)  # what it has made lies there
    folder.path("c").unlink()
    write_lossless(folder.path("e"), video(5, 9), 8)
    cache = folder.build()
    assert np.array_equal(cache.frames(cache.videos[2]), frames)
    assert len(folder.shards()) == 3


def test_a_video_that_was_missing_for_one_build_gets_its_frames_back(folder):
    before = folder.build()
    frames = before.frames(before.videos[2])
    kept = folder.shards()
    hidden = folder.path("c").rename(folder.root / "c.mp4")
    for name, content in kept.items():
        (folder.source.folder / name).unlink()
        (folder.root / name).write_bytes(content)
    assert len(folder.build().videos) == 4
    for name in kept:  # as if that build had been stopped before it removed them
        (folder.root / name).rename(folder.source.folder / name)
    cache = folder.build()
    assert np.array_equal(cache.frames(cache.videos[2]), frames)
    assert hidden.is_file()


def test_a_file_that_comes_back_broken_does_not_cost_the_frames(folder):
    folder.build()
    folder.path("c").write_text("<html>this video is not available</html>\n" * 20)
    with pytest.raises(InputError, match=LOST):
        folder.build()
    folder.path("c").unlink()
    assert len(folder.build().videos) == 5


def test_a_row_taken_out_since_its_file_is_broken_does_not_cost_the_frames(folder):
    folder.build()
    content = folder.path("c").read_bytes()
    folder.path("c").write_text("<html>this video is not available</html>\n" * 20)
    folder.list("abde")
    with pytest.raises(InputError, match=LOST):
        folder.build()
    folder.path("c").write_bytes(content)  # whatever its time
    assert len(folder.build().videos) == 4
    assert len(folder.shards()) == 2


def zero(path: Path) -> None:
    """As a disk might, which says nothing of it."""
    status = path.stat()
    path.write_bytes(bytes(status.st_size))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


@pytest.mark.parametrize("verify", [False, True])
def test_a_file_that_rots_in_its_place_does_not_cost_the_frames(folder, verify):
    before = folder.build()
    frames = before.frames(before.videos[2])
    zero(folder.path("c"))
    if verify:
        change_a_byte(shard_file(folder, 1), -4000)  # of d
        verify_cache(folder.source, progress=silent)
    else:
        os.utime(folder.path("d"), (1, 1))
        folder.build()
    cache = Cache(folder.source.index)
    assert len(cache.videos) == 5
    assert np.array_equal(cache.frames(cache.videos[2]), frames)
    assert folder.source.report.read_text().count(",ok,") == 10  # verdict and decoding of each


def test_a_copy_that_has_changed_does_not_cost_the_one_that_has_not(folder):
    before = folder.build()
    frames = before.frames(before.videos[2])
    folder.path("c").unlink()
    os.utime(folder.path("d"), (1, 1))
    change_a_byte(build_shard(folder.source, 1, progress=silent), 40)  # waits for its index
    with pytest.raises(DamagedShard, match="--verify"):
        folder.build()
    verify_cache(folder.source, progress=silent)
    cache = Cache(folder.source.index)
    assert np.array_equal(cache.frames(cache.videos[2]), frames)
    assert len(folder.shards()) == 3


def test_a_damaged_index_of_a_shard_is_looked_up_where_its_videos_were(folder):
    folder.build()
    folder.path("c").unlink()
    change_a_byte(shard_file(folder, 1), -200)
    folder.list("eabcd")
    with pytest.raises(InputError, match=LOST):
        folder.build()


def test_a_shard_that_cannot_be_read_for_a_while_is_not_removed(folder, monkeypatch):
    def refuse(*arguments):
        raise TimeoutError(110, "Connection timed out")

    folder.build()
    folder.path("c").unlink()
    os.utime(folder.path("d"), (1, 1))
    with monkeypatch.context() as patch:
        patch.setattr(shard.os, "pread", refuse)
        with pytest.raises(InputError, match=LOST):
            folder.build()
    assert len(folder.build().videos) == 5


def test_all_that_would_be_lost_is_named_at_once(folder):
    folder.build()
    for name in "ace":
        folder.path(name).unlink()
    folder.list("bd")
    with pytest.raises(
        InputError, match=r"frames of 3 videos .* move 0000\d-\w+.shard 0000\d-\w+.shard 0000\d-\w+.shard"
    ):
        folder.build()
    folder.list()
    with pytest.raises(InputError, match=r"frames of 3 videos .* move( 0000\d-\w+.shard){3} elsewhere"):
        build_shard(replace(folder.source, storage=Storage(short_side=8), shard_videos=5), 0)


def test_a_file_that_was_moved_is_not_lost(folder):
    for name in NAMES:
        target = folder.videos / "classes" / "up" / f"{name}.mp4"
        target.parent.mkdir(parents=True, exist_ok=True)
        folder.path(name).rename(target)
    classes = folder.videos / "classes"
    folder.build(annotations=classes)
    (classes / "down").mkdir()
    target.rename(classes / "down" / target.name)
    assert {video.label for video in folder.build(annotations=classes).videos} == {"up", "down"}


def test_a_shard_whose_index_is_damaged_is_not_removed_while_files_of_it_are_gone(folder):
    folder.build()
    folder.path("c").unlink()
    path = shard_file(folder, 1)
    change_a_byte(path, -200)
    for attempt in (folder.build, lambda: verify_cache(folder.source, progress=silent)):
        with pytest.raises(InputError, match=LOST):
            attempt()
        assert path.is_file()
    path.rename(folder.root / "elsewhere.shard")
    assert len(folder.build().videos) == 4


def test_videos_of_unknown_labels_are_carried_over_too(folder):
    folder.build()
    folder.path("d").unlink()
    os.utime(folder.path("c"), (1, 1))
    assert [video.id for video in folder.build(labels={"up"}).videos] == ["a.mp4", "c.mp4", "e.mp4"]
    assert len(folder.build().videos) == 5

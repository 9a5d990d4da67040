"""What a cache holds, and what it says when it is not whole."""

import os
import pickle
from dataclasses import replace

import numpy as np
import pytest
from five_videos import NAMES, Folder, change_a_byte, shard_file
from hypothesis import given
from hypothesis import strategies as st

from rcn_bench.data.cache import index as cache
from rcn_bench.data.cache import shard
from rcn_bench.data.cache.index import Cache, CacheIndex
from rcn_bench.data.cache.shard import DamagedShard, Storage
from rcn_bench.data.examine import decode
from rcn_bench.errors import InputError


def test_it_holds_what_decoding_gives(built):
    folder, cache = built
    assert [video.id for video in cache.videos] == [f"{name}.mp4" for name in NAMES]
    for cached in cache.videos:
        frames = decode(folder.videos / cached.id)
        assert cached.shape == frames.shape
        assert np.array_equal(cache.frames(cached), frames)


@given(number=st.integers(0, 4), start=st.integers(0, 10), stop=st.none() | st.integers(0, 10), step=st.integers(1, 4))
def test_any_range_of_frames_can_be_read_alone(built, number, start, stop, step):
    _, cache = built
    cached = cache.videos[number]
    np.testing.assert_array_equal(cache.frames(cached, start, stop, step), cache.frames(cached)[start:stop:step])


def test_frames_are_the_readers_own(built):
    _, cache = built
    before = cache.frames(cache.videos[0]).copy()
    cache.frames(cache.videos[0])[:] = 0
    assert np.array_equal(cache.frames(cache.videos[0]), before)


@pytest.mark.parametrize(("quality", "difference"), [(95, 4), (30, 16)])
def test_jpeg_keeps_nearly_the_same_frames_in_less_space(folder, quality, difference):
    plain = folder.build()
    sizes = {path: len(content) for path, content in folder.shards().items()}
    frames = [plain.frames(cached).astype(int) for cached in plain.videos]
    small = folder.build(storage=Storage(jpeg_quality=quality))
    assert sum(map(len, folder.shards().values())) < sum(sizes.values())
    for cached, expected in zip(small.videos, frames, strict=True):
        assert cached.shape == expected.shape
        assert np.abs(small.frames(cached) - expected).mean() < difference
        np.testing.assert_array_equal(small.frames(cached, 1, 4, 2), small.frames(cached)[1:4:2])


def test_frames_are_stored_at_the_size_and_rate_asked_for(folder):
    cache = folder.build(storage=Storage(short_side=8, frame_rate=4))
    assert {cached.shape[1:] for cached in cache.videos} == {(8, 12, 3)}
    for cached in cache.videos:
        assert np.array_equal(cache.frames(cached), decode(folder.videos / cached.id, 8, 4))


def test_labels_and_groups_are_those_of_the_list(built):
    _, cache = built
    assert cache.labels == ["down", "up"]
    assert [(video.label, video.group) for video in cache.videos[:2]] == [
        ("up", "group of a"),
        ("down", "group of b"),
    ]


def test_a_worker_process_reads_the_same(built):
    _, cache = built
    cache.frames(cache.videos[0])
    copy = pickle.loads(pickle.dumps(cache))
    for cached in cache.videos:
        assert np.array_equal(copy.frames(cached), cache.frames(cached))


def test_no_more_files_are_held_open_than_allowed(built, monkeypatch):
    folder, _ = built
    monkeypatch.setattr(cache, "OPEN_SHARDS", 1)
    files = len(os.listdir("/proc/self/fd"))
    fresh = Cache(folder.source.index)
    for cached in (*fresh.videos, *fresh.videos):
        assert np.array_equal(fresh.frames(cached), decode(folder.videos / cached.id))
    assert len(os.listdir("/proc/self/fd")) == files + 1


def remove_index(folder: Folder) -> None:
    folder.source.index.unlink()


def cut_index(folder: Folder) -> None:
    folder.source.index.write_text(folder.source.index.read_text()[:50])


def change_index(folder: Folder) -> None:
    text = folder.source.index.read_text()
    assert '"first": [0, 5' in text
    folder.source.index.write_text(text.replace('"first": [0, 5', '"first": [0, 4'))


def empty_index(folder: Folder) -> None:
    folder.source.index.write_text("{}")


def remove_a_shard(folder: Folder) -> None:
    shard_file(folder, 1).unlink()


def cut_a_shard(folder: Folder) -> None:
    path = shard_file(folder, 1)
    path.write_bytes(path.read_bytes()[:-1])


@pytest.mark.parametrize("damage", [remove_index, cut_index, change_index, empty_index, remove_a_shard, cut_a_shard])
def test_what_is_not_whole_is_named_when_it_is_opened(folder, damage):
    folder.build()
    damage(folder)
    with pytest.raises(InputError, match=r"rcn-bench data cache|build it again") as error:
        Cache(folder.source.index)
    assert str(folder.source.index.parent) in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("quality", [None, 90])
def test_a_changed_frame_names_its_shard_when_it_is_read(folder, quality):
    cache = folder.build(storage=Storage(jpeg_quality=quality))
    path = shard_file(folder, 1)
    change_a_byte(path, 40)
    assert cache.frames(cache.videos[0]).any()
    with pytest.raises(DamagedShard, match=f"{path.name}: damaged shard, a frame at byte 0") as error:
        cache.frames(cache.videos[2])
    assert "--verify" in str(error.value)
    assert cache.frames(cache.videos[3]).any()


def test_a_table_that_is_gone_is_named(folder):
    cache = folder.build()
    shard_file(folder, 0).write_bytes(b"short")
    with pytest.raises(DamagedShard, match="its table is not whole"):
        cache.frames(cache.videos[0])


def test_a_table_with_places_that_no_file_has_is_named(folder):
    cache = folder.build()
    index = shard.ShardIndex.read(shard_file(folder, 0))
    change_a_byte(shard_file(folder, 0), index.table_at + 7)
    with pytest.raises(DamagedShard, match="damaged shard"):
        cache.frames(cache.videos[0])


def test_a_zeroed_table_is_damage(folder):
    cache = folder.build()
    path, index = shard_file(folder, 0), shard.ShardIndex.read(shard_file(folder, 0))
    content = bytearray(path.read_bytes())
    content[index.table_at : index.table_at + 16] = bytes(16)
    path.write_bytes(content)
    with pytest.raises(DamagedShard, match="a frame at byte 0 has changed"):
        cache.frames(cache.videos[0])


def test_another_order_of_labels_is_another_fingerprint(built):
    """It numbers the classes."""
    folder, cache = built
    index = CacheIndex.read(folder.source.index)
    assert index.fingerprint == cache.fingerprint
    assert replace(index, labels=index.labels[::-1]).fingerprint != cache.fingerprint

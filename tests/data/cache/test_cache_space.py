"""The room that a cache needs, told before it is taken."""

import os
from dataclasses import replace
from types import SimpleNamespace

import pytest
from five_videos import silent, video

from rcn_bench.data.cache import space
from rcn_bench.data.cache.build import build_cache, build_shard, missing_shards
from rcn_bench.data.cache.index import Cache
from rcn_bench.data.cache.shard import Storage
from rcn_bench.data.cache.space import is_built, need_of
from rcn_bench.data.media.files import write_lossless
from rcn_bench.errors import InputError


def test_the_space_needed_is_told_before_it_is_taken(folder):
    lines = []
    need = need_of(folder.source)
    build_cache(folder.source, progress=lines.append)
    stored = sum(cached.shape[0] * 16 * 24 * 3 for cached in Cache(folder.source.index).videos)
    assert (need.shards, need.bytes) == (3, stored)  # all five are in the sample
    assert need.seconds > 0
    assert lines[0].startswith(f"{folder.source.folder}: shards to make: 3, about {stored / 1000:.1f} kB; free: ")
    assert is_built(folder.source)
    assert not is_built(replace(folder.source, storage=Storage(short_side=8)))


def test_the_space_needed_follows_the_files_sizes(folder, monkeypatch):
    write_lossless(folder.path("a"), video(9, 100), 8)
    monkeypatch.setattr(space, "SAMPLE", 2)  # a and d
    stored = sum(16 * 24 * 3 * frames for frames in (100, 6, 7, 8, 9))
    assert need_of(folder.source).bytes == pytest.approx(stored, rel=0.3)


def test_shards_that_are_there_need_no_space(folder):
    assert missing_shards(folder.source) == [0, 1, 2]
    build_shard(folder.source, 1, progress=silent)
    assert missing_shards(folder.source) == [0, 2]
    os.utime(folder.path("c"), (1, 1))
    assert missing_shards(folder.source) == [0, 1, 2]


def test_too_little_space_is_an_error_before_anything_is_written(folder, monkeypatch):
    monkeypatch.setattr(space, "disk_usage", lambda path: SimpleNamespace(free=1000))
    with pytest.raises(InputError, match=r"about 40\.3 kB; free: 1\.0 kB; make room, .*data\.jpeg_quality"):
        folder.build()
    assert folder.shards() == {}

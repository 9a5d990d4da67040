"""Random histories of videos, lists and shards: a cache holds the right frames, and no last copy is lost."""

import os
import shutil
import tempfile
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from rcn_bench.data.cache.build import build_cache, build_shard, verify_cache
from rcn_bench.data.cache.index import Cache
from rcn_bench.data.cache.shard import DamagedShard, Storage
from rcn_bench.data.cache.source import Source
from rcn_bench.data.cache.stock import entries, shard_files
from rcn_bench.data.media.files import write_lossless
from rcn_bench.errors import InputError

NAMES = "abcde"
names, numbers = st.sampled_from(NAMES), st.integers(0, 10**6)


class Stopped(BaseException):
    pass


def silent(line):
    pass


class Histories(RuleBasedStateMachine):
    """Every video is of one grey of its own, in each of its versions, so that any frame tells where it comes from."""

    def __init__(self):
        super().__init__()
        self.root = Path(tempfile.mkdtemp())
        self.source = Source(
            self.root / "all.csv",
            self.root / "videos",
            self.root / "cache" / "all.json",
            self.root / "check.csv",
            shard_videos=2,
            max_bad=0.99,
        )
        self.source.root.mkdir()
        self.clock, self.listed, self.versions = 0, list(NAMES[:4]), {}
        self.good = dict.fromkeys(NAMES, False)  # whether a file is there that can be decoded
        self.rotten = set()  # those of the same size and time as when they could
        self.stored_once = set()  # names of videos whose frames are in some shard
        for name in NAMES:
            self.replace_video(name)

    def teardown(self):
        shutil.rmtree(self.root)

    def path(self, name):
        return self.source.root / f"{name}.mp4"

    def tick(self, name):
        self.clock += 1
        os.utime(self.path(name), (self.clock, self.clock))

    @rule(name=names)
    def replace_video(self, name):
        version = self.versions[name] = self.versions.get(name, -1) + 1
        grey = 10 + 5 * (NAMES.index(name) + len(NAMES) * (version % 9))
        write_lossless(self.path(name), np.full((3, 16, 16), grey, np.uint8), 8)
        self.tick(name)
        self.good[name] = True
        self.rotten -= {name}

    @rule(name=names)
    def remove_video(self, name):
        self.path(name).unlink(missing_ok=True)
        self.good[name] = False
        self.rotten -= {name}

    @rule(name=names)
    def break_video(self, name):
        self.path(name).write_text("<html>gone</html>" * 20)
        self.tick(name)
        self.good[name] = False
        self.rotten -= {name}

    @rule(name=names)
    def let_video_rot(self, name):
        if self.good[name]:
            time = self.path(name).stat().st_mtime_ns
            self.path(name).write_bytes(bytes(self.path(name).stat().st_size))
            os.utime(self.path(name), ns=(time, time))
            self.good[name] = False
            self.rotten |= {name}

    @rule(listed=st.lists(names, min_size=1, max_size=5, unique=True), shard_videos=st.integers(1, 3))
    def write_list(self, listed, shard_videos):
        self.listed = listed
        self.source = replace(self.source, shard_videos=shard_videos)

    @rule(storage=st.sampled_from([Storage(), Storage(short_side=8)]))
    def store_otherwise(self, storage):
        self.source = replace(self.source, storage=storage)

    def current_source(self):
        """With its list, which a source reads only once."""
        rows = "".join(f"{name}.mp4,{name}\n" for name in self.listed)
        self.source.annotations.write_text(f"path,label\n{rows}")
        return replace(self.source)

    @rule()
    def build(self):
        with suppress(InputError):
            build_cache(self.current_source(), progress=silent)
            self.compare()

    @rule(number=numbers)
    def build_a_shard(self, number):
        source = self.current_source()
        with suppress(InputError):
            build_shard(source, number % len(source.shards), progress=silent)

    @rule(calls=st.integers(0, 8))
    def stop_a_build(self, calls):
        """At one of the moments when something changes on the disk."""
        left = iter(range(calls))

        def stopping(original):
            def call(*arguments, **options):
                if next(left, None) is None:
                    raise Stopped
                return original(*arguments, **options)

            return call

        with pytest.MonkeyPatch.context() as patch, suppress(InputError, Stopped):
            for owner, name in ((os, "replace"), (os, "fsync"), (Path, "unlink")):
                patch.setattr(owner, name, stopping(getattr(owner, name)))
            build_cache(self.current_source(), progress=silent)

    @rule(shard=numbers, place=numbers, skip=st.booleans())
    def damage_and_verify(self, shard, place, skip):
        shards = shard_files(self.source)
        if not shards or not self.source.index.is_file():
            return
        path = shards[shard % len(shards)]
        content, time = bytearray(path.read_bytes()), path.stat().st_mtime_ns
        content[place % len(content)] ^= 1
        path.write_bytes(content)
        os.utime(path, ns=(time, time))
        self.stored_once = self.intact()  # what this damage took is gone
        with suppress(InputError):
            verify_cache(self.current_source(), skip=skip, progress=silent)
            self.compare()

    def intact(self):
        found = set()
        for shard in shard_files(self.source):
            with suppress(DamagedShard):
                found |= {
                    one.entry["id"][0] for one in entries(shard, self.source) if one.has_frames and one.is_intact()
                }
        return found

    def compare(self):
        """Each video of the cache with what its file, or one before it, shows."""
        cache = Cache(self.source.index)
        for video in cache.videos:
            name = video.id[0]
            assert video.label == name
            (shown,) = set(np.unique((cache.frames(video) + 2) // 5 * 5).tolist())
            greys = {10 + 5 * (NAMES.index(name) + len(NAMES) * (v % 9)) for v in range(self.versions[name] + 1)}
            assert shown in greys

    @invariant()
    def nothing_is_lost(self):
        intact = self.intact()
        lost = {name for name in self.stored_once - intact if not self.good[name]}
        assert not lost - (self.rotten - set(self.listed))  # files that are not listed are not read
        self.stored_once = intact


Histories.TestCase.settings = settings(max_examples=12, stateful_step_count=12)
test_histories = Histories.TestCase

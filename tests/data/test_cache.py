"""The cache: what it holds, what it keeps when something changes, and what it says when something is wrong."""

import os
import pickle
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import yaml
from broken import KINDS
from hypothesis import given, settings
from hypothesis import strategies as st

from rcn_bench import cli
from rcn_bench.data import building, cache, check, shard, space, stock
from rcn_bench.data.annotations import read_annotations, video_path
from rcn_bench.data.building import build_cache, build_shard, missing_shards, verify_cache
from rcn_bench.data.cache import Cache, Skipped
from rcn_bench.data.check import examine, read_report
from rcn_bench.data.shard import DamagedShard, Storage, examine_and_store
from rcn_bench.data.source import Source
from rcn_bench.data.space import is_built, need_of
from rcn_bench.data.video import decode, write_lossless
from rcn_bench.errors import InputError
from rcn_bench.files import locked

REPOSITORY = Path(__file__).parents[2]
NAMES = "abcde"
LOST = r"would lose frames of 1 videos .*the first is c\.mp4; .* move 00001-\w+\.shard elsewhere"


def silent(line: str) -> None:
    pass


def video(seed: int, frames: int, height: int = 16, width: int = 24) -> np.ndarray:
    """Coarse noise, which JPEG keeps nearly as it is."""
    coarse = np.random.default_rng(seed).integers(0, 256, (frames, height // 8, width // 8))
    return np.kron(coarse, np.ones((1, 8, 8))).astype(np.uint8)


class Folder:
    """Five videos, of 5 to 9 frames, in shards of two, labelled up, down, up, down, up."""

    def __init__(self, root: Path) -> None:
        self.root, self.videos = root, root / "videos"
        self.videos.mkdir()
        for seed, name in enumerate(NAMES):
            write_lossless(self.path(name), video(seed, 5 + seed), 8)
        self.list()
        self.source = Source(
            root / "all.csv", self.videos, root / "cache" / "all.json", root / "check.csv", max_bad=0.8
        )
        self.source = replace(self.source, shard_videos=2)

    def list(self, names: str = NAMES, **changes: str) -> None:
        """Write the list of videos. changes: other labels, by name."""
        labels = {name: "up" if i % 2 == 0 else "down" for i, name in enumerate(NAMES)} | changes
        rows = "".join(f"{name}.mp4,{labels[name]},group of {name}\n" for name in names)
        (self.root / "all.csv").write_text(f"path,label,group\n{rows}")

    def path(self, name: str) -> Path:
        return self.videos / f"{name}.mp4"

    def build(self, **changes) -> Cache:
        build_cache(replace(self.source, **changes), progress=silent)
        return Cache(self.source.index)

    def shards(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in sorted(self.source.folder.glob("*.shard"))}


@pytest.fixture
def folder(tmp_path):
    return Folder(tmp_path)


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A cache that no test changes."""
    folder = Folder(tmp_path_factory.mktemp("built"))
    return folder, folder.build()


# What it holds


def test_it_holds_what_decoding_gives(built):
    folder, cache = built
    assert [video.id for video in cache.videos] == [f"{name}.mp4" for name in NAMES]
    for cached in cache.videos:
        frames = decode(folder.videos / cached.id)
        assert cached.shape == frames.shape
        assert np.array_equal(cache.frames(cached), frames)


@given(number=st.integers(0, 4), start=st.integers(0, 10), stop=st.none() | st.integers(0, 10), step=st.integers(1, 4))
@settings(deadline=None)
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
    monkeypatch.setattr("rcn_bench.data.check.time_of", lambda frame: float("nan"))
    finding, stored = examine_and_store(str(folder.path("a")), Storage(frame_rate=4))
    assert (finding.decoding, finding.detail, stored) == ("unreadable", "no time stamps", None)


# What is skipped


def test_missing_and_bad_videos_are_skipped_and_listed(folder):
    folder.path("b").unlink()
    folder.path("c").write_text("<html>this video is not available</html>\n" * 20)
    cache = folder.build()
    assert [video.id for video in cache.videos] == ["a.mp4", "d.mp4", "e.mp4"]
    assert cache.skipped[0] == Skipped("b.mp4", f"{folder.path('b')}: missing")
    assert cache.skipped[1].reason.startswith(f"{folder.path('c')}: unreadable (")
    for cached in cache.videos:
        assert np.array_equal(cache.frames(cached), decode(folder.videos / cached.id))
    report = read_report(folder.source.report)
    assert [(one.id, one.verdict) for one in report.values()] == [
        ("a.mp4", "ok"),
        ("b.mp4", "missing"),
        ("c.mp4", "unreadable"),
        ("d.mp4", "ok"),
        ("e.mp4", "ok"),
    ]


def test_videos_of_labels_that_are_not_known_are_skipped(folder):
    cache = folder.build(labels={"up"})
    assert [video.id for video in cache.videos] == ["a.mp4", "c.mp4", "e.mp4"]
    assert [skipped.reason.split(": ")[1] for skipped in cache.skipped] == ["unknown label (down)"] * 2
    assert cache.labels == ["down", "up"]


def test_more_bad_videos_than_allowed_are_an_error_that_names_the_first(folder):
    for name in "bc":
        folder.path(name).write_bytes(b"")
    with pytest.raises(InputError, match=r"2 of 5 videos cannot be used, more than data\.max_bad = 0\.2") as error:
        folder.build(max_bad=0.2)
    assert f"{folder.path('b')}: empty" in str(error.value)
    assert "\n" not in str(error.value)
    assert [one.verdict for one in read_report(folder.source.report).values()].count("empty") == 2


def test_no_usable_video_at_all_is_an_error(folder):
    for name in NAMES:
        folder.path(name).unlink()
    with pytest.raises(InputError, match="none of its videos can be used"):
        folder.build(max_bad=1)


def test_a_missing_folder_of_videos_is_named(folder):
    with pytest.raises(InputError, match="nowhere: no such video folder"):
        folder.build(root=folder.root / "nowhere")


def kill_if_bad(path: str, storage: Storage):
    if path.endswith(("b.mp4", "d.mp4")):
        os.kill(os.getpid(), signal.SIGSEGV)
    return examine_and_store(path, storage)


def test_videos_that_crash_the_decoder_are_skipped(folder, monkeypatch):
    monkeypatch.setattr(building, "examine_and_store", kill_if_bad)
    build_cache(folder.source, workers=2, progress=silent)
    cache = Cache(folder.source.index)
    assert [video.id for video in cache.videos] == ["a.mp4", "c.mp4", "e.mp4"]
    assert [skipped.reason.split(": ")[1] for skipped in cache.skipped] == ["crash (the decoder crashed)"] * 2


# What is kept, and what is made anew


def test_the_same_build_twice_gives_the_same_bytes(folder, tmp_path_factory):
    folder.build()
    other = Folder(tmp_path_factory.mktemp("other"))
    for name in NAMES:  # their time of change is a part of the index
        stamp = folder.path(name).stat()
        os.utime(other.path(name), ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    other.build()
    assert other.shards() == folder.shards()
    assert Cache(other.source.index).fingerprint == Cache(folder.source.index).fingerprint


@pytest.fixture
def made(monkeypatch):
    """Numbers of the shards that are written."""
    numbers, write = [], building._write_shard
    monkeypatch.setattr(building, "_write_shard", lambda source, n, *rest: numbers.append(n) or write(source, n, *rest))
    return numbers


def test_nothing_is_made_anew_when_nothing_has_changed(folder, made):
    before = folder.build().fingerprint
    made.clear()
    assert folder.build().fingerprint == before
    assert made == []


def test_a_changed_video_makes_its_shard_anew_and_no_other(folder, made):
    before = folder.build().fingerprint
    old = set(folder.shards())
    made.clear()
    write_lossless(folder.path("d"), video(99, 20), 8)
    cache = folder.build()
    assert made == [1]
    assert cache.fingerprint != before
    assert np.array_equal(cache.frames(cache.videos[3]), decode(folder.path("d")))
    assert len(set(folder.shards()) & old) == 2
    assert len(folder.shards()) == 3  # that of before is gone


def test_more_videos_at_the_end_of_the_list_make_only_the_last_shard_anew(folder, made):
    folder.list("abcd")
    folder.build()
    made.clear()
    folder.list("abcde")
    assert len(folder.build().videos) == 5
    assert made == [2]


def test_other_labels_change_the_index_and_no_shard(folder, made):
    before = folder.build().fingerprint
    made.clear()
    folder.list(b="sideways")
    cache = folder.build()
    assert made == []
    assert cache.videos[1].label == "sideways"
    assert cache.labels == ["down", "sideways", "up"]
    assert cache.fingerprint != before


@pytest.mark.parametrize("change", [Storage(short_side=8), Storage(frame_rate=4), Storage(jpeg_quality=90)])
def test_another_way_of_storing_makes_all_shards_anew(folder, made, change):
    folder.build()
    made.clear()
    folder.build(storage=change)
    assert made == [0, 1, 2]
    assert len(folder.shards()) == 3


def test_another_version_of_the_code_makes_all_shards_anew(folder, made, monkeypatch):
    folder.build()
    made.clear()
    for module in (shard, stock):
        monkeypatch.setattr(module, "VERSION", 0)
    folder.build()
    assert made == [0, 1, 2]


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


def test_a_touched_video_is_stored_anew_as_the_same_data(folder, made):
    before = folder.build().fingerprint
    made.clear()
    os.utime(folder.path("d"), (1, 1))
    assert folder.build().fingerprint == before
    assert made == [1]


def test_a_failing_build_keeps_the_cache_of_before(folder):
    before = folder.build()
    frames = [before.frames(cached) for cached in before.videos]
    folder.path("c").write_bytes(b"")
    with pytest.raises(InputError, match="1 of 5"):
        folder.build(max_bad=0)
    after = Cache(folder.source.index)
    assert after.fingerprint == before.fingerprint
    assert all(np.array_equal(after.frames(v), old) for v, old in zip(after.videos, frames, strict=True))


def test_the_index_is_written_last(folder, monkeypatch):
    renamed, rename = [], os.replace
    monkeypatch.setattr(os, "replace", lambda old, new: renamed.append(Path(new).suffix) or rename(old, new))
    folder.build()
    assert renamed == [".shard"] * 3 + [".csv", ".json"]


def test_shards_made_one_by_one_are_those_of_the_whole(folder, made):
    for number in (2, 0, 1):
        build_shard(folder.source, number, progress=silent)
    assert made == [2, 0, 1]
    folder.build()
    assert made == [2, 0, 1]


def test_a_shard_that_is_not_in_the_list_is_refused(folder):
    with pytest.raises(InputError, match=r"shard 3: .*all\.csv makes 3 shards, from 0 on"):
        build_shard(folder.source, 3, progress=silent)


def test_a_shard_that_another_process_is_at_is_refused(folder):
    with locked(folder.source.folder, "00001"), pytest.raises(InputError, match="00001: another process"):
        folder.build()


# Space


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


# Damage


def change_a_byte(path: Path, place: int) -> None:
    content = bytearray(path.read_bytes())
    content[place] ^= 255
    path.write_bytes(content)


def shard_file(folder: Folder, number: int) -> Path:
    return next(folder.source.folder.glob(f"{number:05d}-*.shard"))


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
    def fail(path, storage):
        if "b.mp4" not in path:
            return examine_and_store(path, storage)
        return check.crashed(path) if kind == "crash" else no_access(path), None

    def no_access(path):
        with monkeypatch.context() as patch:
            patch.setattr(check, "open", lambda *_: refuse(), raising=False)
            return examine(path)

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


# Kills


def test_a_killed_build_goes_on_and_ends_with_the_same_bytes(folder):
    for seed, name in enumerate(NAMES):  # long enough to be killed in between
        write_lossless(folder.path(name), video(seed, 600, 64, 64), 8)
    config = yaml.safe_load((REPOSITORY / "config" / "mini.yaml").read_text())
    config["data"] = {"annotations": {"train": str(folder.root / "all.csv"), "val": str(folder.root / "all.csv")}}
    config["data"] |= {"videos": str(folder.videos), "max_bad": 0, "shard_videos": 1, "jpeg_quality": 90}
    config["pretrained"] = "imagenet"
    del config["pretrain"]
    for of in config["models"].values():
        of["w_xh"] = ["imagenet" if start == "stills" else start for start in of["w_xh"]]
    (folder.root / "own.yaml").write_text(yaml.safe_dump(config))

    def arguments(results: str) -> list[str]:
        own = ["--config", str(folder.root / "own.yaml"), "--results", str(folder.root / results)]
        return ["data", "cache", *own, "--split", "train"]

    def shards(results: str) -> dict[str, bytes]:
        found = (folder.root / results / "mini" / "cache" / "train").glob("*.shard")
        return {path.name: path.read_bytes() for path in found}

    command = [sys.executable, "-m", "rcn_bench.cli", *arguments("killed"), "--workers", "1"]
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    with subprocess.Popen(
        command, env=environment, start_new_session=True, stdout=subprocess.DEVNULL, cwd=folder.root
    ) as process:
        while len(shards("killed")) < 2 and process.poll() is None:
            time.sleep(0.005)
        os.killpg(process.pid, signal.SIGKILL)
    kept = shards("killed")
    assert 2 <= len(kept) < 5
    assert not (folder.root / "killed" / "mini" / "cache" / "train.json").exists()
    changed = {path: path.stat().st_mtime_ns for path in (folder.root / "killed").rglob("*.shard")}

    assert cli.main([*arguments("killed"), "--workers", "1"]) == 0
    assert cli.main([*arguments("undisturbed"), "--workers", "2"]) == 0
    assert len(shards("killed")) == 5
    assert shards("killed") == shards("undisturbed")
    assert {path: path.stat().st_mtime_ns for path in changed} == changed  # what was there was not made again
    folders = [folder.root / results / "mini" / "cache" for results in ("killed", "undisturbed")]
    assert {p.name for p in folders[0].rglob("*")} == {
        p.name for p in folders[1].rglob("*")
    }  # and nothing half-written


def test_paths_are_found_again_in_a_folder_that_was_moved(folder, made):
    folder.build()
    made.clear()
    moved = folder.videos.rename(folder.root / "elsewhere")
    cache = folder.build(root=moved)
    assert made == []
    assert len(cache.videos) == 5
    listed = read_annotations(folder.source.annotations, moved)
    assert str(video_path(moved, listed[0])) == read_report(folder.source.report)["a.mp4"].path


def test_an_odd_video_that_cannot_be_stored_is_skipped(tmp_path):
    write_lossless(tmp_path / "wide.mp4", np.zeros((3, 2, 1100), np.uint8), 8)  # scaled, too wide for JPEG
    finding, stored = examine_and_store(str(tmp_path / "wide.mp4"), Storage(short_side=128, jpeg_quality=90))
    assert (finding.decoding, stored) == ("unreadable", None)
    assert finding.detail


def test_a_table_with_places_that_no_file_has_is_named(folder):
    cache = folder.build()
    index = shard.ShardIndex.read(shard_file(folder, 0))
    change_a_byte(shard_file(folder, 0), index.table_at + 7)
    with pytest.raises(DamagedShard, match="damaged shard"):
        cache.frames(cache.videos[0])


# Last copies


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


def test_two_builds_at_once_are_refused(folder):
    with locked(folder.source.folder), pytest.raises(InputError, match="another process is at work here"):
        folder.build()


def test_other_files_in_the_folder_are_left_alone(folder):
    folder.build()
    stray = folder.source.folder / "old-00001-abc.shard"
    stray.write_bytes(b"whatever")
    (folder.source.folder / "._00001-abc.shard").write_bytes(b"whatever")
    os.utime(folder.path("a"), (1, 1))
    assert len(folder.build().videos) == 5
    assert stray.is_file()


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


def test_videos_of_unknown_labels_are_carried_over_too(folder):
    folder.build()
    folder.path("d").unlink()
    os.utime(folder.path("c"), (1, 1))
    assert [video.id for video in folder.build(labels={"up"}).videos] == ["a.mp4", "c.mp4", "e.mp4"]
    assert len(folder.build().videos) == 5


def test_a_zeroed_table_is_damage(folder):
    cache = folder.build()
    path, index = shard_file(folder, 0), shard.ShardIndex.read(shard_file(folder, 0))
    content = bytearray(path.read_bytes())
    content[index.table_at : index.table_at + 16] = bytes(16)
    path.write_bytes(content)
    with pytest.raises(DamagedShard, match="a frame at byte 0 has changed"):
        cache.frames(cache.videos[0])


def test_memory_that_was_short_once_is_not_held_against_a_video(folder, monkeypatch):
    def refuse(frames, storage):
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr(shard, "_stored", refuse)
        finding, stored = examine_and_store(str(folder.path("a")), Storage())
    assert (finding.decoding, finding.checker, stored) == ("unreadable", "", None)


def test_files_of_1970_are_there(folder):
    os.utime(folder.path("a"), (0, 0))
    assert examine(str(folder.path("a"))).decoding == "ok"
    assert len(folder.build().videos) == 5

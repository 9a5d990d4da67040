"""What a build skips, what it makes anew and what it leaves as it is."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import yaml
from five_videos import NAMES, Folder, silent, video

from rcn_bench import cli
from rcn_bench.data.cache import build as building
from rcn_bench.data.cache import stock, writing
from rcn_bench.data.cache.build import build_cache, build_shard
from rcn_bench.data.cache.index import Cache
from rcn_bench.data.cache.shard import Storage
from rcn_bench.data.cache.writing import examine_and_store
from rcn_bench.data.examine import decode
from rcn_bench.data.findings import read_report
from rcn_bench.data.media.files import write_lossless
from rcn_bench.errors import InputError
from rcn_bench.files import locked
from rcn_bench.lists.formats import read_list
from rcn_bench.lists.video import video_path
from rcn_bench.records.runs import Skipped

REPOSITORY = Path(__file__).parents[3]


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


def kill_if_bad(footage, storage: Storage):
    if str(footage.path).endswith(("b.mp4", "d.mp4")):
        os.kill(os.getpid(), signal.SIGSEGV)
    return examine_and_store(footage, storage)


@pytest.mark.slow
def test_videos_that_crash_the_decoder_are_skipped(folder, monkeypatch):
    monkeypatch.setattr(building, "examine_and_store", kill_if_bad)
    build_cache(folder.source, workers=2, progress=silent)
    cache = Cache(folder.source.index)
    assert [video.id for video in cache.videos] == ["a.mp4", "c.mp4", "e.mp4"]
    assert [skipped.reason.split(": ")[1] for skipped in cache.skipped] == ["crash (the decoder crashed)"] * 2


def test_the_same_build_twice_gives_the_same_bytes(folder, tmp_path_factory):
    folder.build()
    other = Folder(tmp_path_factory.mktemp("other"))
    for name in NAMES:  # their time of change is a part of the index
        stamp = folder.path(name).stat()
        os.utime(other.path(name), ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    other.build()
    assert other.shards() == folder.shards()
    assert Cache(other.source.index).fingerprint == Cache(folder.source.index).fingerprint


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
    for module in (stock, writing):
        monkeypatch.setattr(module, "VERSION", 0)
    folder.build()
    assert made == [0, 1, 2]


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


@pytest.mark.slow
def test_a_killed_build_goes_on_and_ends_with_the_same_bytes(folder):
    for seed, name in enumerate(NAMES):  # the last three long enough to be killed in between
        write_lossless(folder.path(name), video(seed, 300 if seed < 2 else 3000, 64, 64), 8)
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
    listed = read_list(folder.source.annotations, moved)
    assert str(video_path(moved, listed[0])) == read_report(folder.source.report)["a.mp4"].path


def test_what_killed_builds_left_is_swept_but_not_what_is_written_just_now(folder):
    left = [folder.source.folder / f".{number:05d}.part" for number in (1, 7, 8)]
    for part in left:
        part.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(b"half")
    with locked(folder.source.folder, "00008"):
        folder.build()
    assert [part.exists() for part in left] == [False, False, True]


def test_two_builds_at_once_are_refused(folder):
    held = pytest.raises(InputError, match=r"another process \(PID \d+ on .*\) is at work here")
    with locked(folder.source.folder), held:
        folder.build()


def test_other_files_in_the_folder_are_left_alone(folder):
    folder.build()
    stray = folder.source.folder / "old-00001-abc.shard"
    stray.write_bytes(b"whatever")
    (folder.source.folder / "._00001-abc.shard").write_bytes(b"whatever")
    os.utime(folder.path("a"), (1, 1))
    assert len(folder.build().videos) == 5
    assert stray.is_file()

"""The embedded data set and caches from the command line; the building itself is tested with the data."""

import sys

import numpy as np
import pytest
import yaml

from rcn_bench.data.cache.index import CacheIndex
from rcn_bench.data.media.files import write_lossless
from rcn_bench.files import file_hash
from rcn_bench.lists import formats
from rcn_bench.plan.config import load_experiment
from rcn_bench.plan.stages import dependencies
from rcn_bench.records.runs import ShardRecord


@pytest.fixture
def own(changed, tmp_path):
    """A config on three videos of one's own in shards of two, and the arguments that go with it."""
    videos = tmp_path / "videos"
    videos.mkdir()
    for split, names in (("train", "abc"), ("val", "d")):
        (tmp_path / f"{split}.csv").write_text("path,label\n" + "".join(f"{name}.mp4,up\n" for name in names))
        for name in names:
            write_lossless(videos / f"{name}.mp4", np.full((10, 16, 20), ord(name), np.uint8), 8)
    lists = {split: str(tmp_path / f"{split}.csv") for split in ("train", "val")}
    data = {"annotations": lists, "videos": str(videos), "shard_videos": 2}
    trained = {"tables": {"table2": {"models": ["rcn18"], "frames": 8}}, "figures": {}, "train.frames_per_batch": 16}
    path = changed({"data": data, **trained}, "kinetics")
    return path, ("--config", path, "--results", tmp_path / "results", "--workers", "1")


def test_missing_video_folder_is_named(assert_refused, changed, tmp_path):
    annotations = tmp_path / "train.csv"
    annotations.write_text("label,youtube_id,time_start,time_end,split\nrun,a,0,4,train\n")
    data = {"annotations": {"train": str(annotations), "val": str(annotations)}, "videos": str(tmp_path / "v")}
    path = changed({f"data.{key}": value for key, value in data.items()}, "kinetics")
    arguments = ("data", "cache", "--split", "train", "--config", path, "--results", tmp_path / "results")
    assert_refused(arguments, tmp_path / "v", "data.videos")
    (tmp_path / "v").mkdir()
    assert_refused(arguments, annotations, "a_000000_000004")


def test_a_shard_has_a_record_that_says_where_it_comes_from(output, own, tmp_path):
    path, options = own
    experiment = load_experiment([path], tmp_path / "results")
    output("data", "cache", "--split", "val", "--shard", "0", *options)
    record = ShardRecord.read(experiment.paths.shard_record("val", 0))
    shard = experiment.paths.cache("val").with_suffix("") / record.shard
    assert record.bytes == shard.stat().st_size
    assert (record.origin.stage, record.origin.settings["split"]) == ("cache", "val")
    assert record.origin.code == dependencies(experiment, "cache", "val").code.hash
    assert sorted(record.origin.inputs.values()) == sorted(file_hash(tmp_path / f"{s}.csv") for s in ("train", "val"))


@pytest.mark.slow
def test_a_cache_has_a_fingerprint_that_is_not_there_while_it_is_made(output, assert_refused, own, tmp_path):
    path, options = own
    paths = load_experiment([path], tmp_path / "results").paths
    output("data", "cache", "--split", "train", *options)
    assert paths.fingerprint("train").read_text() == CacheIndex.read(paths.cache("train")).fingerprint + "\n"
    output("data", "cache", "--split", "train", "--verify", *options)
    assert paths.fingerprint("train").read_text() == CacheIndex.read(paths.cache("train")).fingerprint + "\n"
    with (tmp_path / "train.csv").open("a") as file:
        file.write("z.mp4,up\n")
    assert_refused(("data", "cache", "--split", "train", *options), "z")
    assert not paths.fingerprint("train").exists()


def test_options_of_a_cache_that_do_not_go_together_are_refused(assert_refused, own):
    _, options = own
    cache = ("data", "cache", "--split", "val", *options)
    assert_refused((*cache, "--shard", "0", "--verify"), "--shard or --verify, not both")
    assert_refused((*cache, "--skip-damaged"), "--skip-damaged goes with --verify")


@pytest.mark.slow
def test_a_list_is_told_with_its_format_and_its_classes_are_numbered_in_its_order(output, own, tmp_path):
    path, options = own
    train, val = tmp_path / "train.csv", tmp_path / "val.csv"
    train.write_text("a.mp4 10\nb.mp4 2\nc.mp4 10\n")
    val.write_text("d.mp4 10\n")
    told = f"{train}: blank_separated, 3 videos of 2 classes\n"
    assert output("data", "cache", "--split", "train", *options).startswith(told)
    assert CacheIndex.read(load_experiment([path], tmp_path / "results").paths.cache("train")).labels == ["2", "10"]
    checked = output("check", *options[:-2])
    assert told in checked
    assert f"{val}: blank_separated, 1 videos of 1 classes\n" in checked
    report = ("--report", tmp_path / "report.csv", "--workers", "1")
    assert output("data", "check", "--annotations", train, "--root", tmp_path / "videos", *report).startswith(told)


def test_a_format_that_a_list_is_not_of_is_refused(assert_refused, own, tmp_path):
    path, options = own
    config = yaml.safe_load(path.read_text())
    config["data"]["format"] = "ucf101"
    path.write_text(yaml.safe_dump(config))
    for command in (("data", "cache", "--split", "train", *options), ("check", *options[:-2])):
        assert_refused(command, tmp_path / "train.csv", "not a list of data.format ucf101 (UCF101: trainlist")
    (tmp_path / "train.csv").unlink()
    assert_refused(("check", *options[:-2]), "data.annotations.train", "no such file or folder")


def test_digits_are_made_for_experiments_with_digits_alone(assert_refused, own):
    _, (*options, _, _) = own
    assert_refused(("data", "make-digits", *options), "data.digits: not there", "videos of its own")


LIST_FORMAT = '''
from rcn_bench.lists.formats import ListFormat, list_format
from rcn_bench.lists.video import Video


@list_format
class Names(ListFormat):
    """Names alone."""

    name = "names"

    def recognises(self, source):
        return source.suffix == ".names"

    def read(self, source, root):
        for name in source.read_text().split():
            yield Video(name, "up", name, (f"{name}.mp4",))
'''


def test_lists_in_a_format_of_ones_own_are_checked(output, assert_refused, own, tmp_path, monkeypatch):
    (tmp_path / "own_names.py").write_text(LIST_FORMAT)
    (tmp_path / "list.names").write_text("a b")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", sys.path[:])
    monkeypatch.setattr(sys, "modules", dict(sys.modules))
    formats.list_formats()
    monkeypatch.setattr(formats, "_FORMATS", dict(formats._FORMATS))  # registered for this test alone
    check = ("data", "check", "--annotations", "list.names", "--root", "videos", "--workers", "1")
    assert_refused(check, "list.names")
    assert "2 videos: 2 ok; check.csv" in output(*check, "--plugin", "own_names")

"""Names of files as copies of data sets have them, from the command line: what is found, and what is told."""

import csv
import shutil

import pytest
from broken import write

from rcn_bench.data.cache.index import CacheIndex


@pytest.fixture
def kinetics(tmp_path, monkeypatch):
    """A list of three clips: one as it should be named, one by another ending and label, one with other times."""
    monkeypatch.chdir(tmp_path)
    for number, place in enumerate(("riding a bike/-a_000005_000010.mp4", "riding_a_bike/-b_5_10.mp4.mkv")):
        (tmp_path / "train" / place).parent.mkdir(parents=True)
        write(tmp_path / "train" / place, 60 + number, container="matroska" if place.endswith("mkv") else "mp4")
    shutil.copy("train/riding a bike/-a_000005_000010.mp4", "train/riding a bike/-c_000006_000011.mp4")
    rows = "".join(f"riding a bike,-{id},5,10,train\n" for id in "abc")
    (tmp_path / "train.csv").write_text("label,youtube_id,time_start,time_end,split\n" + rows)
    return tmp_path


def check(*more):
    return ("data", "check", "--annotations", "train.csv", "--root", ".", "--workers", "1", *more)


OTHERS = "1 videos lie under other names than the list's, such as train/riding_a_bike/-b_5_10.mp4.mkv for -b_000005_"
INSTEAD = "there is train/riding a bike/-c_000006_000011.mp4"


def test_the_check_tells_what_lies_elsewhere_and_what_is_there_instead(output, kinetics):
    printed = output(*check("--max-bad", "34%"))
    assert OTHERS in printed
    with (kinetics / "check.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["verdict"] for row in rows] == ["ok", "ok", "missing"]
    assert rows[1]["path"] == "train/riding_a_bike/-b_5_10.mp4.mkv"
    assert rows[2]["detail"] == INSTEAD


def test_a_refusal_says_it_too(assert_refused, kinetics):
    assert_refused(check(), "1 of 3 videos cannot be used", "-c_000005_000010.mp4: missing", INSTEAD)


def test_the_cache_finds_the_same(output, changed, kinetics):
    data = {"annotations": {"train": "train.csv", "val": "train.csv"}, "videos": ".", "max_bad": 0.5}
    options = ("--config", changed({"data": data}, "kinetics"), "--results", kinetics / "results", "--workers", "1")
    printed = output("data", "cache", "--split", "train", *options)
    assert OTHERS in printed
    (index,) = (kinetics / "results").rglob("cache/train.json")
    (skipped,) = CacheIndex.read(index).skipped
    assert skipped.reason == f"train/riding a bike/-c_000005_000010.mp4: missing ({INSTEAD})"


@pytest.mark.parametrize("name", ["-own.csv", "--own.csv", "-lists/own.csv"])
def test_names_that_begin_with_a_dash_are_no_options(output, kinetics, name):
    for folder in ("-lists", "-videos"):
        (kinetics / folder).mkdir()
    write(kinetics / "-videos" / "-a.mp4")
    (kinetics / name).write_text("path,label\n-a.mp4,up\n")
    printed = output("data", "check", "--annotations", name, "--root", "-videos/", "--workers", "1")
    assert "1 videos: 1 ok" in printed
    assert "1 videos of 1 classes" in output("data", "convert", name, "--root", "-videos/", "--output", "out.csv")

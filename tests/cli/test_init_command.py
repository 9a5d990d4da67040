"""A config for one's own videos: three commands from a folder of videos to Table 2."""

import csv
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

from rcn_bench.data.media.files import write_lossless
from rcn_bench.plan.config import load_experiment
from rcn_bench.plan.products import products_of

REPOSITORY = Path(__file__).parents[2]


def write_videos(counts, folder="videos"):
    """So many small videos of noise a class, all different."""
    rng = np.random.default_rng(0)
    for label, count in counts.items():
        for number in range(count):
            path = Path(folder, label, f"{number}.mp4")
            path.parent.mkdir(parents=True, exist_ok=True)
            write_lossless(path, rng.integers(0, 256, (10, 16, 16)).astype(np.uint8), 8)


@pytest.fixture(autouse=True)
def own_folder(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)


def require_table2_alone(models, frames=8):
    experiment = load_experiment(["mine.yaml"])
    ((name, product),) = products_of(experiment).items()
    assert name == "table2_architectures"
    assert (product.models, product.frames) == (models, frames)
    assert sorted({run.variant for run in product.runs()}) == sorted(models)
    return experiment


def listed(path):
    with Path(path).open(newline="") as file:
        return [(row["path"], row["label"]) for row in csv.DictReader(file)]


def test_a_folder_of_class_folders_becomes_two_lists_and_a_config_that_passes_its_check(output, run):
    write_videos({"open door": 11, "wave": 3, "once": 1})
    told = output("init", "mine.yaml", "--videos", "videos")
    assert told.splitlines()[-3:] == [
        "mine.yaml: written; look through it, then",
        "  rcn-bench check --config mine.yaml",
        f"  snakemake --cores {os.cpu_count()} --configfile mine.yaml -- all_tables",
    ]
    val, train = listed("mine_val.csv"), listed("mine_train.csv")
    assert val == [("open door/3.mp4", "open door"), ("open door/8.mp4", "open door"), ("wave/2.mp4", "wave")]
    assert len(train) == 12
    assert not {*train} & {*val}
    experiment = require_table2_alone(["rcn18", "i3d18", "c2d18"])
    assert experiment.profile.num_classes == 3
    assert run("check", "--config", "mine.yaml") == (0, "")


@pytest.fixture
def own_module(own_registry, monkeypatch):
    """A module with a model, which is forgotten after the test."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    Path("init_models.py").write_text(
        "from rcn_bench.models import register\nfrom rcn_bench.models.c2d import c2d18\n\n\n"
        "@register\ndef plain(num_classes):\n    return c2d18(num_classes)\n"
    )
    yield "init_models"
    sys.modules.pop("init_models", None)


def test_own_lists_models_clips_and_plugins_are_taken_as_given(output, own_module):
    write_videos({"up": 4, "down": 4})
    write_videos({"up": 1, "down": 1}, "videos/of validation")
    for split, rows in (("train", ["up/0.mp4,up", "up/1.mp4,up", "down/0.mp4,down"]), ("val", ["down/3.mp4,down"])):
        Path(f"{split}.csv").write_text("\n".join(["path,label", *rows]) + "\n")
    lists = ("--train", "train.csv", "--val", "val.csv", "--videos", "videos")
    output("init", "mine.yaml", *lists, "--models", "rcn18", "plain", "--frames", "4", "--plugin", own_module)
    experiment = require_table2_alone(["rcn18", "plain"], frames=4)
    assert experiment.plugins == [own_module]
    assert {name: starts.w_hh for name, starts in experiment.models.items()} == {"rcn18": ["identity"], "plain": None}


def test_a_folder_with_train_and_validation_needs_no_lists(output):
    write_videos({"up": 3, "down": 3}, "videos/train")
    write_videos({"down": 1}, "videos/validation")
    output("init", "mine.yaml", "--videos", "videos")
    annotations = require_table2_alone(["rcn18", "i3d18", "c2d18"]).data.annotations
    assert (annotations.train, annotations.val) == ("videos/train", "videos/validation")
    assert sorted(Path().glob("*.csv")) == []
    Path("mine.yaml").unlink()
    output("init", "mine.yaml", "--train", "videos/train", "--val", "videos/validation")
    assert load_experiment(["mine.yaml"]).data.videos == "videos"


def test_names_that_yaml_would_take_for_something_else_are_kept(output):
    write_videos({"up": 3, "down": 3}, "videos/train")
    write_videos({"down": 1}, "videos/val")
    Path("videos").rename("on: #1")
    output("init", "My Videos!.yaml", "--videos", "on: #1", "--models", "c2d18")
    experiment = load_experiment(["My Videos!.yaml"])
    assert (experiment.name, experiment.data.videos) == ("my_videos_", "on: #1")


@pytest.mark.parametrize("name", ["2024", "null", "on", "2024-01-01", "0x1f", "-"])
def test_the_name_of_an_experiment_is_a_text_whatever_it_looks_like(output, name):
    write_videos({"up": 2, "down": 2})
    output("init", f"./{name}.yaml", "--videos", "videos")
    assert load_experiment([f"./{name}.yaml"]).name == name


def test_each_line_about_a_file_is_one_line_whatever_its_name_is(output):
    write_videos({"up": 2, "down": 2})
    told = output("init", "two\nlines.yaml", "--videos", "videos").splitlines()
    assert told[1].startswith("two\\nlines_val.csv: 2 of the 4 videos")
    assert told[2] == "two\\nlines.yaml: written; look through it, then"


def test_batches_are_no_larger_than_a_small_set(output):
    for videos, clips in ((2, 2), (9, 2), (16, 4), (200, 16)):
        rows = [f"{number}.mp4,{'ab'[number % 2]}" for number in range(videos)]
        for split in ("train", "val"):
            Path(f"{split}.csv").write_text("\n".join(["path,label", *rows]) + "\n")
        Path("0.mp4").touch()
        told = output("init", "mine.yaml", "--train", "train.csv", "--val", "val.csv", "--models", "c2d18")
        assert "videos are not there, such as 1" in told
        assert yaml.safe_load(Path("mine.yaml").read_text())["train"]["frames_per_batch"] == clips * 8
        Path("mine.yaml").unlink()


def test_folders_of_pictures_get_no_frame_rate_since_they_have_no_clock(output):
    for name in ("a", "b"):
        Path(name).mkdir()
        Path(f"{name}/00001.jpg").touch()
    Path("list.txt").write_text("a 8 0\nb 8 1\n")
    output("init", "mine.yaml", "--train", "list.txt", "--val", "list.txt", "--models", "c2d18")
    assert load_experiment(["mine.yaml"]).data.frame_rate is None
    assert "\n  # frame_rate: 15 " in Path("mine.yaml").read_text()


def test_what_cannot_be_leaves_nothing_behind(assert_refused):
    write_videos({"up": 5, "down": 5})
    before = sorted(Path().rglob("*"))
    assert_refused(("init", "mine.yaml"), "--train and --val, or --videos")
    assert_refused(("init", "mine.yaml", "--videos", "none"), "none: no such folder; --videos names")
    assert_refused(("init", "mine.yaml", "--videos", "videos", "--models", "rcn19"), "'rcn19'", "did you mean rcn1")
    assert_refused(("init", "mine.yaml", "--videos", "videos", "--frames", "1"), "mine.yaml", "frames")
    assert sorted(Path().rglob("*")) == before
    Path("list.csv").write_text("path,label\nelsewhere/up.mp4,up\n")
    lists = ("--train", "list.csv", "--val", "list.csv", "--videos", "videos")
    assert_refused(
        ("init", "mine.yaml", *lists), "list.csv: none of its videos, such as elsewhere/up.mp4, is in videos"
    )
    Path("mine.yaml").write_text("name: mine\n")
    assert_refused(("init", "mine.yaml", "--videos", "videos"), "mine.yaml: is there already")
    assert Path("mine.yaml").read_text() == "name: mine\n"
    Path("new_val.csv").touch()
    assert_refused(
        ("init", "new.yaml", "--videos", "videos"), "new_val.csv: is there already; give it as --train or --val"
    )


@pytest.mark.parametrize(
    ("counts", "says"),
    [
        ({"up": 3}, "1 class, which teaches nothing"),
        ({"up": 1, "down": 1}, "no class has two videos"),
    ],
    ids=["one class", "one video each"],
)
def test_a_folder_that_no_experiment_can_be_made_of_gets_no_config_and_no_lists(assert_refused, counts, says):
    write_videos(counts)
    assert_refused(("init", "mine.yaml", "--videos", "videos"), says)
    assert [path.name for path in Path().iterdir()] == ["videos"]


def test_a_video_that_no_list_can_name_leaves_no_list_behind(assert_refused):
    write_videos({"up": 2, "down": 2})
    Path("videos/up/1.mp4").rename("videos/up/back\\slash.mp4")  # held out, so that the other list is written before
    assert_refused(("init", "mine.yaml", "--videos", "videos"), "a CSV cannot hold this name")
    assert [path.name for path in Path().iterdir()] == ["videos"]


def test_lists_of_one_class_get_no_config(assert_refused):
    write_videos({"up": 2})
    Path("list.csv").write_text("path,label\nup/0.mp4,up\nup/1.mp4,up\n")
    lists = ("--train", "list.csv", "--val", "list.csv", "--videos", "videos")
    assert_refused(("init", "mine.yaml", *lists), "mine.yaml: would train on videos of 1 class")
    assert not Path("mine.yaml").exists()


@pytest.mark.soak
def test_three_commands_make_table_2_of_own_videos():
    write_videos({"up": 10, "down": 10})
    rcn_bench = [sys.executable, "-m", "rcn_bench.cli"]
    snakemake = [sys.executable, "-m", "snakemake", "--snakefile", str(REPOSITORY / "Snakefile"), "--cores", "2"]
    fewer = {
        "train": {"epochs": 1},
        "clip": {"crop": 32, "evaluation_clips": 2},
        "profile": {"size": 32, "memory_frames_per_batch": 16, "timing_frames_per_batch": 16, "seconds": 0.01},
    }
    Path("fewer.yaml").write_text(yaml.safe_dump(fewer))
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(REPOSITORY), os.environ.get("PYTHONPATH", "")])}
    for command in (
        [*rcn_bench, "init", "mine.yaml", "--videos", "videos", "--models", "rcn18", "c2d18"],
        [*rcn_bench, "check", "--config", "mine.yaml"],
        [*snakemake, "--configfile", "mine.yaml", "fewer.yaml", "--", "all_tables"],
    ):
        done = subprocess.run(command, capture_output=True, text=True, env=environment)
        assert done.returncode == 0, done.stdout + done.stderr
    table = Path("results/mine/tables/table2_architectures.md").read_text()
    assert "rcn18" in table
    assert "c2d18" in table
    assert [path.name for path in Path("results/mine/tables").glob("*.md")] == ["table2_architectures.md"]

"""Looking at an experiment: check, depends, show."""

from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import yaml

from rcn_bench.data.cache import space
from rcn_bench.data.media.files import write_lossless
from rcn_bench.plan.config import load_experiment
from rcn_bench.plan.run import Run
from rcn_bench.records.runs import ShardRecord, Trained
from rcn_bench.reporting.table import Table
from results import an_example, an_origin, own_origin

CONFIGS = Path(__file__).parents[2] / "config"
RUN = "rcn18-t8-xh_random-hh_identity-s0"


# Check: what would stop a later job


@pytest.mark.parametrize("name", ["mini", "smoke"])
def test_shipped_experiment_passes_the_check(run, tmp_path, name):
    assert run("check", "--config", CONFIGS / f"{name}.yaml", "--results", tmp_path) == (0, "")
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("values", "parts"),
    [
        ({"tables.table4.models": ["rcn18", "rcn19"]}, ["'rcn19'", "did you mean rcn1"]),
        ({"tables.table5.models": ["rcn18", "rcn19"]}, ["'rcn19'", "did you mean rcn1"]),
        (
            {"models.rcn19": {"w_xh": ["random"]}, "tables.table2.models": ["rcn18", "rcn19"]},
            ["'rcn19'", "did you mean rcn1"],
        ),
        (
            {"models.r2plus1d18.w_xh": ["random", "stills"]},
            ["models.r2plus1d18", "no 2D weights", "only w_xh is random"],
        ),
        ({"models.c2d18.w_hh": ["identity"]}, ["c2d18", "no w_hh to choose", "models.c2d18"]),
        (
            {"models.s3d": {"w_xh": ["random"]}, "tables.table2": {"models": ["s3d"], "frames": 4}},
            ["s3d", "5 frames or more"],
        ),
        ({"tables.table5": {"models": ["rcn18", "s3d"], "frames": 4}}, ["s3d", "5 frames or more"]),
        ({"plugins": ["no_such_module"]}, ["plugins", "no_such_module"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, dict) else "",
)
def test_check_names_what_would_stop_a_later_job(assert_refused, tmp_path, changed, values, parts):
    assert_refused(("check", "--config", changed(values), "--results", tmp_path), *parts)


@pytest.fixture
def kinetics(changed, tmp_path):
    """The Kinetics config on lists and videos in a folder that is still empty, and the paths of those.

    Its batches are of two clips.
    """
    paths = {name: tmp_path / name for name in ("train.csv", "val.csv", "videos")}
    lists = {split: str(tmp_path / f"{split}.csv") for split in ("train", "val")}
    own = {"data": {"annotations": lists, "videos": str(tmp_path / "videos"), "max_bad": 0.1}}
    own |= {"train.frames_per_batch": 16, "tables": {"table2": {"models": ["rcn18", "rcn34"], "frames": 8}}}
    own |= {"figures": {}}

    def change(values=()):
        return changed(own | dict(values), "kinetics")

    return change, *paths.values()


def test_check_names_a_missing_weights_file_by_its_network(assert_refused, tmp_path, kinetics):
    weights = {"resnet18": str(tmp_path / "18.pth"), "resnet34": str(tmp_path / "34.pth")}
    path = kinetics[0]({"weights_files": weights})
    (tmp_path / "18.pth").touch()
    assert_refused(("check", "--config", path), "weights_files.resnet34", tmp_path / "34.pth")


def test_check_names_missing_annotations_and_videos(run, assert_refused, tmp_path, kinetics):
    change, train, val, videos = kinetics
    check = ("check", "--config", change(), "--results", tmp_path / "results")
    for missing, key in ((train, "annotations.train"), (val, "annotations.val")):
        assert_refused(check, f"data.{key}", missing)
        missing.write_text(f"path,label\n{missing.stem}.mp4,up\n{missing.stem}2.mp4,down\n")
    assert_refused(check, "data.videos", videos)
    videos.mkdir()
    assert run(*check)[0] == 0
    train.write_text("name,label\na.mp4,up\n")
    assert_refused(check, train, "no column")


@pytest.mark.slow
def test_check_tells_what_the_cache_will_take_and_whether_there_is_room(
    output, run, assert_refused, tmp_path, kinetics, monkeypatch
):
    change, train, val, videos = kinetics
    videos.mkdir()
    for path in (train, val):
        for name in (f"{path.stem}.mp4", f"{path.stem}2.mp4"):
            write_lossless(videos / name, np.zeros((10, 16, 20), np.uint8), 8)
        path.write_text(f"path,label\n{path.stem}.mp4,up\n{path.stem}2.mp4,down\n")
    check = ("check", "--config", change(), "--results", tmp_path / "results")
    told = f"{tmp_path / 'results' / 'kinetics' / 'cache'}: shards to make: 2, about 38.4 kB; free: "
    assert told in output(*check)
    assert output(*check, "--quiet") == ""
    assert not (tmp_path / "results").exists()
    monkeypatch.setattr(space, "disk_usage", lambda path: SimpleNamespace(free=1000))
    assert_refused((*check, "--quiet"), "about 38.4 kB; free: 1.0 kB; make room")


def test_check_refuses_videos_that_are_in_both_lists_and_tells_of_their_classes(output, assert_refused, kinetics):
    change, train, val, videos = kinetics
    videos.mkdir()
    train.write_text("path,label\na.mp4,left\nb.mp4,up\n")
    val.write_text("path,label\nc.mp4,down\nb.mp4,up\n")
    assert_refused(("check", "--config", change()), "data.max_overlap: 1 of 2 validation videos", "b.mp4")
    told = output("check", "--config", change({"data.max_overlap": 0.5}))
    assert "1 of 2 validation videos are trained on too: b.mp4" in told
    assert "1 of 2 validation videos cannot be right: no training video shows their classes (1): down." in told


def test_what_nothing_uses_is_told_and_no_error(run, changed, tmp_path):
    path = changed({"weights_files": {"resnet50": "50.pth"}, "models.c2d34": {"w_xh": ["random"]}})
    code, told = run("check", "--config", path, "--results", tmp_path)
    assert code == 0
    assert [line.partition(":")[0] for line in told.splitlines()] == ["weights_files.resnet50", "models.c2d34"]
    assert run("check", "--quiet", "--config", path, "--results", tmp_path) == (0, "")


def test_the_whole_config_is_printed_with_its_defaults(output, changed, tmp_path):
    config = yaml.safe_load(output("check", "--defaults", "--config", CONFIGS / "mini.yaml"))
    assert config["data"]["shard_videos"] == 500
    assert config["profile"]["threads"] == 16
    whole = tmp_path / "whole.yaml"
    whole.write_text(yaml.safe_dump(config))
    assert load_experiment([whole]) == load_experiment([CONFIGS / "mini.yaml"])


# Depends: why a result is made again


@pytest.fixture
def experiment(tmp_path, mini):
    return load_experiment([mini], tmp_path)


@pytest.fixture
def depends(mini, tmp_path):
    """The call of the command on mini, in an empty folder of results."""
    return lambda *arguments: ("depends", *arguments, "--config", mini, "--results", tmp_path)


def test_a_stage_depends_on_settings_code_and_files(output, depends):
    told = output(*depends("train", RUN)).splitlines()
    assert told[0].startswith(f"train {RUN}: ")
    assert {"settings", "  train.lr: 0.02", "  clip.crop: 32"} <= set(told)
    assert any(line.startswith("  rcn_bench.models.rcn: ") for line in told)
    assert not any("rcn_bench.models.i3d:" in line or line == "files" for line in told)


def test_a_weights_file_is_one_of_the_files(output, kinetics, tmp_path):
    (tmp_path / "18.pth").write_bytes(b"weights")
    path = kinetics[0]({"weights_files": {"resnet18": str(tmp_path / "18.pth")}})
    told = output("depends", "train", "rcn18-t8-xh_imagenet-hh_identity-s0", "--config", path)
    assert f"\nfiles\n  weights_files.resnet18: {sha256(b'weights').hexdigest()}\n" in told


@pytest.mark.parametrize("stage", ["digits", "throughput", "league", "causality", "steps"])
def test_stages_that_are_done_once_take_no_target(output, assert_refused, depends, stage):
    assert output(*depends(stage)).startswith(f"{stage}: ")
    assert_refused(depends(stage, RUN), "done once for all of mini", RUN)


@pytest.mark.parametrize(
    ("stage", "listed"),
    [
        ("cache", "train, val"),
        ("pretrain", "resnet18, resnet34"),
        ("train", RUN),
        ("evaluate", RUN),
        ("online", "rcn18-t8-xh_stills-hh_identity-s0"),
        ("w_hh", "rcn18-t16-xh_random-hh_identity-s0, "),
        ("profile", "c2d18, i3d18"),
        ("calibrate", "r3d_18, "),
        ("table", "table1_init, "),
        ("figure", "figure1, "),
    ],
)
def test_a_stages_targets_are_listed(assert_refused, depends, stage, listed):
    assert_refused(depends(stage), f"{stage}: of what? Of", listed)
    assert_refused(depends(stage, "nothing"), f"{stage}: 'nothing' is none of", listed)


def test_runs_of_figures_alone_are_trained_and_not_evaluated(assert_refused, output, depends):
    run = "rcn34-t16-xh_random-hh_identity-s0"
    assert output(*depends("train", run)).startswith(f"train {run}: ")
    assert_refused(depends("evaluate", run), f"evaluate: {run!r} is none of")


def test_an_unknown_stage_is_refused(assert_refused, depends):
    assert_refused(depends("training"), "unknown stage 'training'; choose one of digits, cache, ")


def test_a_result_that_is_there_is_compared(output, depends, experiment):
    path = experiment.paths.training(Run.parse(RUN))
    origin = own_origin(experiment, "train", RUN)
    own = an_example(Trained, origin=origin, run=RUN)
    own.write(path)
    assert output(*depends("train", RUN)).endswith(f"{path}\n  made with these settings and this code\n")
    others = origin.settings | {"train": origin.settings["train"] | {"lr": 0.5}}
    replace(own, origin=replace(origin, settings=others, code="abc")).write(path)
    first, second = output(*depends("train", RUN)).splitlines()[-2:]
    assert first == "  train.lr was 0.5, is 0.02"
    assert second.startswith("  code was abc, is ")


def test_a_shard_stands_for_its_cache(output, depends, experiment):
    path = experiment.paths.shard_record("val", 0)
    an_example(ShardRecord, origin=own_origin(experiment, "cache", "val")).write(path)
    assert output(*depends("cache", "val")).endswith(f"{path}\n  made with these settings and this code\n")


def test_a_foreign_file_in_the_place_of_a_record_is_refused(assert_refused, depends, experiment):
    path = experiment.paths.throughput
    path.parent.mkdir(parents=True)
    path.write_text("{}")
    assert_refused(depends("throughput"), path, "has no origin")


def test_tables_that_are_there_are_shown(output, assert_refused, mini, tmp_path):
    path = tmp_path / "mini" / "tables" / "table1_init.md"
    Table.of("Table 1", [{"model": "rcn18", "runs": "a"}], []).write(path.with_suffix(""), an_origin(stage="table"), [])
    shown = output("show", "--config", mini, "--results", tmp_path)
    assert shown == f"Table 1\n\nmodel\n-----\nrcn18\n\n\n(from {path}; also as .csv and .tex)\n\n"
    path.write_text(path.read_text().replace("rcn18", "rcn34"))
    line = "has changed since it was written; run `rcn-bench table table1_init` again"
    assert_refused(("show", "--config", mini, "--results", tmp_path), path, line)

"""What an experiment is said to take: steps timed on this machine, and arithmetic on those of another."""

import copy
import json
from pathlib import Path

import numpy as np
import pytest

from rcn_bench import cli
from rcn_bench.analysis.estimate import StepTime, estimate, measure_steps
from rcn_bench.analysis.memory import GIB
from rcn_bench.config import load_config
from rcn_bench.data.video import write_lossless
from rcn_bench.errors import InputError
from rcn_bench.files import read_json
from rcn_bench.layout import Layout

REPOSITORY = Path(__file__).parents[2]
SETTINGS = {
    "frames_per_batch": 64,
    "autocast": "none",
    "compile": False,
    "cuda_graph": False,
    "activation_checkpointing": False,
    "crop": 32,
    "stem_pool": True,
}


@pytest.fixture
def config():
    """16 videos to train on in batches of 8 clips of 8 frames, 8 videos to validate on by 4 clips each."""
    return copy.deepcopy(load_config(REPOSITORY / "config" / "smoke.yaml"))


def written(path: Path, *steps: StepTime, **settings) -> Path:
    machine = {"device": "A CARD", "cpu": "a processor"}
    content = {"rows": [step.__dict__ for step in steps], "settings": SETTINGS | settings, "machine": machine}
    path.write_text(json.dumps(content))
    return path


@pytest.fixture
def steps(tmp_path):
    """RCN-18 takes 36 s for 4 clips and 0.9 s to evaluate them, I3D-18 twice that, and 12 GiB."""
    rcn, i3d = StepTime("rcn18", 8, 4, 36.0, 0.9, GIB), StepTime("i3d18", 8, 4, 72.0, 1.8, 12 * GIB)
    return written(tmp_path / "steps.json", rcn, i3d)


def rows_of(text: str) -> dict[str, list[str]]:
    lines = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if line.startswith("|")]
    return {line[0]: line[1:] for line in lines[2:]}


def test_hours_are_those_of_all_updates_and_clips(config, steps, tmp_path):
    text = estimate(config, Layout(tmp_path), steps, None, None)
    rows = rows_of(text)
    assert len(rows) == 5
    # 16 videos make 2 updates an epoch, each of 8 clips: 72 s; 8 videos of 4 clips: 32 clips, 0.9 s for 4 of them.
    assert rows["rcn18-t8-xh_stills-hh_identity-s0"] == ["2", "8", "7.2e+04", "0.04", "0.002", "1"]
    assert rows["i3d18-t8-xh_stills-s0"] == ["2", "8", "1.44e+05", "0.08", "0.004", "12"]
    assert "- Time: 0.252 hours for 5 runs" in text  # four of RCN-18, one of I3D-18
    assert "timed on A CARD" in text
    assert "- Memory: 12 GiB at most, more than the 11 GiB of profile.memory_gib; of a training step, measured" in text


def test_more_epochs_and_videos_take_longer(config, steps, tmp_path):
    config["train"]["epochs"] = 3
    rows = rows_of(estimate(config, Layout(tmp_path), steps, 1600, 80))
    assert rows["rcn18-t8-xh_stills-hh_identity-s0"][:1] == ["600"]
    assert rows["rcn18-t8-xh_stills-hh_identity-s0"][3:5] == ["12", "0.02"]


def test_runs_of_figures_alone_are_not_evaluated(config, steps, tmp_path):
    config["figures"]["figure2"]["frames"] = 4
    content = read_json(steps)
    content["rows"].append(StepTime("rcn18", 4, 4, 18.0, 0.4, GIB).__dict__)
    steps.write_text(json.dumps(content))
    rows = rows_of(estimate(config, Layout(tmp_path), steps, None, None))
    assert rows["rcn18-t4-xh_random-hh_identity-s0"][4] == "0"


def test_memory_is_estimated_where_it_was_not_measured(config, tmp_path):
    steps = [StepTime(model, 8, 4, 1.0, 1.0, None) for model in ("rcn18", "i3d18")]
    text = estimate(config, Layout(tmp_path), written(tmp_path / "steps.json", *steps), None, None)
    assert "estimated from tensor shapes" in text
    memory = {name: float(row[-1]) for name, row in rows_of(text).items()}
    assert 0.2 < memory["rcn18-t8-xh_stills-hh_identity-s0"] < memory["i3d18-t8-xh_stills-s0"] < 1


def test_steps_are_timed_as_training_runs_them(config, tmp_path):
    config["profile"]["seconds"] = 0.01
    lines = []
    measure_steps(config, tmp_path / "steps.json", progress=lines.append)
    content = read_json(tmp_path / "steps.json")
    rows = [StepTime(**row) for row in content["rows"]]
    assert [(row.model, row.frames, row.clips) for row in rows] == [("i3d18", 8, 4), ("rcn18", 8, 4)]
    assert all(row.training_seconds > row.evaluation_seconds > 0 for row in rows)
    assert content["settings"] == SETTINGS
    assert {"machine", "packages", "git"} <= set(content)
    assert len(lines) == 2
    assert len(rows_of(estimate(config, Layout(tmp_path), tmp_path / "steps.json", None, None))) == 5


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "no step times"),
        ("{}", "no step times"),
        ('{"rows": [{"model": "rcn18"}], "machine": {}, "settings": {}}', "no step times"),
    ],
)
def test_a_foreign_file_is_one_line(config, tmp_path, content, told):
    (tmp_path / "steps.json").write_text(content)
    with pytest.raises(InputError, match=told) as error:
        estimate(config, Layout(tmp_path), tmp_path / "steps.json", None, None)
    assert "steps.json" in str(error.value)
    assert "\n" not in str(error.value)


def test_steps_timed_in_another_way_are_refused(config, steps, tmp_path):
    with pytest.raises(InputError, match="timed with autocast float16, the config has none"):
        estimate(config, Layout(tmp_path), written(tmp_path / "other.json", autocast="float16"), None, None)


def test_a_model_that_was_not_timed_is_named(config, tmp_path):
    steps = written(tmp_path / "steps.json", StepTime("rcn18", 8, 4, 1.0, 1.0, None))
    with pytest.raises(InputError, match="i3d18 at 8 frames was not timed there"):
        estimate(config, Layout(tmp_path), steps, None, None)


@pytest.fixture
def own(config, tmp_path):
    """The config on videos of one's own, which are not there yet."""
    (tmp_path / "videos").mkdir()
    lists = {split: str(tmp_path / f"{split}.csv") for split in ("train", "val")}
    config["data"] = {"annotations": lists, "videos": str(tmp_path / "videos"), "max_bad": 0, "shard_videos": 3}
    return config


def test_the_number_of_videos_must_be_known(own, steps, tmp_path):
    with pytest.raises(InputError, match=r"train\.csv: not there yet; say how many with --train-videos NUMBER"):
        estimate(own, Layout(tmp_path), steps, None, None)
    text = estimate(own, Layout(tmp_path), steps, 16, 8)
    assert "- Videos: 16 to train on, 8 to validate on." in text
    assert f"- Cache of train: not known before a few of its videos are in {tmp_path / 'videos'}." in text


def test_disk_is_guessed_from_the_videos_that_are_there(own, steps, tmp_path):
    for i in range(4):
        write_lossless(tmp_path / "videos" / f"{i}.mp4", np.zeros((10, 16, 20), np.uint8), 8)
    for split in ("train", "val"):
        (tmp_path / f"{split}.csv").write_text("path,label\n" + "".join(f"{i}.mp4,a\n" for i in range(4)))
    text = estimate(own, Layout(tmp_path), steps, None, None)
    assert "- Videos: 4 to train on, 4 to validate on." in text
    assert f"- Cache of train: {4 * 10 * 16 * 20 * 3 / 1000:.1f} kB in 2 shards, which take" in text


def test_the_command_takes_the_times_of_another_machine(steps, tmp_path, capsys):
    smoke = str(REPOSITORY / "config" / "smoke.yaml")
    arguments = ["estimate", "--config", smoke, "--results", str(tmp_path), "--step-times", str(steps)]
    assert cli.main(arguments) == 0
    assert capsys.readouterr().out.startswith("# What smoke takes\n")
    assert cli.main([*arguments[:-1], str(tmp_path / "nowhere.json")]) == 2
    assert "nowhere.json: no step times" in capsys.readouterr().err

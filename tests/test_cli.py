import errno
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import yaml
from caches import write_cache

from rcn_bench import cli
from rcn_bench.config import load_config
from rcn_bench.data import space
from rcn_bench.data.video import write_lossless

MINI = "config/mini.yaml"


def run(capsys, *arguments):
    code = cli.main([str(argument) for argument in arguments])
    return code, capsys.readouterr().err.strip()


def assert_refused(code, message, *parts):
    assert code == 2
    assert len(message.splitlines()) == 1
    for part in parts:
        assert str(part) in message


def test_help_does_not_load_torch():
    script = (
        "import sys; from rcn_bench.cli import main\ntry: main(['--help'])\nfinally: assert 'torch' not in sys.modules"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert "train" in result.stdout


def test_unknown_command_exits_with_an_error(capsys):
    with pytest.raises(SystemExit) as exit_info:
        cli.main(["trian"])
    assert exit_info.value.code == 2
    assert "trian" in capsys.readouterr().err


def test_missing_config_is_named(capsys, tmp_path):
    path = tmp_path / "none.yaml"
    assert_refused(*run(capsys, "show", "--config", path), path)


def test_bad_config_value_is_named(capsys, tmp_path):
    config = load_config(MINI) | {"seeds": [-1]}
    path = tmp_path / "bad.yaml"
    path.write_text(yaml.safe_dump(config))
    assert_refused(*run(capsys, "show", "--config", path), path, "seeds", "-1")


def test_bad_run_name_is_named(capsys):
    assert_refused(*run(capsys, "train", "rcn18", "--config", MINI), "rcn18", "rcn18-t8-")


@pytest.mark.parametrize("arguments", [("profile", "rcn19", "--config", MINI), ("certify", "rcn19")], ids=" ".join)
def test_unknown_model_is_named_with_a_suggestion(capsys, arguments):
    assert_refused(*run(capsys, *arguments), "'rcn19'", "did you mean rcn1")


def test_model_that_no_table_shows_is_not_profiled(capsys, tmp_path):
    arguments = ("profile", "rcn101", "--config", MINI, "--results", tmp_path)
    assert_refused(*run(capsys, *arguments), "rcn101", "tables.table4.models")
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("command", ["train", "evaluate", "online"])
def test_missing_cache_is_named(capsys, tmp_path, command):
    run_name = "rcn18-t8-xh_random-hh_identity-s0"
    assert_refused(*run(capsys, command, run_name, "--config", MINI, "--results", tmp_path), "cache", "rcn-bench data")


def test_missing_video_folder_is_named(capsys, tmp_path):
    annotations = tmp_path / "train.csv"
    annotations.write_text("label,youtube_id,time_start,time_end,split\nrun,a,0,4,train\n")
    config = load_config("config/kinetics.yaml")
    config["data"] |= {
        "annotations": {"train": str(annotations), "val": str(annotations)},
        "videos": str(tmp_path / "v"),
    }
    path = tmp_path / "own.yaml"
    path.write_text(yaml.safe_dump(config))
    arguments = ("data", "cache", "--split", "train", "--config", path, "--results", tmp_path / "results")
    assert_refused(*run(capsys, *arguments), tmp_path / "v", "data.videos")
    (tmp_path / "v").mkdir()
    assert_refused(*run(capsys, *arguments), annotations, "a_000000_000004")


def test_tables_and_figures_have_names(capsys, tmp_path):
    assert_refused(*run(capsys, "table", "table9", "--config", MINI, "--results", tmp_path), "table9", "table6_memory")
    assert_refused(*run(capsys, "figure", "figure9", "--config", MINI, "--results", tmp_path), "figure9", "online")


def test_figure_without_weights_says_what_to_run(capsys, tmp_path):
    assert_refused(
        *run(capsys, "figure", "figure3", "--config", MINI, "--results", tmp_path), "rcn-bench train rcn18-t8"
    )


def test_full_disk_is_one_line(capsys, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(tmp_path / "train.shard"))

    monkeypatch.setattr(cli, "load_config", full)
    assert_refused(*run(capsys, "show", "--config", MINI), "train.shard", "No space left")


def test_interrupt_says_that_work_goes_on(capsys, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "load_config", interrupt)
    code, message = run(capsys, "show", "--config", MINI)
    assert code == 130
    assert message == "rcn-bench: interrupted; the same command goes on with what is left"


def test_models_are_listed_by_pattern(capsys):
    assert cli.main(["models", "rcn*"]) == 0
    assert capsys.readouterr().out.split() == ["rcn101", "rcn18", "rcn34", "rcn50"]


def test_models_are_certified_a_line_each(capsys):
    assert cli.main(["certify", "rcn18", "i3d18", "--frames", "4"]) == 0
    rcn, i3d = capsys.readouterr().out.splitlines()
    assert rcn == "rcn18: causal; sees 3 earlier and 0 later frames of 4; 4 outputs in time"
    assert i3d.startswith("i3d18: NOT causal")


def test_model_that_needs_longer_clips_is_not_certified(capsys):
    assert_refused(*run(capsys, "certify", "s3d", "--frames", "4"), "s3d", "5 frames or more", "got 4")


# Check: what would stop a later job


@pytest.fixture
def changed(tmp_path):
    """Writes a shipped config with other values at dotted keys, and returns its path."""

    def change(values, source=MINI):
        config = load_config(source)
        for key, value in values.items():
            *path, last = key.split(".")
            part = config
            for name in path:
                part = part[name]
            part[last] = value
        path = tmp_path / "changed.yaml"
        path.write_text(yaml.safe_dump(config))
        return path

    return change


@pytest.mark.parametrize("path", ["config/mini.yaml", "config/smoke.yaml"])
def test_shipped_experiment_passes_the_check(capsys, tmp_path, path):
    assert run(capsys, "check", "--config", path, "--results", tmp_path) == (0, "")
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
            ["r2plus1d18-t8-xh_stills-s0", "no 2D weights", "only w_xh is random"],
        ),
        ({"models.c2d18.w_hh": ["identity"]}, ["c2d18-t8-", "no recurrence", "models.c2d18"]),
        (
            {"models.s3d": {"w_xh": ["random"]}, "tables.table2": {"models": ["s3d"], "frames": 4}},
            ["s3d-t4-xh_random-s0", "5 frames or more"],
        ),
        ({"tables.table5": {"models": ["rcn18", "s3d"], "frames": 4}}, ["s3d", "5 frames or more"]),
        ({"plugins": ["no_such_module"]}, ["plugins", "no_such_module"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, dict) else "",
)
def test_check_names_what_would_stop_a_later_job(capsys, tmp_path, changed, values, parts):
    assert_refused(*run(capsys, "check", "--config", changed(values), "--results", tmp_path), *parts)


def test_check_names_a_missing_weights_file_by_its_network(capsys, tmp_path, changed):
    weights = {"resnet18": str(tmp_path / "18.pth"), "resnet34": str(tmp_path / "34.pth")}
    path = changed({"weights_files": weights}, "config/kinetics.yaml")
    (tmp_path / "18.pth").touch()
    assert_refused(*run(capsys, "check", "--config", path), "weights_files.resnet34", tmp_path / "34.pth")


def test_check_names_missing_annotations_and_videos(capsys, tmp_path, changed):
    train, val, videos = (tmp_path / name for name in ("train.csv", "val.csv", "videos"))
    data = {"annotations": {"train": str(train), "val": str(val)}, "videos": str(videos), "max_bad": 0.1}
    path = changed({"data": data}, "config/kinetics.yaml")
    check = ("check", "--config", path, "--results", tmp_path / "results")
    for missing, key in ((train, "annotations.train"), (val, "annotations.val")):
        assert_refused(*run(capsys, *check), f"data.{key}", missing)
        missing.write_text("path,label\na.mp4,up\n")
    assert_refused(*run(capsys, *check), "data.videos", videos)
    videos.mkdir()
    assert run(capsys, *check) == (0, "")
    train.write_text("name,label\na.mp4,up\n")
    assert_refused(*run(capsys, *check), train, "no column")


def test_check_tells_what_the_cache_will_take_and_whether_there_is_room(capsys, tmp_path, changed, monkeypatch):
    write_lossless(tmp_path / "a.mp4", np.zeros((10, 16, 20), np.uint8), 8)
    for split in ("train", "val"):
        (tmp_path / f"{split}.csv").write_text("path,label\na.mp4,up\n")
    lists = {split: str(tmp_path / f"{split}.csv") for split in ("train", "val")}
    path = changed({"data": {"annotations": lists, "videos": str(tmp_path), "max_bad": 0.1}}, "config/kinetics.yaml")
    check = ("check", "--config", path, "--results", tmp_path / "results")
    assert cli.main([str(argument) for argument in check]) == 0
    told = f"{tmp_path / 'results' / 'kinetics' / 'cache'}: shards to make: 2, about 19.2 kB; free: "
    assert told in capsys.readouterr().out
    assert not (tmp_path / "results").exists()
    monkeypatch.setattr(space, "disk_usage", lambda path: SimpleNamespace(free=1000))
    assert_refused(*run(capsys, *check), "about 19.2 kB; free: 1.0 kB; make room")


# A full disk


@pytest.fixture
def tiny(tmp_path):
    """Arguments that train C2D for three epochs on 16 videos of noise."""
    config = load_config(MINI)
    config["clip"]["crop"] = 16
    config["train"] |= {"epochs": 3, "frames_per_batch": 32}
    path = tmp_path / "tiny.yaml"
    path.write_text(yaml.safe_dump(config))
    rng = np.random.default_rng(0)
    noise = (("ab"[i % 2], rng.integers(0, 256, (5, 16, 16, 3), np.uint8)) for i in range(16))
    write_cache(tmp_path / "results/mini/cache/train.json", noise)
    return ("train", "c2d18-t2-xh_random-s0", "--config", path, "--results", tmp_path / "results")


@pytest.mark.parametrize(
    ("suffix", "whole_files", "resumed_after"), [(".pt", 1, 1), (".safetensors", 0, 3)], ids=["checkpoint", "weights"]
)
def test_training_that_fills_the_disk_goes_on_from_its_last_checkpoint(
    capsys, tmp_path, monkeypatch, tiny, suffix, whole_files, resumed_after
):
    written, write_bytes = [], Path.write_bytes

    def fill_up(path, content):
        """Some files of the kind fit on the disk, the next one by half."""
        if path.suffix != suffix or len(written) < whole_files:
            written.extend([path] if path.suffix == suffix else [])
            return write_bytes(path, content)
        write_bytes(path, content[: len(content) // 2])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))  # without a name, as write() fails

    run_folder = tmp_path / "results/mini/runs/c2d18-t2-xh_random-s0"
    checkpoint = tmp_path / "results/mini/checkpoints/c2d18-t2-xh_random-s0.pt"
    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", fill_up)
        assert_refused(*run(capsys, *tiny), tmp_path / "results", "No space left", "nothing half-written")
    assert not [path for path in (tmp_path / "results").rglob("*") if ".tmp" in path.name]
    assert not (run_folder / "model.safetensors").exists()
    assert checkpoint.exists()

    assert cli.main([str(argument) for argument in tiny]) == 0
    assert f"resuming after epoch {resumed_after}\n" in capsys.readouterr().out
    assert (run_folder / "model.safetensors").exists()
    assert not checkpoint.exists()

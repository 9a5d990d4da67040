import errno
import os
import subprocess
import sys

import pytest
import yaml

from rcn_bench import cli
from rcn_bench.config import load_config

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


def test_unknown_model_is_named_with_a_suggestion(capsys, tmp_path):
    assert_refused(*run(capsys, "profile", "rcn19", "--config", MINI, "--results", tmp_path), "rcn19", "rcn1")


@pytest.mark.parametrize("command", ["train", "evaluate"])
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
    assert_refused(*run(capsys, "table", "table9", "--config", MINI, "--results", tmp_path), "table9", "table1_init")
    assert_refused(*run(capsys, "figure", "figure9", "--config", MINI, "--results", tmp_path), "figure9", "figure1")


def test_figure_without_weights_says_what_to_run(capsys, tmp_path):
    assert_refused(
        *run(capsys, "figure", "figure3", "--config", MINI, "--results", tmp_path), "rcn-bench train rcn18-t8"
    )


def test_full_disk_is_one_line(capsys, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(tmp_path / "train.bin"))

    monkeypatch.setattr(cli, "load_config", full)
    assert_refused(*run(capsys, "show", "--config", MINI), "train.bin", "No space left")


def test_interrupt_says_that_work_goes_on(capsys, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "load_config", interrupt)
    code, message = run(capsys, "show", "--config", MINI)
    assert code == 130
    assert "checkpoint" in message


def test_models_are_listed_by_pattern(capsys):
    assert cli.main(["models", "rcn*"]) == 0
    assert capsys.readouterr().out.split() == ["rcn18", "rcn34"]

"""How every command starts and ends: at once, with an exit code, and with one line for what went wrong."""

import argparse
import errno
import os
import platform
import re
import shlex
import subprocess
import sys
from importlib.metadata import version

import pytest

from rcn_bench import __version__, cli
from rcn_bench.cli import options

HEAVY = ("torch", "torchvision", "pandas", "numpy", "matplotlib", "jsonschema", "snakemake")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--help"], "train"),
        (["trian"], "trian"),
        (["train", "--help"], "--recompute-activations"),
        (["models", "rcn18"], "12,774,352"),
        (["data", "cache", "--split", "test"], "invalid choice: 'test'"),
        (["evaluate", "--nothing"], "--nothing"),
    ],
    ids=" ".join,
)
def test_help_and_bad_arguments_load_nothing_heavy(arguments, told):
    script = (
        f"import sys; from rcn_bench.cli import main\ntry: main({arguments})\n"
        f"finally: assert not (loaded := [name for name in {HEAVY} if name in sys.modules]), loaded"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert result.returncode == (0 if {"--help", "models"} & {*arguments} else 2), result.stderr
    assert "Error" not in result.stderr
    assert told in result.stdout + result.stderr


def test_the_version_is_told_with_the_commit_and_that_of_torch():
    script = (
        "import sys; from rcn_bench.cli import main\ntry: main(['--version'])\n"
        "finally: assert 'torch' not in sys.modules"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    own, *others = result.stdout.splitlines()
    assert re.fullmatch(rf"rcn-bench {re.escape(__version__)}( \(commit [0-9a-f]{{10}}(, changed since)?\))?", own)
    packages = [f"{name} {version(name)}" for name in ("torch", "torchvision")]
    assert others == [*packages, f"Python {platform.python_version()}"]


def parsers(parser):
    """A parser, and those of all its commands."""
    yield parser
    for action in parser._actions:
        for below in action.choices.values() if isinstance(action, argparse._SubParsersAction) else ():
            yield from parsers(below)


EXAMPLES = [line.strip() for parser in parsers(cli.build_parser()) for line in (parser.epilog or "").splitlines()[1:]]


def test_many_commands_show_examples():
    assert len(EXAMPLES) > 20


@pytest.mark.parametrize("example", [each for each in EXAMPLES if "--help" not in each])
def test_examples_are_commands_that_are_known(example):
    program, *arguments = shlex.split(example)
    assert program == "rcn-bench"
    cli.build_parser().parse_args(arguments)


def test_examples_are_shown_a_line_each(capsys):
    with pytest.raises(SystemExit):
        cli.main(["models", "--help"])
    assert '\n  rcn-bench models\n  rcn-bench models "rcn*"\n' in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments",
    [["show", "--config", "none.yaml"], ["data", "cache"], ["status", "results/reference/mini"]],
    ids=" ".join,
)
def test_bad_input_of_a_config_and_how_far_an_experiment_is_load_no_torch(arguments):
    script = (
        f"import sys; from rcn_bench.cli import main\ntry: main({arguments})\n"
        "finally: assert 'torch' not in sys.modules"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert "Error" not in result.stderr


def test_the_package_is_run_as_a_module():
    result = subprocess.run([sys.executable, "-m", "rcn_bench.cli", "--help"], capture_output=True, text=True)
    assert result.returncode == 0
    assert result.stdout.startswith("usage: rcn-bench")


def test_unknown_command_exits_with_an_error(capsys):
    with pytest.raises(SystemExit) as exit_info:
        cli.main(["trian"])
    assert exit_info.value.code == 2
    assert "trian" in capsys.readouterr().err


def test_missing_config_is_named(assert_refused, tmp_path):
    path = tmp_path / "none.yaml"
    assert_refused(("show", "--config", path), path)


def test_bad_config_value_is_named(assert_refused, changed):
    path = changed({"seeds": [-1]})
    assert_refused(("show", "--config", path), path, "seeds", "-1")


def test_several_config_files_are_merged(assert_refused, output, mini, tmp_path):
    changes = tmp_path / "changes.yaml"
    changes.write_text("name: other\nseeds: [3]\n")
    assert "name: other\n" in output("check", "--defaults", "--config", mini, changes)
    told = output("check", "--defaults", "--config", mini, "--config", changes)
    assert "name: other\n" in told
    assert "seeds:\n- 3\n" in told
    changes.write_text("sedes: [3]\n")
    assert_refused(("show", "--config", mini, changes), f"{mini} + {changes}", "did you mean seeds?")


def test_full_disk_is_one_line(assert_refused, tmp_path, monkeypatch, mini):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(tmp_path / "train.shard"))

    monkeypatch.setattr(options, "load_experiment", full)
    assert_refused(("show", "--config", mini), "train.shard", "No space left")


def test_a_full_disk_that_names_no_file_is_told_by_the_results(assert_refused, tmp_path, monkeypatch, mini):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(options, "load_experiment", full)
    assert_refused(("show", "--config", mini, "--results", tmp_path), tmp_path, "No space left")


def test_an_error_of_the_system_that_is_none_of_the_users_is_not_hidden(monkeypatch, mini):
    def broken(*_):
        raise OSError(errno.EPIPE, os.strerror(errno.EPIPE))

    monkeypatch.setattr(options, "load_experiment", broken)
    with pytest.raises(BrokenPipeError):
        cli.main(["show", "--config", str(mini)])


def test_interrupt_says_that_work_goes_on(run, monkeypatch, mini):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(options, "load_experiment", interrupt)
    code, message = run("show", "--config", mini)
    assert code == 130
    assert message == "rcn-bench: interrupted; the same command goes on with what is left"


@pytest.mark.parametrize(
    ("option", "arguments"), [("", "models"), ("", "--help"), ("", "--version"), ("-u", "--version")]
)
def test_a_reader_that_has_had_enough_ends_a_command_without_a_word(option, arguments):
    command = f"{sys.executable} {option} -m rcn_bench.cli {arguments}; echo ended with $? >&2"
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    result = subprocess.run(["bash", "-c", f"({command}) | head -n 0"], capture_output=True, text=True, env=environment)
    assert result.stderr == "ended with 141\n"

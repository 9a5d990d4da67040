"""Commands run in this process, and configs that differ from a shipped one in a key or two."""

from pathlib import Path

import pytest
import yaml
from changes import with_changes

from rcn_bench import cli

CONFIGS = Path(__file__).parents[2] / "config"


@pytest.fixture
def mini():
    return CONFIGS / "mini.yaml"


@pytest.fixture
def run(capsys):
    """Runs a command; its exit code, and what it printed on stderr."""

    def run_command(*arguments):
        code = cli.main([str(argument) for argument in arguments])
        return code, capsys.readouterr().err.strip()

    return run_command


@pytest.fixture
def output(capsys):
    """Runs a command that ends well; what it printed on stdout."""

    def run_command(*arguments):
        assert cli.main([str(argument) for argument in arguments]) == 0
        return capsys.readouterr().out

    return run_command


@pytest.fixture
def assert_refused(run):
    """Runs a command on bad input, and looks for these parts in its one line."""

    def refused(arguments, *parts):
        code, message = run(*arguments)
        assert code == 2, message
        assert len(message.splitlines()) == 1, message
        for part in parts:
            assert str(part) in message

    return refused


@pytest.fixture
def changed(tmp_path):
    """Writes a shipped config with other values at dotted keys, and returns its path."""

    def change(values, source="mini"):
        config = with_changes(yaml.safe_load((CONFIGS / f"{source}.yaml").read_text()), values)
        path = tmp_path / "changed.yaml"
        path.write_text(yaml.safe_dump(config))
        return path

    return change

"""What a shell completes, asked of bash itself."""

import subprocess

import pytest


@pytest.fixture
def complete(output):
    """A function: what bash offers for the last of some words."""
    script = output("completion")

    def offered(*words):
        typed = " ".join(f"'{word}'" for word in ("rcn-bench", *words))
        asked = f"{script}\nCOMP_WORDS=({typed}); COMP_CWORD={len(words)}; _rcn_bench; echo ${{COMPREPLY[@]}}"
        return subprocess.run(["bash", "-c", asked], capture_output=True, text=True, check=True).stdout.split()

    return offered


def test_commands_and_their_options_are_offered(complete):
    assert {"check", "train", "verify", "data", "completion", "--version"} <= set(complete(""))
    assert complete("ver") == ["verify"]
    assert complete("status", "--w") == ["--watch"]
    assert complete("table", "table1_init", "--config", "config/mini.yaml", "--p") == ["--partial"]


def test_commands_of_a_group_have_options_of_their_own(complete):
    assert "cache" in complete("data", "")
    assert "--split" in complete("data", "cache", "--")
    assert "--split" not in complete("data", "check", "--")


def test_what_is_no_command_or_option_is_left_to_the_shell(complete):
    assert complete("show", "--config", "config/mi") == []

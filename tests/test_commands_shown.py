"""Every command of the README, of CONTRIBUTING.md and of every page of the documentation is carried out, or stands in a
list that says why not (shown_commands.py): a new one that does neither fails. The parsers of `rcn-bench` and Snakemake
know what it names.

They are typed one after the other in a folder that looks like a checkout, whose config/mini.yaml is a small experiment.
"""

import argparse
import os
import re
import shlex
import shutil
import subprocess
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import yaml
from light import light_environment
from shown_commands import FILE, MEANT, NOT_TYPED, PLACEHOLDERS, TYPED
from snakemake.cli import get_argument_parser

from rcn_bench import cli
from rcn_bench.data.media.files import write_lossless
from rcn_bench.plan.config import merged, update

REPOSITORY = Path(__file__).parents[1]
PAGES = ["README.md", "CONTRIBUTING.md", *sorted(f"docs/{page.name}" for page in (REPOSITORY / "docs").glob("*.md"))]
SNAKEMAKE = get_argument_parser()
TARGETS = " ".join(re.findall(r"^([a-z_ ]+):", (REPOSITORY / "Makefile").read_text(), re.MULTILINE)).split()
PROGRAMS = "rcn-bench|make|snakemake|pytest|python|pip|conda|git|docker|apptainer|jupyter|curl|wget"
SMALLER = {
    "name": "mini",
    "data": {"digits": {"canvas": 20, "video_frames": 24, "clutter": 0}},
    "clip": {"crop": 16, "evaluation_clips": 2},
    "profile": {"size": 32, "num_classes": 4, "seconds": 0.01},
    "lifetime": {"videos": 8, "frames": 16},
    "models": {"i3d18": None},
    "tables": {"claims": {}, "table2": {"models": ["rcn18"]}, "table5": {"models": ["rcn18"]}},
}


def shown(text: str) -> Iterator[str]:
    """Each line of a block without a language, with those that it goes on in, but for comments and drawings, whose
    lines are indented; and what in a sentence begins with the name of a program."""
    block = r"^```(\w*)\n(.*?)^```"
    for language, lines in re.findall(block, text, re.MULTILINE | re.DOTALL):
        if language in ("", "sh", "bash", "shell", "console"):
            whole = re.sub(r"\\\n\s*", "", lines).splitlines()
            yield from (re.sub(r"\s+#.*", "", line) for line in whole if re.match(r"[^\s#]", line))
    sentences = re.sub(block, "", text, flags=re.MULTILINE | re.DOTALL)
    for command in re.findall(rf"`((?:[A-Z_]+=\S+\s)*(?:{PROGRAMS})\s[^`]+)`", sentences):
        yield " ".join(command.split())


@pytest.mark.parametrize("page", PAGES)
def test_every_command_is_typed_or_has_a_reason_why_not(page):
    commands = shown((REPOSITORY / page).read_text())
    assert [command for command in commands if meant(command) not in {*TYPED, *NOT_TYPED}] == []


def test_lists_name_commands_that_are_shown_each_once():
    commands = {command for page in PAGES for command in shown((REPOSITORY / page).read_text())}
    assert sorted([*TYPED, *NOT_TYPED]) == sorted({meant(command) for command in commands})
    assert set(MEANT) <= commands


@pytest.mark.parametrize("page", PAGES)
def test_every_command_names_what_there_is(page):
    """Of a part of one, too: no command or option of another name, no value that cannot be."""
    for command in shown((REPOSITORY / page).read_text()):
        for each in (command, meant(command)):
            require_known(each.replace(" ...", ""))


@pytest.mark.parametrize(
    "command", ["rcn-bench trian RUN", "rcn-bench models --all", "rcn-bench data cache --split test"]
)
def test_a_command_of_another_name_would_be_seen(command):
    with pytest.raises(SystemExit):
        require_known(command)


@pytest.mark.parametrize("command", ["make tea", "python tests/none.py", "snakemake --cores 4 --strong all"])
def test_another_target_file_or_option_would_be_seen(command):
    with pytest.raises((AssertionError, SystemExit)):
        require_known(command)


def test_a_new_command_would_be_seen():
    text = (
        "Call `make tea` or\n\n```\nbrew --strong  # now\n   | a drawing\n# a comment\n```\n\n```python\nx = 1\n```\n"
    )
    assert sorted(shown(text)) == ["brew --strong", "make tea"]


def test_what_stands_for_something_is_put_in():
    assert typed("rcn-bench status --config FILE") == "rcn-bench status --config config/mini.yaml"
    assert typed("make all CONFIG=config/smoke.yaml") == "make all CONFIG=config/smoke.yaml"


@pytest.fixture
def checkout(tmp_path):
    """A folder with what the commands need: the code, a small experiment under mini's name, videos of one's own."""
    for name in ("rcn_bench", "workflows", "Snakefile", "Makefile", "environment.yml", "pyproject.toml"):
        (tmp_path / name).symlink_to(REPOSITORY / name)
    (tmp_path / "constraints.txt").symlink_to(REPOSITORY / "constraints.txt")
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "reference").symlink_to(REPOSITORY / "results" / "reference")
    shutil.copytree(REPOSITORY / "config", tmp_path / "config")
    small = merged([REPOSITORY / "config" / "smoke.yaml"])
    update(small, SMALLER)
    shutil.copy(tmp_path / FILE, tmp_path / "config" / "whole.yaml")  # that of the kept results, which seeds.yaml draws
    seeds = tmp_path / "config" / "seeds.yaml"
    seeds.write_text(seeds.read_text().replace("base: mini.yaml", "base: whole.yaml"))
    (tmp_path / FILE).write_text(yaml.safe_dump(small))
    light_environment(tmp_path / ".venv")
    (tmp_path / ".venv" / "ready").touch()  # so that make fetches nothing
    _write_videos(tmp_path)
    tutorial = (REPOSITORY / "docs" / "tutorial.md").read_text()
    for name, text in re.findall(r"```(?:python|yaml)\n# (\w+\.\w+)\n(.*?)```", tutorial, re.DOTALL):
        (tmp_path / name).write_text(text)
    return tmp_path


def _write_videos(folder: Path) -> None:
    rng, rows = np.random.default_rng(0), {"train": ["path,label"], "val": ["path,label"]}
    for label in ("up", "down"):
        for number in range(6):
            path = folder / "videos" / label / f"{number}.mp4"
            path.parent.mkdir(parents=True, exist_ok=True)
            write_lossless(path, rng.integers(0, 256, (32, 40, 40)).astype(np.uint8), 16)
            rows["val" if number == 0 else "train"].append(f"{label}/{number}.mp4,{label}")
    for split, lines in rows.items():
        (folder / f"{split}.csv").write_text("\n".join(lines) + "\n")


def meant(command: str) -> str:
    return MEANT.get(command, command)


def typed(command: str) -> str:
    for placeholder, value in PLACEHOLDERS.items():
        command = re.sub(rf"(?<![\w.-]){re.escape(placeholder)}(?![\w=-])", value, command)
    return command


def require_known(command: str) -> None:
    """Errors: AssertionError or SystemExit for a target, file, command, option or value that there is not."""
    without_variables = re.sub(r"^([A-Z_]+=\S+\s)*", "", typed(command))
    program, *arguments = shlex.split(without_variables, comments=True)
    if program == "rcn-bench":
        lenient_parser().parse_args([argument for argument in arguments if argument != "--help"])
    elif program == "snakemake":
        SNAKEMAKE.parse_args(arguments)
    elif program == "make":
        assert arguments[0] in TARGETS, command
    elif program in ("python", "pytest"):
        for path in (word for word in arguments if word.startswith("tests/")):
            assert (REPOSITORY / path).exists(), command


@cache
def lenient_parser() -> argparse.ArgumentParser:
    """That of `rcn-bench`, but a part of a command will do."""
    parser = cli.build_parser()
    for each in parsers(parser):
        for part in (*each._actions, *each._mutually_exclusive_groups):  # argparse has no other way to them
            part.required = False
    return parser


def parsers(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """A parser, and those of its commands."""
    yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for each in action.choices.values():
                yield from parsers(each)


@pytest.mark.soak
def test_the_commands_are_carried_out_as_they_stand(checkout):
    path = f"{checkout / '.venv' / 'bin'}{os.pathsep}{os.environ['PATH']}"
    environment = os.environ | {"PATH": path, "PYTHONPATH": str(checkout)}
    failed = []
    for command in TYPED:
        begun = time.monotonic()
        done = subprocess.run(
            ["bash", "-c", typed(command)], cwd=checkout, env=environment, capture_output=True, text=True
        )
        print(f"{time.monotonic() - begun:5.0f} s  {command}")
        if done.returncode:
            failed.append(f"{command}: exit code {done.returncode}\n{done.stdout[-1500:]}\n{done.stderr[-1500:]}")
    assert not failed, "\n".join(failed)

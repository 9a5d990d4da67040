"""Every command of the README, of CONTRIBUTING.md and of every page of the documentation is carried out, or stands in a
list that says why not: a new one that does neither fails. The parsers of `rcn-bench` and Snakemake know what it names.

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
from pathlib import Path

import numpy as np
import pytest
import yaml
from light import light_environment
from snakemake.cli import get_argument_parser

from rcn_bench import cli
from rcn_bench.data.media.files import write_lossless
from rcn_bench.plan.config import merged, update

REPOSITORY = Path(__file__).parents[1]
PAGES = ["README.md", "CONTRIBUTING.md", *sorted(f"docs/{page.name}" for page in (REPOSITORY / "docs").glob("*.md"))]
TARGETS = " ".join(re.findall(r"^([a-z_ ]+):", (REPOSITORY / "Makefile").read_text(), re.MULTILINE)).split()
PROGRAMS = "rcn-bench|make|snakemake|pytest|python|pip|conda|git|docker|apptainer|jupyter|curl|wget"
RUN = "rcn18-t8-xh_stills-hh_identity-s0"
FILE = "config/mini.yaml"
SMALLER = {
    "name": "mini",
    "data": {"digits": {"canvas": 20, "video_frames": 24, "clutter": 0}},
    "clip": {"crop": 16, "evaluation_clips": 2},
    "profile": {"size": 32, "num_classes": 4, "seconds": 0.01},
    "lifetime": {"videos": 8, "frames": 16},
    "models": {"i3d18": None},
    "tables": {"claims": {}, "table2": {"models": ["rcn18"]}, "table5": {"models": ["rcn18"]}},
}
# What stands for something in a command that is shown.
PLACEHOLDERS = {
    "RUN RUN ...": f"{RUN} rcn18-t8-xh_random-hh_identity-s0",
    "RUN": RUN,
    "FILE": FILE,
    "CONFIG": FILE,
    "VIDEO": "videos/up/0.mp4",
    "VIDEOS": "videos",
    "FOLDER": "videos",
    "LIST": "train.csv",
    "NETWORK": "resnet18",
    "COMMAND": "train",
    "NAME": "val",
}
# The command that is meant, where a text names a part of it or stands for it.
MEANT = {
    "rcn-bench train RUN RUN ...": "rcn-bench train RUN RUN ... --config FILE",
    "rcn-bench train RUN --recompute-activations": "rcn-bench train RUN --recompute-activations --config FILE",
    "rcn-bench lifetime RUN": "rcn-bench lifetime RUN --config FILE",
    "rcn-bench data cache --verify": "rcn-bench data cache --verify --config FILE --split val",
    "rcn-bench data cache --split NAME": "rcn-bench data cache --config CONFIG --split train",
    "rcn-bench data cache": "rcn-bench data cache --config CONFIG --split train",
    "rcn-bench data make-digits": "rcn-bench data make-digits --config FILE",
    "rcn-bench init mine.yaml --train LIST --val LIST --videos FOLDER": (
        "rcn-bench init mine.yaml --train train.csv --val val.csv --videos videos --models rcn18 i3d18 c2d18"
    ),
    "rcn-bench check": "rcn-bench check --config FILE",
    "rcn-bench check --defaults --config FILE": "rcn-bench check --config FILE --defaults",
    "rcn-bench depends STAGE [TARGET] --config FILE": "rcn-bench depends train RUN --config FILE",
    "rcn-bench pretrain NETWORK": "rcn-bench pretrain NETWORK --config FILE",
    "rcn-bench train RUN": f"rcn-bench train {RUN} --config results/mini/config.yaml",
    "rcn-bench evaluate RUN": f"rcn-bench evaluate {RUN} --config results/mini/config.yaml",
    "rcn-bench online": "rcn-bench online RUN --config FILE",
    "rcn-bench stream": "rcn-bench stream VIDEO --weights results/mini/runs/RUN/model.safetensors --top 5",
    "rcn-bench stream --restart 0": (
        "rcn-bench stream VIDEO --weights results/mini/runs/RUN/model.safetensors --restart 0"
    ),
    "rcn-bench table table1_init": "rcn-bench table table1_init --config results/mini/config.yaml",
    "rcn-bench table NAME": "rcn-bench table table1_init --config results/mini/config.yaml",
    "rcn-bench table claims": "rcn-bench table claims --config FILE",
    "rcn-bench figure NAME": "rcn-bench figure figure1 --config results/mini/config.yaml",
    "rcn-bench figure NAME --config FILE": "rcn-bench figure figure1 --config results/mini/config.yaml",
    "rcn-bench verify": "rcn-bench verify results/mini",
    "rcn-bench verify FOLDER": "rcn-bench verify results/mini",
    "rcn-bench why TABLE --row R --column C --config FILE": (
        'rcn-bench why table1_init --row "stills identity" --column "video acc %" --config config/mini.yaml'
    ),
    "rcn-bench keep FOLDER DESTINATION": "rcn-bench keep results/mini kept",
    "rcn-bench crate FOLDER --output FILE --licence NAME": (
        "rcn-bench crate results/mini --output mini.zip --licence MIT"
    ),
    "rcn-bench compare A B": "rcn-bench compare results/mini results/reference/mini",
    "rcn-bench compare FIRST SECOND": "rcn-bench compare results/mini results/reference/mini",
    "rcn-bench report": "rcn-bench report results/mini results/reference/mini --output report.html",
    "rcn-bench report FOLDER": "rcn-bench report results/mini results/reference/mini --output report.html",
    "rcn-bench report FOLDER ...": "rcn-bench report results/mini results/reference/mini --output report.html",
    "rcn-bench estimate": "rcn-bench estimate --config config/kinetics.yaml",
    "rcn-bench bench": "rcn-bench bench --compare",
    "snakemake ... all_figures": "snakemake --cores 4 all",
}
SMOKE_RUN = f"results/smoke/runs/{RUN}/model.safetensors"
OWN_RUN = "results/practice/runs/rcn_regnet-t8-xh_random-hh_identity-s0/model.safetensors"
TYPED = [
    # The tutorial, in its order.
    "make all CONFIG=config/smoke.yaml",
    ". .venv/bin/activate",
    "rcn-bench status --config config/smoke.yaml",
    "cp -r results/reference/mini results/seeds",
    "rcn-bench show --config config/seeds.yaml",
    "rcn-bench figure figure1 --config config/seeds.yaml",
    'rcn-bench why table1_init --row "stills identity" --column "video acc %" --config config/smoke.yaml',
    "rcn-bench verify results/smoke",
    f"rcn-bench depends train {RUN} --config config/smoke.yaml",
    "snakemake -n --configfile config/smoke.yaml clips.yaml -- all_tables",
    "make report CONFIG=config/smoke.yaml",
    'make report FOLDERS="results/smoke results/reference/standard"',
    "rcn-bench init practice.yaml --videos results/smoke/data/videos --models rcn18 rcn_regnet --plugin my_models",
    "rcn-bench check --config practice.yaml",
    "snakemake --cores 2 --configfile practice.yaml few.yaml -- all_tables",
    "rcn-bench show --config practice.yaml few.yaml",
    f"rcn-bench evaluate --weights {OWN_RUN} --videos results/smoke/data/videos/val",
    'rcn-bench stream "results/smoke/data/videos/val/digit 1 up/val00000a_000000_000003.mp4"'
    f" --weights {SMOKE_RUN} --top 2",
    f"rcn-bench online {RUN} --config config/smoke.yaml",
    "snakemake --cores 2 --configfile config/smoke.yaml -- all",
    # All others.
    "rcn-bench --help",
    "rcn-bench COMMAND --help",
    "rcn-bench data make-digits --config FILE",
    "rcn-bench data cache --config CONFIG --split train",
    "make all_tables",
    "make all",
    "make report",
    "snakemake --cores 4 all_tables",
    "snakemake --cores 4 all",
    "snakemake --cores 16 --resources gpu=1 -- all",
    "snakemake -n --configfile config/kinetics.yaml",
    "rcn-bench show --config config/mini.yaml",
    "rcn-bench status --config FILE --watch 10",
    "rcn-bench depends train RUN --config FILE",
    "rcn-bench depends train --config FILE",
    "rcn-bench check --config FILE",
    "rcn-bench check --config FILE --defaults",
    "rcn-bench init mine.yaml --train train.csv --val val.csv --videos videos --models rcn18 i3d18 c2d18",
    "rcn-bench check --config mine.yaml",
    "rcn-bench data check --annotations train.csv --root videos --max-bad 1%",
    "rcn-bench data cache --verify --config FILE --split val",
    "rcn-bench plan --config FILE",
    "rcn-bench verify results/mini",
    'rcn-bench why table1_init --row "stills identity" --column "video acc %" --config config/mini.yaml',
    "rcn-bench verify results/reference/mini",
    "rcn-bench verify results/reference/standard",
    "rcn-bench keep results/mini kept",
    "rcn-bench crate results/mini --output mini.zip --licence MIT",
    "rcn-bench report results/mini results/reference/mini --output report.html",
    # What follows makes one run anew, by which results of before no longer hold.
    f"rcn-bench train {RUN} --config results/mini/config.yaml",
    f"rcn-bench evaluate {RUN} --config results/mini/config.yaml",
    "rcn-bench profile rcn18 --config results/mini/config.yaml",
    "rcn-bench throughput --config results/mini/config.yaml",
    "rcn-bench table table1_init --config results/mini/config.yaml",
    "rcn-bench table table1_init --config FILE --partial",
    f"rcn-bench w-hh {RUN} --config results/mini/config.yaml",
    "rcn-bench figure figure1 --config results/mini/config.yaml",
    "rcn-bench table claims --config FILE",
    "rcn-bench models",
    "rcn-bench certify rcn18 i3d18",
    "rcn-bench certify rcn18 i3d18_causal i3d18 c2d18",
    "rcn-bench stream VIDEO --weights results/mini/runs/RUN/model.safetensors --top 5",
    "rcn-bench stream VIDEO --weights results/mini/runs/RUN/model.safetensors --restart 0",
    "rcn-bench evaluate --weights results/mini/runs/RUN/model.safetensors --videos FOLDER",
    "rcn-bench online RUN --config FILE",
    "rcn-bench lifetime RUN --config FILE",
    "rcn-bench doctor",
    "rcn-bench data convert LIST --root VIDEOS --output our.csv",
    "rcn-bench pretrain NETWORK --config FILE",
    "rcn-bench train RUN RUN ... --config FILE",
    "rcn-bench train RUN --recompute-activations --config FILE",
]
KINETICS = "needs the videos of Kinetics"
TIMING = "minutes of timing on an idle machine"
FETCHES = "it fetches packages"
NOT_TYPED = {
    ".ci/run": "it calls this suite",
    "make lint": ".ci/run calls it",
    "git clone ADDRESS rcn_bench && cd rcn_bench": "this suite stands in a clone",
    "make test": ".ci/run calls it: it is this suite",
    "pytest": "it is this suite",
    "pytest --benchmark-only": ".ci/run calls it",
    "make docs": ".ci/run calls it",
    "pip install -e .[dev]": f".ci/run calls it, by make; {FETCHES}",
    "pip install -c constraints.txt -e .": FETCHES,
    "pip install -c constraints.txt --extra-index-url https://download.pytorch.org/whl/cpu -e .": FETCHES,
    "pip install '.[tensorboard]'": FETCHES,
    "pip install jupyterlab": FETCHES,
    "rcn-bench tensorboard results/mini --output logs": "needs that package; tests/page/test_events.py",
    "conda env create -f environment.yml": "needs conda; tests/test_environment.py looks at the file",
    "make all_claims CONFIG=config/seeds.yaml": "half an hour of training, whose results are in results/reference/mini",
    "snakemake --cores 4 --configfile config/mini.yaml more.yaml -- all_tables": (
        "trains three seeds; tests/plan/test_workflow.py plans a second config file"
    ),
    "snakemake --cores 4 --configfile mine.yaml -- all_tables": (
        "minutes of training at full size; tests/cli/test_init_command.py carries it out at a small one"
    ),
    "rcn-bench compare results/mini results/reference/mini": (
        "compares on the same videos, which take minutes of training; tests/reporting/test_compare.py has it"
    ),
    "rcn-bench bench --compare": f"{TIMING}; tests/reporting/test_benchmarks.py",
    "rcn-bench check --config config/kinetics.yaml": KINETICS,
    "rcn-bench estimate --config config/kinetics.yaml": f"{KINETICS} and a GPU, or hours",
    "rcn-bench estimate --config config/kinetics.yaml --train-videos 240000 --val-videos 20000": "a GPU, or hours",
    "rcn-bench train RUN --config config/kinetics.yaml": KINETICS,
    "rcn-bench estimate --config config/kinetics.yaml --step-times"
    " results/reference/nvidia_h100_80gb_hbm3/step_times.json --train-videos 240000 --val-videos 20000": (
        "a minute; tests/analysis/test_estimate.py"
    ),
    "rcn-bench data cache --config config/kinetics.yaml --split val": KINETICS,
    "rcn-bench calibrate r3d_18 --config config/kinetics.yaml": f"{KINETICS}, and a download of weights",
    "rcn-bench calibrate rcn50 --weights-file FILE": f"{KINETICS}, and the checkpoint of the paper's authors",
    "rcn-bench bench --kept": "tests/reporting/test_benchmarks.py",
    "rcn-bench bench --all --compare": TIMING,
    "pytest --benchmark-only tests/benchmarks/test_data_speed.py": TIMING,
    "pytest --benchmark-only tests/benchmarks/test_scan.py": TIMING,
    "python tests/benchmarks/many_videos.py FOLDER 200 2000": TIMING,
    "python tests/benchmarks/repeated_training.py": "minutes on a GPU",
    "python tests/coverage_of_intervals.py": "minutes; tests/test_intervals.py looks at fewer repeats",
    "python tests/config_page.py": "writes docs/config.md; tests/test_config_page.py holds the page to it",
    "python tests/soak/soak.py FOLDER --kills 50 --seed 0": "hours; tests/soak/test_soak.py sends three kills",
    "pytest -m soak tests/soak": "it is this suite's slowest part",
    "PYTHONPATH=tests python tests/fuzz/run.py": "hours; tests/fuzz/test_damaged_files.py has a part of it",
    "PYTHONPATH=.:tests python tests/sheet.py": "tests/data/test_sheet.py holds the page to it",
    "python tests/soak/growth.py": "minutes of watching memory",
    "rcn-bench table my_seeds --config own.yaml": "tests/test_extending.py makes it, by Snakemake",
    "snakemake --cores 16 --configfile FILE -- results/NAME/cache/train/000{00..39}.json": (
        "for a list of 20,000 videos; tests/soak/test_two_hosts.py has two machines share a cache"
    ),
    "git diff": "of the commits that `verify` names",
    "python -m http.server --directory build/docs": "serves until it is stopped",
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
        parser = cli.build_parser()
        for each in parsers(parser):
            for action in each._actions:  # argparse has no other way to them
                action.required = False
        parser.parse_args([argument for argument in arguments if argument != "--help"])
    elif program == "snakemake":
        get_argument_parser().parse_args(arguments)
    elif program == "make":
        assert arguments[0] in TARGETS, command
    elif program in ("python", "pytest"):
        for path in (word for word in arguments if word.startswith("tests/")):
            assert (REPOSITORY / path).exists(), command


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

"""Every command of the README, of the documentation's first page and of CONTRIBUTING.md is carried out, or stands in a
list that says why not: a new one that does neither fails.

They are typed one after the other in a folder that looks like a checkout, whose config/mini.yaml is a small experiment.
"""

import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import yaml
from light import light_environment

from rcn_bench.data.media.files import write_lossless
from rcn_bench.plan.config import merged, update

REPOSITORY = Path(__file__).parents[1]
PAGES = ("README.md", "docs/index.md", "CONTRIBUTING.md")
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
    "tables": {"table2": {"models": ["rcn18"]}, "table5": {"models": ["rcn18"]}},
}
# What stands for something in a command that is shown.
PLACEHOLDERS = {
    "RUN RUN ...": f"{RUN} rcn18-t8-xh_random-hh_identity-s0",
    "RUN": RUN,
    "FILE": FILE,
    "VIDEO": "videos/up/0.mp4",
    "FOLDER": "videos",
}
# A part of a command as it is typed, where the text leaves out what it has just said.
WHOLE = {
    "rcn-bench train RUN RUN ...": "rcn-bench train RUN RUN ... --config FILE",
    "rcn-bench train RUN --recompute-activations": "rcn-bench train RUN --recompute-activations --config FILE",
    "rcn-bench lifetime RUN": "rcn-bench lifetime RUN --config FILE",
    "rcn-bench data cache --verify": "rcn-bench data cache --verify --config FILE --split val",
}
TYPED = [
    "make all_tables",
    "make all",
    "make report",
    "snakemake --cores 4 all_tables",
    "snakemake --cores 4 all",
    "snakemake --cores 16 --resources gpu=1 -- all",
    "snakemake -n --configfile config/kinetics.yaml",
    "rcn-bench plan --config config/kinetics.yaml --gpus 8 --train-videos 240000 --val-videos 20000",
    "rcn-bench show --config config/mini.yaml",
    "rcn-bench status --config FILE --watch 10",
    "rcn-bench depends train RUN --config FILE",
    "rcn-bench check --config FILE",
    "rcn-bench check --config FILE --defaults",
    "rcn-bench init mine.yaml --train train.csv --val val.csv --videos videos --models rcn18 i3d18 c2d18",
    "rcn-bench check --config mine.yaml",
    "rcn-bench data check --annotations train.csv --root videos --max-bad 1%",
    "rcn-bench data cache --verify",
    "rcn-bench verify results/mini",
    'rcn-bench why table1_init --row "stills identity" --column "video acc %" --config config/mini.yaml',
    "rcn-bench verify results/reference/mini",
    "rcn-bench verify results/reference/standard",
    "rcn-bench keep results/mini kept",
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
    "rcn-bench models",
    "rcn-bench certify rcn18 i3d18",
    "rcn-bench stream VIDEO --weights results/mini/runs/RUN/model.safetensors --top 5",
    "rcn-bench evaluate --weights results/mini/runs/RUN/model.safetensors --videos FOLDER",
    "rcn-bench lifetime RUN",
    "rcn-bench doctor",
    "rcn-bench train RUN RUN ...",
    "rcn-bench train RUN --recompute-activations",
]
KINETICS = "needs the videos of Kinetics"
NOT_TYPED = {
    ".ci/run": "it calls this suite",
    "make lint": ".ci/run calls it",
    "make all CONFIG=config/smoke.yaml": ".ci/run calls it",
    "make test": ".ci/run calls it: it is this suite",
    "pytest": "it is this suite",
    "pytest --benchmark-only": ".ci/run calls it",
    "make docs": ".ci/run calls it",
    "pip install -e .[dev]": ".ci/run calls it, by make; it fetches packages",
    "pip install '.[tensorboard]'": "it fetches packages",
    "rcn-bench tensorboard results/mini --output logs": "needs that package; tests/page/test_events.py",
    "conda env create -f environment.yml": "needs conda; tests/test_environment.py looks at the file",
    "make all_claims CONFIG=config/seeds.yaml": "half an hour of training, whose results are in results/reference/mini",
    "snakemake --cores 2 --configfile config/smoke.yaml -- all": ".ci/run calls it, by make",
    "snakemake --cores 4 --configfile config/mini.yaml more.yaml -- all_tables": (
        "trains three seeds; tests/plan/test_workflow.py plans a second config file"
    ),
    "snakemake --cores 4 --configfile mine.yaml -- all_tables": (
        "minutes of training at full size; tests/cli/test_init_command.py carries it out at a small one"
    ),
    "rcn-bench compare results/mini results/reference/mini": (
        "compares on the same videos, which take minutes of training; tests/reporting/test_compare.py has it"
    ),
    "rcn-bench bench --compare": "minutes of timing on an idle machine; tests/reporting/test_benchmarks.py",
    "rcn-bench check --config config/kinetics.yaml": KINETICS,
    "rcn-bench estimate --config config/kinetics.yaml": f"{KINETICS} and a GPU, or hours",
    "rcn-bench data cache --config config/kinetics.yaml --split val": KINETICS,
    "rcn-bench calibrate r3d_18 --config config/kinetics.yaml": f"{KINETICS}, and a download of weights",
    "python -m http.server --directory build/docs": "serves until it is stopped",
}


def shown(text: str) -> Iterator[str]:
    """Each line of a block without a language, but for comments and drawings, whose lines are indented; and what in a
    sentence begins with the name of a program."""
    block = r"^```(\w*)\n(.*?)^```"
    for language, lines in re.findall(block, text, re.MULTILINE | re.DOTALL):
        if language in ("", "sh", "bash", "shell", "console"):
            yield from (re.sub(r"\s+#.*", "", line) for line in lines.splitlines() if re.match(r"[^\s#]", line))
    sentences = re.sub(block, "", text, flags=re.MULTILINE | re.DOTALL)
    for command in re.findall(rf"`((?:{PROGRAMS})\s[^`]+)`", sentences):
        yield " ".join(command.split())


@pytest.mark.parametrize("page", PAGES)
def test_every_command_is_typed_or_has_a_reason_why_not(page):
    commands = list(shown((REPOSITORY / page).read_text()))
    assert len(commands) >= 4
    assert [command for command in commands if command not in {*TYPED, *NOT_TYPED}] == []


def test_lists_name_commands_that_are_shown_each_once():
    commands = {command for page in PAGES for command in shown((REPOSITORY / page).read_text())}
    assert sorted([*TYPED, *NOT_TYPED]) == sorted(commands)


def test_a_new_command_would_be_seen():
    text = (
        "Call `make tea` or\n\n```\nbrew --strong  # now\n   | a drawing\n# a comment\n```\n\n```python\nx = 1\n```\n"
    )
    assert sorted(shown(text)) == ["brew --strong", "make tea"]


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


def typed(command: str) -> str:
    whole = WHOLE.get(command, command)
    for placeholder, value in PLACEHOLDERS.items():
        whole = re.sub(rf"(?<![\w.-]){re.escape(placeholder)}(?![\w-])", value, whole)
    return whole


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

"""An environment like this one at another place, and a copy of the sources: to run Snakemake on, and to edit."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]


def light_environment(folder: Path) -> Path:
    """The Python of an environment in folder that has all that this one has; only links, so it takes no room."""
    here = Path(sys.executable).parents[1]
    (folder / "bin").mkdir(parents=True)
    for command in (here / "bin").iterdir():
        (folder / "bin" / command.name).symlink_to(command)
    (folder / "lib").symlink_to(here / "lib")
    shutil.copy(here / "pyvenv.cfg", folder)
    return folder / "bin" / Path(sys.executable).name


@dataclass(frozen=True)
class Checkout:
    """A copy of the package and of the workflow, whose jobs are planned and marked as done but never run.

    config: relative to root.
    """

    root: Path
    config: str

    @classmethod
    def of(cls, root: Path, config: str, files: Mapping[str, str] | None = None) -> "Checkout":
        """files: others to write, by their paths."""
        for name in ("rcn_bench", "workflows", "config"):
            shutil.copytree(REPOSITORY / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
        for name in ("Snakefile", "environment.yml"):
            shutil.copy(REPOSITORY / name, root)
        # The check before the first job loads torch, and is not what is looked at here.
        (root / "rcn_bench" / "cli" / "__main__.py").write_text("")
        for name, text in (files or {}).items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return cls(root, config)

    def snakemake(self, *arguments: str) -> str:
        command = [sys.executable, "-m", "snakemake", *arguments, "--configfile", self.config, "--", "all"]
        environment = os.environ | {"PYTHONPATH": str(self.root)}
        done = subprocess.run(command, cwd=self.root, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    def mark_all_as_done(self) -> set[str]:
        """All jobs, as rule and wildcard; their outputs are empty files, with what Snakemake notes of a job."""
        blocks = _blocks(self.snakemake("-n", "--forceall"))
        for block in blocks.values():
            for output in re.search(r"    output: (.*)", block)[1].split(", "):
                path = self.root / output
                path.parent.mkdir(parents=True, exist_ok=True)
                path.mkdir() if not path.suffix else path.touch()
        self.snakemake("--touch", "--forceall", "--cores", "1")
        return set(blocks)

    def to_rerun(self) -> dict[str, str]:
        """Every job that Snakemake would run now, with its reason."""
        return {job: re.search(r"    reason: (.*)", block)[1] for job, block in _blocks(self.snakemake("-n")).items()}

    def require_rerun(self, expected: set[str]) -> None:
        """Assert that exactly these jobs would run for what they themselves depend on, and others only follow them.

        Of a job that follows another, Snakemake tells no more.
        """
        reasons = self.to_rerun()
        changed = {job for job, reason in reasons.items() if "Params have changed" in reason}
        for job in set(reasons) - changed:
            assert reasons[job].startswith("Input files updated by another job: "), (job, reasons[job])
        assert changed <= expected, f"too much: {changed - expected}"
        assert expected <= set(reasons), f"too little: {expected - set(reasons)}"
        assert bool(changed) == bool(expected)


def _blocks(text: str) -> dict[str, str]:
    """What Snakemake prints of each job, by its rule and its wildcards' values."""
    found = re.findall(r"^(?:local)?rule (\w+):\n((?:    .*\n)+)", text, re.MULTILINE)
    return {
        _job(rule, block): block
        for rule, block in found
        if rule not in ("all", "all_tables", "all_figures", "all_claims")
    }


def _job(rule: str, block: str) -> str:
    wildcards = re.search(r"    wildcards: (.*)", block)
    return " ".join([rule, *(part.partition("=")[2] for part in wildcards[1].split(", "))] if wildcards else [rule])

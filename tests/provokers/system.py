"""Disks, memory, Snakemake, and faults of the package itself."""

import errno
import os
import subprocess
import sys
from pathlib import Path

from provokers.user import OWN, REPOSITORY, RUN, Met, User, provoker, slow
from rcn_bench import files
from rcn_bench.errors import InputError, one_line
from rcn_bench.plan.slurm import Ask, require_room


@provoker
def full_disk(user: User) -> Met:
    user.has_videos()

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    user.monkeypatch.setattr(files.os, "fsync", full)
    return user.caches({})


@provoker
def no_right_to_write(user: User) -> Met:
    user.has_videos()

    def refuse(path: Path, *_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    config = user.config({}, OWN)
    user.monkeypatch.setattr(files.Path, "mkdir", refuse)
    return user.runs("data", "cache", "--config", config, "--split", "val").naming("results", "Permission denied")


@provoker
def share_of_a_gpu(user: User) -> Met:
    user.monkeypatch.setenv("RCN_BENCH_GPUS", "0")
    user.monkeypatch.setenv("RCN_BENCH_GPU_SHARE", "5")
    return user.trains({}).naming("RCN_BENCH_GPU_SHARE", "5")


def _snakemake(*arguments: object) -> Met:
    command = [sys.executable, "-m", "snakemake", "--cores", "1", "--snakefile", REPOSITORY / "Snakefile", *arguments]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, (REPOSITORY, REPOSITORY / "tests")))}
    done = subprocess.run([str(each) for each in command], capture_output=True, text=True, env=environment)
    told = done.stderr.partition('\n  File "')[0]  # behind it stands the place in the rules that raised it
    return Met(done.returncode, told)


@provoker
@slow
def config_that_snakemake_refuses(user: User) -> Met:
    return _snakemake("--configfile", user.config({"sedes": [1]}), "--", "all").naming("own.yaml", "sedes")


@provoker
@slow
def check_that_snakemake_refuses(user: User) -> Met:
    config = user.has_videos()
    Path("videos").rename("elsewhere")
    return _snakemake("--configfile", config, "--", f"results/own/runs/{RUN}/eval.json").naming("own.yaml", "videos")


def _on_a_cluster(user: User, answer: str, partition: str = "", cores: int = 1) -> Met:
    """What the rules ask SLURM at their start, of a cluster whose sinfo is this shell script; so without executor."""
    if answer:
        (user.folder / "sinfo").write_text(f"#!/bin/sh\n{answer}\n")
        (user.folder / "sinfo").chmod(0o755)
    user.monkeypatch.setenv("PATH", str(user.folder))
    try:
        require_room([Ask("train", partition, cores, memory=1000, runtime=60, gpus=1)])
    except InputError as error:
        return Met(1, one_line(error))
    return Met(0, "")


NODE = "echo 'main*|4|64000|2-00:00:00|gpu:2'"


@provoker
def job_that_snakemake_finds_no_node_for(user: User) -> Met:
    return _on_a_cluster(user, NODE, cores=5).naming("train", 5, "main", 4)


@provoker
def partition_that_snakemake_does_not_find(user: User) -> Met:
    return _on_a_cluster(user, NODE, "nowhere").naming("nowhere", "main")


@provoker
def slurm_that_does_not_answer_snakemake(user: User) -> Met:
    return _on_a_cluster(user, "echo 'Unable to contact slurm controller' >&2; exit 1").naming("Unable to contact")


@provoker
def snakemake_without_commands_of_slurm(user: User) -> Met:
    return _on_a_cluster(user, "")


@provoker
def fault_of_the_package(user: User) -> Met:
    script = (
        "import sys; from rcn_bench.cli import main, options\n"
        "options.load_experiment = lambda *_: 1 / 0\n"
        "sys.exit(main(['show', '--config', 'own.yaml']))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    return Met(done.returncode, done.stderr).naming("show --config own.yaml")

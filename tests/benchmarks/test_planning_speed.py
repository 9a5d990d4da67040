"""Planning a grid of runs with Snakemake, beside a workflow of as many jobs and files that asks nothing of its own.

And planning on many videos beside few, in as many shards, once their list has been counted.

    RCN_BENCH_PLANNED_RUNS="200 2000 20000" pytest --benchmark-only tests/benchmarks/test_planning_speed.py

Kept beside the seconds are those of the processor, user and system, which other work on the machine moves less, and
the most memory, in MiB.
"""

import os
import subprocess
import sys
from functools import partial
from pathlib import Path
from statistics import median

import pytest
import yaml

from rcn_bench.plan.workflow import Workflow

REPOSITORY = Path(__file__).parents[2]
SIZES = [int(size) for size in os.environ.get("RCN_BENCH_PLANNED_RUNS", "200").split()]
ROUNDS = 3
FEW, MANY = 480, 240_000  # videos
# In a process of its own, which waits for no other, so that what its child took is this command's.
MEASURED = (
    "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True, capture_output=True);"
    "used = resource.getrusage(resource.RUSAGE_CHILDREN);"
    "print(used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)"
)
BARE = """
RUNS = range({runs})
FILES = {files}

rule all:
    input: "bare/table.md"

rule table:
    input: [f"bare/runs/{{run}}/{{file}}" for run in RUNS for file in {read}]
    output: "bare/table.md"
    shell: "touch {{output}}"

for stage, files in FILES.items():
    rule:
        name: stage
        input: "bare/cache" if stage == "train" else "bare/runs/{{run}}/model.safetensors"
        output: ["bare/runs/{{run}}/" + file for file in files]
        log: "bare/logs/" + stage + "/{{run}}.log"
        benchmark: "bare/benchmarks/" + stage + "/{{run}}.tsv"
        shell: "touch {{output}}"

rule cache:
    output: "bare/cache"
    shell: "touch {{output}}"
"""
FILES = {
    "train": ["model.safetensors", "metrics.jsonl", "provenance.json"],
    "evaluate": ["eval.json", "predictions.csv", "scores.safetensors"],
    "w_hh": ["w_hh.json", "w_hh.safetensors"],
}


READ = ["eval.json", "predictions.csv", "provenance.json", "w_hh.json"]  # of a run, by tables and figures


def grid(folder: Path, runs: int) -> Path:
    """A config of Table 1 and the figures of its runs alone, four starts with so many seeds together."""
    content = {
        "base": str(REPOSITORY / "config" / "mini.yaml"),
        "name": "grid",
        "seeds": list(range(runs // 4)),
        "models": dict.fromkeys(("c2d18", "i3d18", "r2plus1d18", "rcn34")),
        "tables": dict.fromkeys(("table2", "table3", "table4", "table5")),
        "figures": None,
    }
    path = folder / "grid.yaml"
    path.write_text(yaml.safe_dump(content))
    return path


def plan(folder: Path, used: list[tuple[float, float]], *arguments: object) -> None:
    command = [sys.executable, "-m", "snakemake", "-n", "--quiet", "all", "--nolock", *map(str, arguments)]
    measured = [sys.executable, "-c", MEASURED, *command]
    told = subprocess.run(measured, cwd=folder, check=True, stdout=subprocess.PIPE, text=True).stdout
    processor, memory = map(float, told.split())
    used.append((processor, memory))


@pytest.mark.parametrize("runs", SIZES)
def test_planning(timed, benchmark, tmp_path, runs):
    (tmp_path / "bare.smk").write_text(BARE.format(runs=runs, files=FILES, read=READ))
    ours: list[tuple[float, float]] = []
    bare: list[tuple[float, float]] = []
    rules = ("-s", REPOSITORY / "Snakefile", "--configfile", grid(tmp_path, runs), "--", "all")
    timed(
        f"{runs} runs planned, their evaluation and w_hh",
        "rcn_bench",
        partial(plan, tmp_path, ours, *rules),
        subject=True,
        beside={"a bare workflow": partial(plan, tmp_path, bare, "-s", "bare.smk")},
        rounds=ROUNDS,
        warmup_rounds=0,
    )
    for number, what in enumerate(("processor_seconds", "memory_mib")):
        of_ours, of_bare = (median(used[number] for used in each) for each in (ours, bare))
        benchmark.extra_info[what] = {"rcn_bench": of_ours, "a bare workflow": of_bare, "ratio": of_ours / of_bare}


def counted(videos: int) -> str:
    """A config of random weights alone on a list with so many videos in 480 shards; in the working directory."""
    name = f"{videos}-videos"
    for split, count in (("train", videos), ("val", 2)):
        rows = (f"{number:06d}.mp4,{number % 4}\n" for number in range(count))
        Path(f"{name}-{split}.csv").write_text("".join(["path,label\n", *rows]))
    config = yaml.safe_load((REPOSITORY / "config" / "mini.yaml").read_text())
    del config["pretrain"]
    lists = {split: f"{name}-{split}.csv" for split in ("train", "val")}
    data = {"annotations": lists, "videos": "videos", "shard_videos": videos // FEW}
    models = {model: {**starts, "w_xh": ["random"]} for model, starts in config["models"].items()}
    Path(f"{name}.yaml").write_text(
        yaml.safe_dump({**config, "name": name, "pretrained": None, "data": data, "models": models})
    )
    Workflow([f"{name}.yaml"]).keep_counts()
    return f"{name}.yaml"


def test_planning_on_many_videos(timed, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    many, few = (
        partial(plan, tmp_path, [], "-s", REPOSITORY / "Snakefile", "--configfile", counted(videos), "--", "all")
        for videos in (MANY, FEW)
    )
    timed(
        "videos in 480 shards planned",
        f"{MANY:,} videos",
        many,
        subject=True,
        beside={f"{FEW} videos": few},
        rounds=ROUNDS,
        warmup_rounds=0,
    )

"""A workflow that is carried out: what it checks and writes before its first job, and how it stops and goes on."""

import json
import os
import platform
import signal
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import yaml
from experiments import CONFIGS

# The least that makes every table: four runs of one model, on clips of 4 small frames.
SMALLEST = {
    "name": "smallest",
    "data": {"digits": {"canvas": 20, "video_frames": 16}},
    "clip": {"crop": 16, "evaluation_clips": 2},
    "train": {"epochs": 3, "frames_per_batch": 32},
    "tables": {
        "table1": {"model": "rcn18", "frames": 4},
        "table2": {"models": ["rcn18"], "frames": 4},
        "table3": {"models": ["rcn18"], "frames": [4]},
        "table4": {"models": ["rcn18"], "frames": [4]},
        "table5": {"models": ["rcn18"], "frames": 4},
        "league": None,
        "trainings": None,
    },
    "profile": {
        "size": 32,
        "num_classes": 4,
        "memory_frames_per_batch": 8,
        "timing_frames_per_batch": 8,
        "seconds": 0.01,
    },
}
TABLE1_ALONE = dict.fromkeys(["table2", "table3", "table4", "table5"])


def small_experiment(tmp_path, **changes):
    """A call of Snakemake that makes all tables of the smallest experiment, in a working directory of its own."""
    path = tmp_path / "smallest.yaml"
    path.write_text(yaml.safe_dump(SMALLEST | {"tables": SMALLEST["tables"] | changes}))
    snakefile = str(CONFIGS.parent / "Snakefile")
    command = [sys.executable, "-m", "snakemake", "-s", snakefile, "--cores", "2", "--directory", str(tmp_path)]
    return [*command, "--configfile", str(CONFIGS / "smoke.yaml"), str(path), "--", "all_tables"]


@pytest.mark.slow
def test_what_stops_the_check_stops_before_any_job_and_leaves_nothing(tmp_path):
    # c2d18 has no recurrence to be summed, which only torch can tell.
    models = {"models": ["rcn18", "c2d18+sum"], "frames": 4}
    command = small_experiment(tmp_path, table2=models)
    config = yaml.safe_load((tmp_path / "smallest.yaml").read_text())
    (tmp_path / "smallest.yaml").write_text(yaml.safe_dump(config | {"models": {"c2d18+sum": {"w_xh": ["stills"]}}}))
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode != 0
    assert f"{CONFIGS / 'smoke.yaml'} + {tmp_path / 'smallest.yaml'}" in done.stderr or "c2d18" in done.stderr
    assert "c2d18" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "results").exists()


@pytest.mark.slow
def test_model_that_nobody_registered_is_no_plan(tmp_path):
    command = small_experiment(tmp_path, table4={"models": ["rcn18", "rcn19"], "frames": [4]})
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode != 0
    assert "tables.table4: unknown model 'rcn19'; did you mean rcn18?" in done.stderr + done.stdout
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "results").exists()


def wait_for(happened, process, output):
    deadline = time.monotonic() + 300
    while not happened():
        assert process.poll() is None, output.read_text()
        assert time.monotonic() < deadline, output.read_text()
        time.sleep(0.02)


@contextmanager
def started(command, tmp_path):
    """Starts it, and yields it with the file of what it prints, when its first training has a checkpoint."""
    output, results = tmp_path / "output.txt", tmp_path / "results" / "smallest"
    with output.open("w") as stream:
        process = subprocess.Popen(
            command,
            stdout=stream,
            stderr=stream,
            start_new_session=True,  # a terminal's Ctrl-C, too, goes to the whole group
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # even below `... &`
        )
    try:
        wait_for(lambda: list(results.glob("checkpoints/rcn18*.pt")), process, output)
        yield process, output
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def stopped_run(results):
    """The name of the run that has a checkpoint."""
    return next(results.glob("checkpoints/rcn18*.pt")).name.partition(".")[0]


def assert_all_is_made(results, tables):
    assert not list(results.glob("checkpoints/*"))
    assert len(list(results.glob("tables/table*"))) == tables * 4
    assert not list(results.rglob(".*.tmp*"))
    assert not list(results.glob("at_work/*.json"))


@pytest.mark.soak
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ids=lambda number: number.name)
def test_same_command_goes_on_after_all_were_stopped(tmp_path, number):
    command, results = small_experiment(tmp_path), tmp_path / "results" / "smallest"
    with started(command, tmp_path) as (first, _):
        run = stopped_run(results)
        os.killpg(first.pid, number)
        assert first.wait(60) != 0
    log = results / "logs" / "train" / f"{run}.log"
    if number == signal.SIGINT:
        assert log.read_text().splitlines()[-1].startswith("rcn-bench: interrupted; the same command goes on")
    assert not (results / "runs" / run / "model.safetensors").exists()

    second = subprocess.run(command, capture_output=True, text=True)
    assert second.returncode == 0, second.stderr
    assert log.read_text().startswith(f"{run}: resuming after epoch ")
    assert len((results / "runs" / run / "metrics.jsonl").read_text().splitlines()) == SMALLEST["train"]["epochs"]
    assert_all_is_made(results, tables=6)


@pytest.mark.soak
def test_same_command_goes_on_after_snakemake_alone_was_killed(tmp_path):
    command, results = small_experiment(tmp_path, **TABLE1_ALONE), tmp_path / "results" / "smallest"
    with started(command, tmp_path) as (first, output):
        run = stopped_run(results)
        orphan = json.loads((results / "at_work" / f"train {run}.json").read_text())["process"]
        pid = int(orphan.split()[1])
        os.kill(pid, signal.SIGSTOP)  # until the second is there
        first.kill()
        first.wait()
        log = results / "logs" / "train" / f"{run}.log"
        told = log.read_text()
        with started(command, tmp_path) as (second, output):
            line = f"results/smallest: train {run} ({orphan}) is left of a Snakemake that was stopped; waiting for it"
            wait_for(lambda: line in output.read_text(), second, output)
            assert log.read_text() == told  # not removed while it is written
            os.kill(pid, signal.SIGCONT)
            assert second.wait(600) == 0, output.read_text()
    assert log.read_text() == f"{run}: resuming after epoch {SMALLEST['train']['epochs']}\n"  # its work was taken up
    assert_all_is_made(results, tables=1)
    third = subprocess.run(command, capture_output=True, text=True)
    assert "Nothing to be done" in third.stdout + third.stderr


@pytest.mark.slow
def test_a_second_workflow_is_refused_and_the_first_not_disturbed(tmp_path):
    command, results = small_experiment(tmp_path, **TABLE1_ALONE), tmp_path / "results" / "smallest"
    with started(command, tmp_path) as (first, output):
        run = stopped_run(results)
        same, other = (
            subprocess.run([*command[:-2], *arguments, *command[-2:]], capture_output=True, text=True)
            for arguments in ([], ["--config", "seeds=[1]"])
        )
        holder = f"results/smallest: Snakemake (PID {first.pid} on {platform.node()}) is at work here"
        assert f"{holder} on the same files, such as results/smallest/" in same.stderr
        assert f"{holder} with another config (seeds was [0], is [1])" in other.stderr
        assert same.returncode != 0 != other.returncode
        assert "Traceback" not in same.stderr + other.stderr
        by_hand = [
            str(Path(sys.executable).with_name("rcn-bench")),
            "train",
            run,
            "--config",
            str(CONFIGS / "smoke.yaml"),
        ]
        (tmp_path / "other.yaml").write_text(yaml.safe_dump({"name": "smallest"}))
        told = subprocess.run([*by_hand, str(tmp_path / "other.yaml")], cwd=tmp_path, capture_output=True, text=True)
        assert told.returncode == 2
        assert "is at work here with another config" in told.stderr
        assert first.wait(600) == 0, output.read_text()
    assert_all_is_made(results, tables=1)

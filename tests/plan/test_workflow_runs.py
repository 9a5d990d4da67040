"""A workflow that is carried out: what it checks and writes before its first job, and how it stops and goes on."""

import os
import signal
import subprocess
import sys
import time

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
    },
    "profile": {
        "size": 32,
        "num_classes": 4,
        "memory_frames_per_batch": 8,
        "timing_frames_per_batch": 8,
        "seconds": 0.01,
    },
}


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


def test_model_that_nobody_registered_is_no_plan(tmp_path):
    command = small_experiment(tmp_path, table4={"models": ["rcn18", "rcn19"], "frames": [4]})
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode != 0
    assert "tables.table4: unknown model 'rcn19'; did you mean rcn18?" in done.stderr + done.stdout
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "results").exists()


@pytest.mark.slow
def test_same_command_goes_on_after_ctrl_c(tmp_path):
    command, results = small_experiment(tmp_path), tmp_path / "results" / "smallest"
    output = tmp_path / "output.txt"
    with output.open("w") as stream:
        first = subprocess.Popen(
            command,
            stdout=stream,
            stderr=stream,
            start_new_session=True,  # a terminal's Ctrl-C, too, goes to the whole group
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # even below `... &`
        )
        try:
            deadline = time.monotonic() + 300
            while not (checkpoints := list(results.glob("checkpoints/rcn18*.pt"))):
                assert first.poll() is None, output.read_text()
                assert time.monotonic() < deadline, output.read_text()
                time.sleep(0.02)
            os.killpg(first.pid, signal.SIGINT)
            assert first.wait(60) != 0
        finally:
            if first.poll() is None:
                os.killpg(first.pid, signal.SIGKILL)
    stopped = checkpoints[0].stem
    assert checkpoints[0].exists()
    log = results / "logs" / "train" / f"{stopped}.log"
    assert log.read_text().splitlines()[-1].startswith("rcn-bench: interrupted; the same command goes on")
    assert not (results / "runs" / stopped / "model.safetensors").exists()

    second = subprocess.run(command, capture_output=True, text=True)  # without --unlock or --rerun-incomplete
    assert second.returncode == 0, second.stderr
    assert log.read_text().startswith(f"{stopped}: resuming after epoch ")
    assert len((results / "runs" / stopped / "metrics.jsonl").read_text().splitlines()) == SMALLEST["train"]["epochs"]
    assert not list(results.glob("checkpoints/*"))
    assert len(list(results.glob("tables/table*"))) == 6 * 4

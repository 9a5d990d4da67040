"""The programs that measure scaling, tried out by two processes on the CPU, so that they work where there are GPUs."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from torch import distributed

from rcn_bench.files import read_json
from rcn_bench.plan.config import check_config

REPOSITORY = Path(__file__).parents[1]
PROGRAMS = REPOSITORY / "tests" / "benchmarks" / "scaling"
TORCHRUN = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
NEEDS_GLOO = pytest.mark.skipif(not distributed.is_gloo_available(), reason="needs gloo")


def called(*arguments: object) -> str:
    """What a program of Python prints, on a machine whose GPUs are hidden."""
    environment = {"PYTHONPATH": os.pathsep.join([str(REPOSITORY), *sys.path]), "CUDA_VISIBLE_DEVICES": ""}
    command = [sys.executable, *map(str, arguments)]
    done = subprocess.run(command, env=os.environ | environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def programs(monkeypatch):
    """They can be imported."""
    monkeypatch.syspath_prepend(str(PROGRAMS))


@pytest.mark.slow
@NEEDS_GLOO
def test_steps_of_two_processes_are_timed_beside_one_and_drawn(tmp_path):
    file = tmp_path / "scaling.json"
    called(*TORCHRUN, PROGRAMS / "measure.py", "rcn_pocket:4", "--output", file, "--results", tmp_path, "--tiny")
    content = read_json(file)["2"]
    rows = content["steps from rcn_pocket:4"]
    assert [(row["scaling"], row["clips"]) for row in rows] == [("weak", 8), ("strong", 4)]
    for row in rows:
        assert {way: len(rounds) for way, rounds in row["seconds"].items()} == dict.fromkeys(
            ("one", "side by side", "together"), 5
        )
        assert row["gradient_bytes"] > 0
    printed = called(PROGRAMS / "draw.py", file)
    assert f"| {rows[0]['efficiency']:.3f} " in printed
    assert {path.suffix for path in tmp_path.glob("efficiency.*")} == {".png", ".pdf", ".svg", ".csv", ".json"}
    assert read_json(file)["2"] == content


@pytest.mark.slow
def test_jobs_that_take_gpus_at_once_are_alone_on_them(tmp_path):
    file = tmp_path / "scaling.json"
    arguments = ["--processes", 2, "--results", tmp_path / "results", "--output", file, "--tiny", "--only", "gpu_slots"]
    assert called(PROGRAMS / "check.py", *arguments) == "gpu_slots: holds\n"
    found = read_json(file)["2"]["gpu_slots"]
    assert (found["jobs"], found["most_on_a_gpu"]["alone"]) == (4, 1)


@pytest.mark.soak
@NEEDS_GLOO
def test_all_of_it(tmp_path):
    file = tmp_path / "scaling.json"
    printed = called(PROGRAMS / "run.py", "--processes", 2, "--output", file, "--tiny")
    content = read_json(file)["2"]
    for check in ("gpu_slots", "same_bits", "loss_curves", "resumed_by_all", "resumed_by_one"):
        assert content[check]["holds"], content[check]
        assert f"{check}: holds" in printed
    assert [row["data"] for row in content["steps from rcn_pocket:4"]] == ["resident", "resident", "cache"]


@pytest.mark.parametrize("tiny", [False, True])
def test_what_is_trained_is_an_experiment(programs, tiny):
    from parts import config

    assert check_config(config(tiny), "scaling").train.epochs >= 20


def test_efficiency_is_of_as_many_processes(programs):
    from parts import with_rates

    seconds = {"one": [2.0, 1.0, 1.0], "side by side": [1.0, 1.0, 1.5], "together": [1.25, 1.25, 1.75]}
    row = with_rates({"clips_of_one": 64, "clips": 64, "seconds": seconds}, 4)
    assert row["clips_per_second"] == {"one": 64.0, "together": 4 * 64 / 1.25}
    assert row["efficiency"] == pytest.approx(0.8)
    assert row["seconds_for_gradients"] == pytest.approx(0.25)
    split = with_rates({"clips_of_one": 64, "clips": 16, "seconds": {"one": [1.0], "together": [0.5]}}, 4)
    assert split["efficiency"] == pytest.approx(0.5)
    assert "seconds_for_gradients" not in split


def test_jobs_on_one_gpu_count_while_they_hold_it(programs):
    from check import at_once

    jobs = [{"taken": taken, "began": began, "ended": began + 2} for taken, began in (("a", 0), ("a", 1), ("b", 1))]
    assert [at_once(jobs, job) for job in jobs] == [1, 2, 1]


def test_a_curve_is_held_against_what_rounding_alone_does(programs):
    from check import same_curve

    one, twin, near, far = ({"losses": losses} for losses in ([2.0, 1.0], [2.0, 0.9], [2.0, 1.15], [2.0, 0.75]))
    assert not same_curve(one, near)["holds"]
    found = same_curve(one, near, twin)
    assert found["holds"]
    assert found["tolerance"] == pytest.approx(0.2)
    assert found["of_rounding_alone"] == pytest.approx(0.1)
    assert not same_curve(one, far, twin)["holds"]
    assert same_curve(one, {"losses": [2.0, 1.04]}, one)["tolerance"] == pytest.approx(0.05)

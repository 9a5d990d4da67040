"""GPUs as slots: each job alone on its own, a wait for a free one, and locks that die with their process."""

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from rcn_bench import cli, gpus
from rcn_bench.cli.options import A_RUN
from rcn_bench.errors import InputError
from rcn_bench.gpus import taking_gpus, visible_gpus
from rcn_bench.plan.jobs import ON_A_GPU

HOLD = """
import sys
from rcn_bench.gpus import taking_gpus
with taking_gpus(int(sys.argv[1]), eval(sys.argv[2])) as taken:
    print(*taken, flush=True)
    sys.stdin.read()
"""
CARDS = ["GPU-aa", "GPU-bb", "GPU-cc"]


@pytest.fixture(autouse=True)
def _cards(tmp_path, monkeypatch):
    """Three GPUs of a machine of one's own, looked at ten times as often."""
    for name in (gpus.VISIBLE, gpus.SHARE, gpus.TAKEN):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(gpus.GPUS, ",".join(CARDS))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(gpus, "SECONDS", 0.1)


@pytest.fixture
def holder():
    """Starts processes that take GPUs and keep them; returns the process and what it took."""
    started = []

    def start(count=1, need="None"):
        command = [sys.executable, "-c", HOLD, str(count), need]
        own = (gpus.TAKEN, gpus.VISIBLE) if gpus.TAKEN in os.environ else ()  # which this process has taken
        free = {name: value for name, value in os.environ.items() if name not in own}
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=free)
        started.append(process)
        return process, process.stdout.readline().split()

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def memory_of(tmp_path, monkeypatch):
    """An nvidia-smi that lists three GPUs of so many GiB."""

    def install(gibibytes):
        program = tmp_path / "nvidia-smi"
        lines = "".join(f"echo {card}, {gibibytes * 1024}\n" for card in CARDS)
        listed = "".join(f"echo {card}\n" for card in CARDS)
        program.write_text(f'#!/bin/sh\ncase "$1" in *memory*)\n{lines};; *)\n{listed};; esac\n')
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
        monkeypatch.delenv(gpus.GPUS)

    return install


def test_processes_get_one_each_and_the_next_waits_with_a_line(holder, capsys):
    (first, (a,)), (_, (b,)) = holder(), holder()
    with taking_gpus() as (c,):
        assert {a, b, c} == set(CARDS)
        assert os.environ["CUDA_VISIBLE_DEVICES"] == c
    assert "CUDA_VISIBLE_DEVICES" not in os.environ
    _, (c,) = holder()
    told = []

    def let_go(line):
        told.append(line)
        first.send_signal(signal.SIGKILL)  # its lock dies with it

    with taking_gpus(waiting=let_go) as (again,):
        assert again == a
    (line,) = told
    assert line.startswith("waiting for a GPU: GPU-aa, GPU-bb, GPU-cc used by PID ")
    assert f"PID {first.pid} on " in line


def test_one_job_takes_several(holder):
    with taking_gpus(2) as taken:
        assert os.environ["CUDA_VISIBLE_DEVICES"] == ",".join(taken)
        _, (other,) = holder()
        assert {*taken, other} == {*CARDS}
    with pytest.raises(InputError, match=r"4 GPUs asked for, and 3 to be had here \(GPU-aa, GPU-bb, GPU-cc\)"):
        taking_gpus(4).__enter__()


def test_what_a_process_with_gpus_starts_computes_on_those(holder):
    with taking_gpus() as (own,):
        child = "from rcn_bench.gpus import taking_gpus\nimport os\n"
        child += "with taking_gpus() as taken: print(taken, os.environ['CUDA_VISIBLE_DEVICES'])"
        told = subprocess.run([sys.executable, "-c", child], capture_output=True, text=True, check=True).stdout
        assert told == f"[] {own}\n"


@pytest.mark.parametrize(
    ("given", "seen"),
    [
        ("1,2", ["GPU-bb", "GPU-cc"]),
        ("2", ["GPU-cc"]),
        ("GPU-b", ["GPU-bb"]),
        ("MIG-1234", ["MIG-1234"]),
        ("0,7,1", ["GPU-aa"]),
        ("", []),
        ("-1", []),
        ("1,1", ["GPU-bb"]),
    ],
)
def test_only_those_that_are_visible_are_taken(monkeypatch, given, seen):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", given)
    assert visible_gpus() == seen
    with taking_gpus() as taken:
        assert taken == seen[:1]
    assert os.environ["CUDA_VISIBLE_DEVICES"] == given


def test_numbers_and_ids_of_a_gpu_are_the_same_lock(holder, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    assert holder()[1] == ["GPU-bb"]
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    with taking_gpus(2) as taken:
        assert sorted(taken) == ["GPU-aa", "GPU-cc"]


def test_without_a_gpu_nothing_happens(monkeypatch, tmp_path):
    monkeypatch.delenv(gpus.GPUS)
    monkeypatch.setenv("PATH", str(tmp_path))
    with taking_gpus() as taken:
        assert taken == []
        assert "CUDA_VISIBLE_DEVICES" not in os.environ
    assert list(tmp_path.iterdir()) == []


def test_a_gpu_is_shared_as_far_as_its_memory_goes(holder, memory_of, monkeypatch):
    memory_of(12)
    monkeypatch.setenv(gpus.SHARE, "3")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    small = "lambda: 3 * 2**30"  # and one of CUDA: a third of 12
    assert [holder(need=small)[1], holder(need=small)[1]] == [["GPU-aa"]] * 2
    told = []

    def stop(line):
        told.append(line)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), taking_gpus(need=lambda: 4 * 2**30, waiting=stop):  # 5 twelfths of 4
        pass
    assert len(told) == 1
    with taking_gpus(need=lambda: 2**30) as taken:  # a third, though it needs less
        assert taken == ["GPU-aa"]
    with pytest.raises(KeyboardInterrupt), taking_gpus(waiting=stop):  # a job that says nothing takes all of one
        pass


def test_shared_jobs_go_where_least_is_used(holder, memory_of, monkeypatch):
    memory_of(80)
    monkeypatch.setenv(gpus.SHARE, "4")
    assert sorted(holder(need="lambda: 1")[1][0] for _ in range(3)) == CARDS


@pytest.mark.parametrize("text", ["0", "5", "two", "-1"])
def test_a_share_that_cannot_be_is_refused(monkeypatch, text):
    monkeypatch.setenv(gpus.SHARE, text)
    with pytest.raises(InputError, match=rf"RCN_BENCH_GPU_SHARE: '{text}' is none of 1, 2, 3, 4, 6, 12"):
        taking_gpus(need=lambda: 1).__enter__()


def test_a_folder_of_another_user_is_refused(monkeypatch):
    with taking_gpus():
        pass
    monkeypatch.setattr(os, "getuid", lambda: 12345)
    Path(tempfile.gettempdir(), f"rcn-bench-gpus-12345-{os.uname().nodename}").mkdir()
    with pytest.raises(InputError, match="belongs to another user; set TMPDIR"):
        taking_gpus().__enter__()


@pytest.mark.parametrize("stage", sorted(ON_A_GPU))
def test_commands_of_rules_that_ask_for_a_gpu_take_one(stage, tmp_path, monkeypatch, capsys):
    def taken(*_):
        raise InputError("one is taken")

    monkeypatch.setattr("rcn_bench.cli.options.taking_gpus", taken)
    target = {"pretrain": ["resnet18"], "profile": ["rcn18"], "throughput": [], "league": []}.get(stage, [A_RUN])
    config = ["--config", str(Path(__file__).parents[1] / "config" / "smoke.yaml"), "--results", str(tmp_path)]
    assert cli.main([stage, *target, *config]) == 2
    assert capsys.readouterr().err == "rcn-bench: one is taken\n"

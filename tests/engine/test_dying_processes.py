"""Processes as users start them, by the command or by torchrun, on one machine or two, of which one dies."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import yaml
from started import SECONDS, children, sha256_of, started, wait_for_epochs
from tiny import changed, linked, metrics_without_times
from together import in_two_processes
from torch import distributed

from rcn_bench.engine.train import train
from rcn_bench.plan.run import Run
from rcn_bench.records.runs import Trained

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not distributed.is_gloo_available(), reason="needs gloo")]

RUN = Run("rcn_pocket", 4, "random", "random", 0)
EPOCHS = 100
ON_THE_CPU = {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
TORCHRUN = [sys.executable, "-m", "torch.distributed.run"]


@pytest.fixture
def shared(noise, tmp_path):
    """An experiment for two processes, and the end of the command that trains its run."""
    few = {"train.epochs": EPOCHS, "train.frames_per_batch": 16, "train.gpus": 2}
    experiment = changed(linked(noise, tmp_path / "results", "cache"), few)
    config = tmp_path / "config.yaml"
    config.write_text(yaml.safe_dump(experiment.config))
    command = ["-m", "rcn_bench.cli", "train", RUN.name, "--config", str(config)]
    return experiment, [*command, "--results", str(experiment.results)]


def test_one_that_dies_ends_the_run_in_one_line_and_torchrun_goes_on_to_the_same_bits(shared, tmp_path, noise):
    experiment, command = shared
    output = tmp_path / "killed"
    process = started([sys.executable, *command], output, **ON_THE_CPU)
    wait_for_epochs(output, process)
    first, second = children(process.pid)
    os.kill(second, 9)
    assert process.wait(SECONDS) == 1
    (line,) = output.with_suffix(".err").read_text().splitlines()
    assert line.startswith("rcn-bench: process 2 of 2 was killed by SIGKILL")
    assert not any(Path(f"/proc/{each}").exists() for each in (first, second))
    assert experiment.paths.checkpoint(RUN).is_file()
    assert not experiment.paths.training(RUN).exists()

    resumed = started(
        [*TORCHRUN, "--standalone", "--nproc-per-node", "2", *command], tmp_path / "resumed", **ON_THE_CPU
    )
    assert resumed.wait(SECONDS) == 0, (tmp_path / "resumed.err").read_text()
    record = Trained.read(experiment.paths.training(RUN))
    assert [start.processes for start in record.origin.starts] == [2, 2]
    assert "resuming after epoch" in (tmp_path / "resumed.out").read_text()

    whole = changed(linked(noise, tmp_path / "whole", "cache"), {"train": experiment.config["train"]})
    in_two_processes(tmp_path, partial(train_whole, whole))
    assert metrics_without_times(whole, RUN) == metrics_without_times(experiment, RUN)
    assert sha256_of(whole.paths.weights(RUN)) == sha256_of(experiment.paths.weights(RUN))


def test_clips_of_one_length_are_trained_by_two_and_those_of_another_by_one(noise, tmp_path):
    few = {"train.epochs": 2, "train.frames_per_batch": 16, "train.gpus_by_frames": {"4": 2}}
    experiment, config = changed(linked(noise, tmp_path / "results", "cache"), few), tmp_path / "config.yaml"
    config.write_text(yaml.safe_dump(experiment.config).replace("'4': 2", "4: 2"))  # as people write it
    longer = replace(RUN, frames=8)

    def ends(name: str, launcher: list[str], *runs: Run) -> tuple[int, str]:
        command = ["-m", "rcn_bench.cli", "train", *(run.name for run in runs), "--config", str(config)]
        command += ["--results", str(experiment.results)]
        code = started([*launcher, *command], tmp_path / name, **ON_THE_CPU).wait(SECONDS)
        return code, (tmp_path / f"{name}.err").read_text()

    alone, two = [sys.executable], [*TORCHRUN, "--standalone", "--nproc-per-node", "2"]
    told = f"{RUN.name} takes 2 and {longer.name} 1; give each number's runs to a command of their own"
    assert ends("both", alone, RUN, longer) == (2, f"rcn-bench: train.gpus_by_frames: {told}\n")
    code, errors = ends("one by two", two, longer)
    assert code
    assert "train.gpus: 1, but torchrun has started 2 processes; make the two the same" in errors
    for name, launcher, run in (("by two", alone, RUN), ("by one", alone, longer)):
        assert ends(name, launcher, run) == (0, ""), name
    records = [Trained.read(experiment.paths.training(run)) for run in (RUN, longer)]
    assert [record.origin.starts[0].processes for record in records] == [2, 1]
    assert [record.origin.settings["train"].get("gpus") for record in records] == [2, None]

    without = changed(linked(noise, tmp_path / "without", "cache"), few | {"train.gpus_by_frames": {}})
    train(longer, without)
    assert sha256_of(without.paths.weights(longer)) == sha256_of(experiment.paths.weights(longer))


def train_whole(experiment, process) -> None:
    train(RUN, experiment)


# Two machines: namespaces of one, each with a network of its own, and a cable between them

HOSTS = {"rcn-bench-a": ("rcn-a", "10.213.77.1"), "rcn-bench-b": ("rcn-b", "10.213.77.2")}


def ip(*arguments: str) -> str:
    return subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True).stdout


@pytest.fixture
def hosts() -> Iterator[list[str]]:
    """Their names."""
    (first, (first_end, _)), (second, (second_end, _)) = HOSTS.items()
    made = []
    try:
        for host in HOSTS:
            ip("netns", "add", host)
            made.append(host)
        ip("link", "add", first_end, "netns", first, "type", "veth", "peer", "name", second_end, "netns", second)
        for host, (end, address) in HOSTS.items():
            ip("-n", host, "address", "add", f"{address}/24", "dev", end)
            for device in (end, "lo"):
                ip("-n", host, "link", "set", device, "up")
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"no network namespaces here: {error}")
    else:
        yield made
    finally:
        for host in made:
            pull_the_plug(host)
            ip("netns", "delete", host)


def pull_the_plug(host: str) -> None:
    """Of all processes on a host at once."""
    for process in ip("netns", "pids", host).split():
        os.kill(int(process), 9)


def test_two_machines_share_a_run_and_when_one_dies_it_ends_and_can_be_resumed(shared, hosts, tmp_path):
    experiment, command = shared

    def start(name: str) -> list[subprocess.Popen]:
        meet = ["--rdzv-backend", "c10d", "--rdzv-endpoint", f"{HOSTS[hosts[0]][1]}:29400", "--rdzv-id", name]
        return [
            started(
                [
                    *("ip", "netns", "exec", host, *TORCHRUN, "--nnodes", "2", "--nproc-per-node", "1", *meet),
                    *("--rdzv-conf", f"is_host={int(host == hosts[0])}", "--local-addr", HOSTS[host][1], *command),
                ],
                tmp_path / f"{name} {host}",
                GLOO_SOCKET_IFNAME=HOSTS[host][0],
                **ON_THE_CPU,
            )
            for host in hosts
        ]

    def told(name: str) -> str:
        return "".join((tmp_path / f"{name} {host}.{end}").read_text() for host in hosts for end in ("out", "err"))

    nodes = start("first")
    end = time.monotonic() + SECONDS
    while told("first").count(f"{RUN.name} epoch ") < 3:
        assert {node.poll() for node in nodes} == {None}, told("first")
        assert time.monotonic() < end, told("first")
        time.sleep(0.05)
    # Torchrun, not the hosts' order, says which process is the first; the one that meets them must live to tell.
    pull_the_plug(hosts[1])
    assert nodes[0].wait(SECONDS) == 1
    assert nodes[1].wait(SECONDS) != 0
    assert "rcn-bench: another process of this training has ended" in told("first")
    assert experiment.paths.checkpoint(RUN).is_file()

    assert [node.wait(SECONDS) for node in start("second")] == [0, 0], told("second")
    record = Trained.read(experiment.paths.training(RUN))
    assert [start.processes for start in record.origin.starts] == [2, 2]
    assert record.epochs(experiment.paths.metrics(RUN))[-1].epoch == EPOCHS

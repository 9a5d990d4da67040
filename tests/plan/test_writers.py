"""Who may write an experiment's results at a time: real processes, killed for real."""

import multiprocessing
import platform
import sys
from contextlib import contextmanager

import pytest
from experiments import SMOKE, experiment

from rcn_bench.errors import InputError
from rcn_bench.plan.writers import carrying_out, writing


class Process:
    """Is within a context, as on another machine, until it is killed or told to end."""

    def __init__(self, within):
        fork = multiprocessing.get_context("fork")
        self._inside, self._told_to_end = fork.Event(), fork.Event()
        self._process = fork.Process(target=self._run, args=(within,), daemon=True)
        self._process.start()
        assert self._inside.wait(60)

    def _run(self, within):
        platform.node = lambda: "elsewhere"
        with within:
            self._inside.set()
            self._told_to_end.wait(60)

    def __str__(self):
        return f"(PID {self._process.pid} on elsewhere)"

    def end(self):
        self._told_to_end.set()

    def kill(self):
        self._process.kill()
        self._process.join()


@pytest.fixture(autouse=True)
def own_folder(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def start():
    started = []

    def start_within(context):
        started.append(Process(context))
        return started[-1]

    yield start_within
    for process in started:
        process.kill()


def refusal(context):
    with pytest.raises(InputError) as error, context:
        pass
    return str(error.value)


def workflow(makes=(), reads=(), changes=None):
    return carrying_out(experiment(changes, SMOKE), makes, reads)


def command(title, changes=None, *, job=False):
    return writing(experiment(changes, SMOKE), title, job=job)


@contextmanager
def ended_when_told(process):
    """Yields what is told, and lets the process go on to its end as soon as something is."""

    class Told(list):
        def write(self, text):
            self.append(text)
            process.end()

        def flush(self):
            pass

    stderr, sys.stderr = sys.stderr, Told()
    try:
        yield sys.stderr
    finally:
        sys.stderr = stderr


def test_another_config_is_refused_by_name_and_process_until_the_first_is_killed(start, tmp_path):
    first = start(workflow(["a"], changes={"seeds": [0, 1]}))
    for second in (workflow(["b"]), command("evaluate a")):
        assert refusal(second).startswith(
            f"results/smoke: Snakemake {first} is at work here with another config (seeds was [0, 1], is [0]); "
        )
    first.kill()
    with workflow(["b"]):
        pass
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_a_command_by_hand_keeps_a_workflow_of_another_config_out(start):
    by_hand = start(command("train a", {"train.lr": 0.5}))
    assert f"train a {by_hand} is at work here with another config (train.lr " in refusal(workflow(["a"]))


def test_a_refusal_names_the_workflow_rather_than_its_job(start):
    first = start(workflow())
    start(command("0 sorts before the name of any workflow's entry", job=True))
    told = refusal(workflow(changes={"seeds": [7]}))
    assert f"Snakemake {first} is at work here with another config" in told


def test_workflows_of_one_config_share_its_files(start):
    first = start(workflow(["shard 1", "index"], ["list", "shard 2"]))
    with workflow(["shard 3"], ["list"]):
        pass
    for makes, reads, common in ((["index"], [], "index"), (["shard 2"], [], "shard 2"), ([], ["shard 1"], "shard 1")):
        told = refusal(workflow(makes, reads))
        assert f"Snakemake {first} is at work here on the same files, such as {common}" in told


def test_of_two_commands_that_do_the_same_the_second_is_refused(start):
    first = start(command("train a"))
    assert f"train a: another process {first} is at work here" in refusal(command("train a"))
    with command("train b"):
        pass


def test_a_job_waits_for_who_does_the_same(start):
    first = start(command("train a"))
    with ended_when_told(first) as told, command("train a", job=True):
        pass
    assert f"train a: another process {first} is at work here; waiting for it" in told[0]


def test_a_workflow_waits_for_the_jobs_that_a_killed_one_left(start):
    killed = start(workflow(["a"]))
    orphan = start(command("train a", job=True))
    killed.kill()
    with ended_when_told(orphan) as told, workflow(["a"]):
        pass
    assert f"results/smoke: train a {orphan} is left of a Snakemake that was" in told[0]


def test_a_workflow_does_not_wait_for_the_jobs_of_one_that_lives(start):
    start(workflow(["a"]))
    start(command("train a", job=True))
    with workflow(["b"]):
        pass


def test_a_workflow_that_ends_in_another_directory_leaves_nothing(tmp_path, monkeypatch):
    (tmp_path / "elsewhere").mkdir()
    with workflow(["a"]):
        monkeypatch.chdir("elsewhere")
    assert list(tmp_path.rglob("*")) == [tmp_path / "elsewhere"]


@pytest.mark.parametrize("title", ["train ../../a", "train " + "a" * 300, "train \N{SNOWMAN}\n"])
def test_whatever_is_typed_the_entry_lies_in_its_folder(title, tmp_path):
    with command(title):
        assert len([path for path in tmp_path.rglob("*") if path.suffix == ".json"]) == 1
        assert len(list(experiment(None, SMOKE).paths.writers.glob("*.json"))) == 1


def test_an_entry_that_cannot_be_understood_is_named(start):
    start(command("train a"))
    (entry,) = experiment(None, SMOKE).paths.writers.glob("*.json")
    for content in ("{", "[]", '{"title": 3}'):
        entry.write_text(content)
        assert "train a: another process (PID " in refusal(workflow(["b"]))

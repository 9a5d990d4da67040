"""How far an experiment is: its runs in every state, as their jobs leave them."""

import io
import json
import os
import pickle
import re
import zipfile
from contextlib import ExitStack
from pathlib import Path

import pytest
from torch import nn, optim
from whole_results import files_of

from rcn_bench.engine.resume import save_checkpoint
from rcn_bench.files import locked
from rcn_bench.plan.config import load_experiment
from rcn_bench.plan.run import Run
from rcn_bench.plan.stages import dependencies
from rcn_bench.plan.writers import writing
from rcn_bench.records.runs import Epoch
from rcn_bench.reporting.table import Table
from results import an_example, an_origin, write_own_run, write_training

FIRST, SECOND = (Run.parse(f"rcn18-t8-xh_random-hh_identity-s{seed}") for seed in (0, 1))
EPOCHS = 10


@pytest.fixture
def config(changed):
    """Of two runs of ten epochs and one table."""
    tables = {"table2": {"models": ["rcn18"], "frames": 8}}
    models = {"rcn18": {"w_xh": ["random"], "w_hh": ["identity"]}}
    values = {"seeds": [0, 1], "train.epochs": EPOCHS, "tables": tables, "figures": {}, "models": models}
    return changed({**values, "pretrained": None})


@pytest.fixture
def experiment(config, tmp_path):
    return load_experiment([config], tmp_path / "results")


@pytest.fixture
def status(output, config, tmp_path):
    """What the command tells, with its lines on runs by their name."""

    def told(*arguments):
        return output("status", "--config", config, "--results", tmp_path / "results", *arguments)

    return told


@pytest.fixture
def run_of(status):
    """What it tells of a run as JSON, but for what is not known."""

    def known(run):
        (found,) = [each for each in json.loads(status("--json"))["runs"] if each["run"] == run.name]
        return {key: value for key, value in found.items() if value is not None}

    return known


def write_checkpoint(experiment, run, epochs, seconds=60.0, waiting=0.1):
    """As a training leaves it behind its last whole epoch."""
    model = nn.BatchNorm1d(3)
    parts = {"model": model, "optimizer": optim.SGD(model.parameters(), 0.1, 0.9)}
    same = {"loss": 0.25, "accuracy": 0.75, "seconds": seconds, "waiting_for_clips": waiting}
    done = [
        an_example(Epoch, epoch=number, **same, validation_accuracy=seen)
        for number, seen in enumerate([None, 0.3, None, 0.4][:epochs], start=1)
    ]
    identity = dependencies(experiment, "train", run.name)
    save_checkpoint(experiment.paths.checkpoint(run), identity, an_origin().starts, done, parts)


@pytest.fixture
def at_work(experiment):
    """Holds what a training holds, of one run or of several in one process, until the test ends."""
    with ExitStack() as held:

        def begin(*runs, title="train"):
            for run in runs:
                held.enter_context(writing(experiment, f"{title} {run.name}"))
            if title == "train":
                held.enter_context(locked(experiment.paths.run(runs[0])))

        yield begin


def write_log(experiment, stage, run, *lines):
    path = experiment.paths.log(stage, run.name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")
    return path


def age(path, seconds):
    os.utime(path, (path.stat().st_atime, path.stat().st_mtime - seconds))


def test_nothing_has_begun_and_asking_leaves_nothing(status, run_of, tmp_path):
    assert status().splitlines() == [
        "mini: of 2 runs 2 waiting; 0 of 1 tables and figures done",
        f"{FIRST.name}  waiting",
        f"{SECOND.name}  waiting",
        "still to come: table2_architectures",
    ]
    assert run_of(FIRST) == {"run": FIRST.name, "state": "waiting", "epochs": EPOCHS, "epoch": 0}
    assert not (tmp_path / "results").exists()


def test_a_run_in_training_is_told_with_epoch_loss_and_time_left(status, run_of, experiment, at_work, tmp_path):
    at_work(FIRST)
    assert run_of(FIRST)["state"] == "running"
    write_checkpoint(experiment, FIRST, epochs=4)
    age(experiment.paths.checkpoint(FIRST), 30)
    before = files_of(tmp_path / "results")
    told, printed = run_of(FIRST), status()
    assert files_of(tmp_path / "results") == before
    assert (told["state"], told["doing"], told["epoch"], told["loss"]) == ("running", "train", 4, 0.25)
    assert 6 * 60 - 90 < told["seconds_left"] <= 6 * 60 - 30
    line = "  running  4 of 10 epochs, loss 0.250, accuracy 75.0% in training, 40.0% of validation clips right, about "
    assert line in printed
    (line,) = [line for line in printed.splitlines() if line.startswith("at work")]
    assert f"train {FIRST.name} (PID {os.getpid()} on " in line
    left = json.loads(status("--json"))["seconds_left"]  # the second, of the same network, has all its epochs to come
    assert told["seconds_left"] + 540 < left <= told["seconds_left"] + 600
    assert re.search(r"about 1[456] min of training left", printed)


def test_of_several_trainings_of_a_process_one_is_under_way(run_of, experiment, at_work):
    at_work(SECOND, FIRST)
    assert [run_of(run)["state"] for run in (FIRST, SECOND)] == ["waiting", "running"]
    write_training(experiment, SECOND)
    assert run_of(SECOND)["state"] == "trained"


def test_a_training_that_nobody_goes_on_with_is_stopped(status, run_of, experiment):
    write_checkpoint(experiment, FIRST, epochs=3)
    assert run_of(FIRST)["state"] == "stopped"
    told = f"{FIRST.name}  stopped  3 of 10 epochs, loss 0.250, accuracy 75.0% in training"
    assert f"{told}, 30.0% of validation clips right, about 7 min left" in status()


def test_a_training_that_waits_for_clips_much_of_the_time_says_so(status, run_of, experiment):
    write_checkpoint(experiment, FIRST, epochs=3, waiting=0.624)
    assert (
        "in training, 30.0% of validation clips right, 62% of the last epoch waiting for clips (train.workers)"
        in status()
    )
    assert run_of(FIRST)["much_waiting"] == 0.624


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (["epoch 1", "rcn-bench: runs/a: too much; lower it"], "runs/a: too much; lower it"),
        (
            ["Traceback", "ZeroDivisionError: by zero", "rcn-bench: a fault of its own; please"],
            "ZeroDivisionError: by zero",
        ),
    ],
    ids=["error", "fault"],
)
def test_a_training_that_failed_is_told_with_the_end_of_its_log(status, run_of, experiment, lines, told):
    write_checkpoint(experiment, FIRST, epochs=3)
    log = write_log(experiment, "train", FIRST, "x" * 5000, *lines)
    assert f"{FIRST.name}  failed   {told} ({log})\n" in status()
    found = run_of(FIRST)
    assert (found["state"], found["doing"], found["epoch"]) == ("failed", "train", 3)


def test_one_that_was_interrupted_or_went_on_has_not_failed(run_of, experiment):
    write_checkpoint(experiment, FIRST, epochs=3)
    write_log(experiment, "train", FIRST, "rcn-bench: interrupted; the same command goes on with what is left")
    assert run_of(FIRST)["state"] == "stopped"
    age(write_log(experiment, "train", FIRST, "rcn-bench: too much; lower it"), 60)
    assert run_of(FIRST)["state"] == "stopped"


def test_a_trained_run_is_done_once_its_own_weights_are_evaluated(status, run_of, experiment, at_work):
    write_training(experiment, FIRST, training_seconds=120.0)
    assert (run_of(FIRST)["state"], run_of(FIRST)["epoch_seconds"]) == ("trained", 12)
    assert f"{FIRST.name}  trained  to be evaluated" in status()
    at_work(FIRST, title="evaluate")
    assert f"{FIRST.name}  running  being evaluated" in status()
    write_own_run(experiment, SECOND, [True, False, True, True], [1, 0, 1, 1])
    assert f"{SECOND.name}  done     75.0% of 4 videos right\n" in status()
    write_training(experiment, SECOND, weights_sha256="others")
    assert run_of(SECOND)["state"] == "trained"
    write_log(experiment, "evaluate", SECOND, "rcn-bench: too much; lower it")
    assert run_of(SECOND)["why"].startswith("too much; lower it (")


def test_a_damaged_record_is_named(run_of, experiment):
    write_training(experiment, FIRST)
    path = experiment.paths.training(FIRST)
    path.write_text(path.read_text().replace('"seed": 1', '"seed": 2'))
    assert run_of(FIRST)["state"] == "failed"
    assert run_of(FIRST)["why"].startswith(f"{path}: changed since it was written")


def test_tables_and_figures_are_counted_and_a_watch_ends_when_all_is_done(status, experiment, config, tmp_path):
    for run in (FIRST, SECOND):
        write_own_run(experiment, run, [True, False], [1, 0])
    path = experiment.paths.table("table2_architectures")
    Table.of("Table 2", [{"model": "rcn18"}], []).write(path, an_origin(stage="table"), [])
    told = status("--watch", "60")
    assert told.startswith("mini: of 2 runs 2 done; 1 of 1 tables and figures done\n")
    assert "still to come" not in told
    assert json.loads(status("--watch", "60", "--json"))["products"] == {"table2_architectures": True}


def test_an_interrupt_is_the_end_of_a_watch(status, monkeypatch):
    def interrupt(seconds):
        assert seconds == 7
        raise KeyboardInterrupt

    monkeypatch.setattr("rcn_bench.cli.status.time.sleep", interrupt)
    assert status("--watch", "7").startswith("mini: of 2 runs 2 waiting")


def test_results_are_looked_at_by_their_folder(output):
    told = json.loads(output("status", "results/reference/mini", "--json"))
    assert {run["state"] for run in told["runs"]} == {"done"}
    assert told["runs"][0]["videos"] == 240


def test_an_entry_of_who_is_at_work_that_says_nothing_is_a_line(assert_refused, experiment, at_work, config):
    at_work(FIRST)
    entry = next(file for file in experiment.paths.root.joinpath("at_work").glob("*.json"))
    entry.write_text(json.dumps(json.loads(entry.read_text()) | {"title": ["train"]}))
    command = ("status", "--config", config, "--results", entry.parents[2])
    assert_refused(command, "; it is of another version of rcn_bench")


class Hostile:
    def __reduce__(self):
        return Path.touch, (Path("touched"),)


@pytest.mark.parametrize("content", [b"", b"nothing", None], ids=["empty", "text", "hostile"])
def test_a_checkpoint_that_is_none_is_no_progress_and_runs_nothing(run_of, experiment, monkeypatch, tmp_path, content):
    path = experiment.paths.checkpoint(FIRST)
    path.parent.mkdir(parents=True)
    if content is None:
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as file:
            file.writestr("archive/data.pkl", pickle.dumps({"epochs": Hostile()}))
        content = archive.getvalue()
    path.write_bytes(content)
    monkeypatch.chdir(tmp_path)
    assert run_of(FIRST)["state"] == "waiting"
    assert not Path("touched").exists()

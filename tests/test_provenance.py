import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest
import torch

from rcn_bench import provenance
from rcn_bench.provenance import PACKAGES, Origin, named, start

COPY = "provenance.py"


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A git repository that the package seems to run from."""
    monkeypatch.setattr(provenance, "PACKAGE", tmp_path)
    (tmp_path / COPY).write_text("")
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", COPY)
    git(tmp_path, "-c", "user.name=a", "-c", "user.email=a@b", "commit", "--quiet", "--message", "first")
    return tmp_path


def git(folder, *arguments):
    return subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


def command(monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", list(arguments))
    return start().command


def test_the_commit_and_whether_it_is_changed(checkout):
    assert (start().commit, start().dirty) == (git(checkout, "rev-parse", "HEAD"), False)
    (checkout / "notes").write_text("untracked")
    assert start().dirty is False
    (checkout / COPY).write_text("changed")
    assert start().dirty is True


def test_a_start_keeps_what_was_then(checkout):
    origin = Origin.begin("train", {}, "code", {})
    (checkout / COPY).write_text("changed while the job runs")
    assert origin.starts[0].dirty is False


def test_a_copy_installed_inside_another_checkout_has_no_commit(checkout):
    git(checkout, "rm", "--cached", "--quiet", COPY)
    assert (start().commit, start().dirty) == (None, None)


def test_without_git_there_is_no_commit(checkout, monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert (start().commit, start().dirty) == (None, None)


def test_a_resumed_job_has_two_starts():
    first = Origin.begin("train", {}, "code", {})
    second = Origin.begin("train", {}, "code", {}, earlier=first.starts)
    assert second.starts[0] == first.starts[0]
    assert len(second.starts) == 2


def test_settings_and_inputs_are_kept_as_they_will_be_read():
    settings, inputs = {"augment": {"scale": (0.8, 1)}}, {"cache/train.json": "12"}
    origin = Origin.begin("train", settings, "code", inputs)
    assert origin.settings == {"augment": {"scale": [0.8, 1]}}
    inputs.clear()
    assert origin.inputs == {"cache/train.json": "12"}


def test_the_command_is_as_typed(monkeypatch):
    typed = ("train", "rcn18-t8", "--config", "config/mini.yaml", "-k", "a b")
    for program in ("rcn-bench", "/somewhere/bin/rcn-bench", str(provenance.PACKAGE / "cli.py")):
        assert command(monkeypatch, program, *typed) == "rcn-bench train rcn18-t8 --config config/mini.yaml -k 'a b'"
    assert command(monkeypatch, "/somewhere/mine.py", "a=b") == "mine.py a=b"


def test_the_command_holds_no_absolute_path(monkeypatch, tmp_path):
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    typed = ["train", "a", "--config", f"{work}/config/a=b.yaml", f"--results={tmp_path}/results=/x", f"{work}"]
    assert command(monkeypatch, f"{work}/bin/rcn-bench", *typed) == (
        "rcn-bench train a --config config/a=b.yaml --results=../results=/x ."
    )


def test_of_a_path_far_away_only_the_name_is_kept(monkeypatch, tmp_path):
    (tmp_path / "project" / "deep").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "project" / "deep")
    monkeypatch.setattr("sys.argv", ["rcn-bench", "check", "--config", "/home/somebody/own.yaml"])
    assert start(with_torch=False).command == "rcn-bench check --config .../own.yaml"
    assert named(Path("/home/somebody/weights.pth"), tmp_path / "project" / "deep" / "results") == ".../weights.pth"


def test_files_are_named_from_the_root_of_the_results(monkeypatch, tmp_path):
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    for root in (Path("results/mini"), work / "results/mini"):
        for path in (Path("results/mini/cache/train.json"), work / "results/mini/cache/train.json"):
            assert named(path, root) == "cache/train.json"
        assert named(Path("lists/train.csv"), root) == "lists/train.csv"
        assert named(Path("../lists/train.csv"), root) == "../lists/train.csv"
        assert named(tmp_path / "weights/a.pt", root) == "../weights/a.pt"


def test_the_machine_and_packages(monkeypatch, fixed_seed_and_one_thread):
    now = start()
    assert now.machine.threads == torch.get_num_threads() == 1
    assert now.machine.device == (torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu")
    assert now.machine.cores >= 1
    assert now.packages["torch"] == torch.__version__.partition("+")[0] or now.packages["torch"] == torch.__version__
    assert set(now.packages) == set(PACKAGES)


def test_nothing_tells_of_the_user_or_the_host():
    text = repr(asdict(Origin.begin("train", {}, "code", {})))
    for private in (os.getcwd(), str(Path.home()), sys.executable):
        assert len(private) < 6 or private not in text

"""Every reader of files, given damaged ones: 1,500 here, 5,000 with -m slow, 100,000 by the command."""

import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
from provokers.user import forgetting

from fuzz.damage import Reader, fuzz
from fuzz.readers import READERS, make_reader
from rcn_bench.errors import InputError

TESTS = Path(__file__).parents[1]
FIRST, OTHERS = (0, 30), pytest.param((30, 100), marks=pytest.mark.slow)  # percent of as many inputs as a share says


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A function: the reader of a name, made when it is asked for first."""
    folder = tmp_path_factory.mktemp("fuzz")
    with pytest.MonkeyPatch.context() as monkeypatch, forgetting(monkeypatch):  # the network whose weights are damaged
        yield cache(lambda name: make_reader(name, folder))


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize("part", [FIRST, OTHERS], ids=["first", "others"])
def test_damaged_files_are_values_or_a_line(made, name, part):
    reader = made(name)
    outcome = fuzz(reader, range(*(-(-reader.share * percent // 100) for percent in part)))
    assert outcome.failures == []
    assert outcome.counts["refused"] > 0 or name == "lists.json"  # which is made again


@pytest.mark.parametrize(
    ("read", "failure"),
    [
        (lambda path: {}["a"], "KeyError"),
        (lambda path: refuse("no name"), "without the file's name"),
        (lambda path: len(bytearray(2**40)), "MemoryError"),
        (lambda path: path.read_bytes(), "damage that no checksum noticed"),
    ],
)
def test_readers_that_do_otherwise_fail(tmp_path, read, failure):
    path = tmp_path / "a"
    reader = Reader(
        "a", (b"whole",), path, lambda: path.read_bytes() == b"whole" or read(path), lambda whole, rng: whole
    )
    assert any(failure in line for line in fuzz(reader, range(50)).failures)


def refuse(message):
    raise InputError(message)


@pytest.mark.soak
def test_one_hundred_thousand_damaged_files():
    command = [sys.executable, str(TESTS / "fuzz" / "run.py"), "--inputs", "100000"]
    environment = os.environ | {"PYTHONPATH": str(TESTS)}
    finished = subprocess.run(command, cwd=TESTS.parent, env=environment, capture_output=True, text=True)
    print(finished.stdout)
    assert finished.returncode == 0, finished.stderr[-5000:]
    assert ", 0 failures, " in finished.stdout

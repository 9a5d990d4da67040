"""Trainings as users start them, by a command: how far they are, their processes, their weights."""

import hashlib
import os
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from safetensors.torch import load_file

SECONDS = 200  # a start takes some, and a machine can be busy


def started(command: list[str], output: Path, **environment: str) -> subprocess.Popen:
    """Its stdout and stderr go to files: output.out and output.err."""
    paths = {"PYTHONPATH": os.pathsep.join(sys.path)}
    with output.with_suffix(".out").open("w") as out, output.with_suffix(".err").open("w") as err:
        return subprocess.Popen(command, env=os.environ | paths | environment, stdout=out, stderr=err)


def wait_for_epochs(output: Path, process: subprocess.Popen) -> None:
    """Until three are done."""
    end = time.monotonic() + SECONDS
    while output.with_suffix(".out").read_text().count(" epoch ") < 3:
        assert process.poll() is None, output.with_suffix(".err").read_text()
        assert time.monotonic() < end
        time.sleep(0.05)


def children(process: int) -> list[int]:
    """Those that share the training, which Python has spawned, the first of them first."""
    found = []
    for file in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # one that has ended meanwhile
            values = file.read_text().rpartition(")")[2].split()
            if int(values[1]) == process and "spawn_main" in file.with_name("cmdline").read_text():
                found.append((int(values[19]), int(file.parent.name)))
    return [child for _, child in sorted(found)]


def sha256_of(weights: Path) -> str:
    """Of a run's tensors, without the card, which has times in it."""
    tensors = load_file(weights)
    return hashlib.sha256(b"".join(value.numpy().tobytes() for _, value in sorted(tensors.items()))).hexdigest()

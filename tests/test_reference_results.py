"""The reference results that git tracks: how large they are."""

import io
import subprocess
import tarfile
from pathlib import Path

REFERENCE = "results/reference"
MOST = 16 * 2**20  # bytes that they may take as a .tar.gz, by which a clone grows


def test_the_reference_results_are_small():
    tracked = subprocess.run(["git", "ls-files", "-z", REFERENCE], check=True, capture_output=True, text=True).stdout
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as packed:
        for name in filter(None, tracked.split("\0")):
            if Path(name).exists():  # not one that was removed and not committed yet
                packed.add(name)
    assert 10**6 < len(archive.getvalue()) < MOST

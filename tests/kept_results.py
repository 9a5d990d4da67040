"""Rows of the reference results that the project keeps."""

import csv
from pathlib import Path

KEPT = Path(__file__).parents[1] / "results" / "reference"


def kept_rows(file):
    """Of a CSV, by its place below results/reference."""
    with (KEPT / file).open(newline="") as opened:
        return list(csv.DictReader(opened))

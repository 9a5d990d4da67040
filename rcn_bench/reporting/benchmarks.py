"""The results of the benchmarks, kept for every machine, and the ratios between the things that they compare."""

import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from rcn_bench.errors import InputError
from rcn_bench.files import read_json, write_json
from rcn_bench.provenance import provenance

BENCHMARKS = Path(__file__).parents[2] / "tests" / "benchmarks"


def run_benchmarks(folder: Path, machine: str | None, selection: str, slow: bool) -> Path:
    """Run the benchmarks in a process of their own and keep their results as ``folder``/MACHINE/benchmarks.json.

    A group of things to compare is measured in one run and replaced as a whole; groups that were not run stay.
    Errors: InputError without a checkout's tests/benchmarks, or if one of them fails.
    """
    if not BENCHMARKS.is_dir():
        raise InputError(f"{BENCHMARKS}: no such folder; benchmarks run from a checkout, not from an installed copy")
    with tempfile.TemporaryDirectory() as temporary:
        report = Path(temporary) / "report.json"
        command = [sys.executable, "-m", "pytest", str(BENCHMARKS), "--benchmark-only", f"--benchmark-json={report}"]
        command += ["-q", "-p", "no:cacheprovider", "-k", selection, *(["-m", "slow or not slow"] if slow else [])]
        finished = subprocess.run(command, check=False)
        if finished.returncode == pytest.ExitCode.NO_TESTS_COLLECTED:
            raise InputError(f"-k {selection}: no benchmark is called so")
        if finished.returncode != 0:
            raise InputError(f"the benchmarks failed (pytest's exit code {finished.returncode}); nothing was kept")
        benchmarks = read_json(report)["benchmarks"]
    origin = provenance()
    path = folder / (machine or _name(origin["machine"])) / "benchmarks.json"
    groups = read_json(path)["groups"] if path.is_file() else {}
    groups |= {group: {"rows": rows, **origin} for group, rows in _by_group(benchmarks).items()}
    write_json(path, {"groups": groups})
    print(f"kept in {path}")
    return path


def _name(machine: dict[str, Any]) -> str:
    """Such as nvidia_h100_80gb_hbm3: the GPU, or the processor."""
    name = machine["cpu"] if machine["device"] == "cpu" else machine["device"]
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")


def _by_group(benchmarks: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    groups: dict[str, list[dict[str, Any]]] = {}
    for benchmark in benchmarks:
        times = {key: benchmark["stats"][key] for key in ("median", "min", "iqr", "rounds")}
        beside = benchmark["extra_info"].pop("beside", {})  # timed in turns with it
        rows = groups.setdefault(benchmark["group"], [])
        rows += [benchmark["extra_info"] | times]
        rows += [{"name": name, "subject": False, "median": seconds} for name, seconds in beside.items()]
    return groups


def compare(folder: Path) -> str:
    """A Markdown table of all kept machines: how many times as fast each group's subject is as the others in it.

    The subject is the fastest of RCN's rows, the scan, or the epoch from the cache. Ratios are of medians.
    """
    rows: dict[tuple[str, str, str], dict[str, str]] = {}
    for path in sorted(folder.glob("*/benchmarks.json")):
        for group, measured in read_json(path)["groups"].items():
            subjects = [row for row in measured["rows"] if row["subject"]]
            if not subjects:
                continue
            subject = min(subjects, key=lambda row: row["median"])
            for other in (row for row in measured["rows"] if row is not subject):
                row = rows.setdefault((group, subject["name"], other["name"]), {})
                row[path.parent.name] = f"{other['median'] / subject['median']:.2f}"
    if not rows:
        raise InputError(f"{folder}: no benchmarks.json of any machine; run `rcn-bench bench` first")
    index = pd.MultiIndex.from_tuples(rows, names=["what", "is so many times as fast", "as"])
    table = pd.DataFrame(list(rows.values()), index=index).fillna("").reset_index()
    return table.to_markdown(index=False, disable_numparse=True)

"""The results of the benchmarks, kept for every machine, and the ratios between the things that they compare."""

import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from rcn_bench.errors import InputError
from rcn_bench.files import read_json, write_json
from rcn_bench.provenance import provenance

BENCHMARKS = Path(__file__).parents[2] / "tests" / "benchmarks"
COMPILED = ", compiled"  # at the end of a name, beside the one without it
Row = dict[str, Any]


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


def _by_group(benchmarks: list[dict[str, Any]]) -> dict[str, list[Row]]:
    groups: dict[str, list[Row]] = {}
    for benchmark in benchmarks:
        times = {key: benchmark["stats"][key] for key in ("median", "min", "iqr", "rounds")}
        beside = benchmark["extra_info"].pop("beside", {})  # timed in turns with it
        rows = groups.setdefault(benchmark["group"], [])
        rows += [benchmark["extra_info"] | times]
        rows += [{"name": name, "subject": False, "median": seconds} for name, seconds in beside.items()]
    return groups


def compare(folder: Path, own: str | None = None) -> str:
    """Markdown tables of all kept machines: how fast each group's subjects are beside the others, and their memory.

    Subjects are RCN, the scan, the epoch from the cache. Compiled ones stand beside what is compiled, or what comes
    in one way only. Ratios are of medians, and of peak memory where a GPU measured it. own: of all machines, but only
    what this one has timed.
    """
    machines = {path.parent.name: read_json(path)["groups"] for path in sorted(folder.glob("*/benchmarks.json"))}
    speed = _table(
        machines, own, "is so many times as fast", "as", lambda subject, other: other["median"] / subject["median"]
    )
    if not speed:
        raise InputError(f"{folder}: no benchmarks.json of any machine; run `rcn-bench bench` first")
    memory = _table(
        machines,
        own,
        "takes so many times the memory",
        "of",
        lambda subject, other: subject["peak_memory_bytes"] / other["peak_memory_bytes"],
    )
    return f"{speed}\n\n{memory}" if memory else speed


def _table(machines: dict[str, Any], own: str | None, verb: str, link: str, ratio: Callable[[Row, Row], float]) -> str:
    """Rows are pairs in a group, columns machines; empty without any pair that has what the ratio needs."""
    rows: dict[tuple[str, str, str], dict[str, str]] = {}
    for machine, groups in machines.items():
        for group, measured in groups.items():
            for subject, other in _pairs(measured["rows"]):
                with suppress(KeyError):
                    number = f"{ratio(subject, other):.2f}"
                    rows.setdefault((group, subject["name"], other["name"]), {})[machine] = number
    rows = {pair: numbers for pair, numbers in rows.items() if own is None or own in numbers}
    if not rows:
        return ""
    index = pd.MultiIndex.from_tuples(rows, names=["what", verb, link])
    table = pd.DataFrame(list(rows.values()), index=index).fillna("").reset_index()
    return table.to_markdown(index=False, disable_numparse=True)


def _pairs(rows: list[Row]) -> Iterator[tuple[Row, Row]]:
    """Each subject and what to compare it with."""
    names = {row["name"] for row in rows}
    for subject in (row for row in rows if row["subject"]):
        for other in (row for row in rows if not row["subject"]):
            compiled = subject["name"].endswith(COMPILED)
            if other["name"] + COMPILED not in names if compiled else "," not in other["name"]:
                yield subject, other

"""The results of the benchmarks, kept for every machine, and the ratios between the things that they compare."""

import ast
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from rcn_bench.code import code_of
from rcn_bench.errors import InputError
from rcn_bench.files import file_hash, read_json
from rcn_bench.provenance import Origin, start
from rcn_bench.records.costs import BenchmarkGroup, Benchmarks

BENCHMARKS = Path(__file__).parents[2] / "tests" / "benchmarks"
COMPILED = ", compiled"  # at the end of a name, beside the one without it
Row = dict[str, Any]
Groups = Mapping[str, BenchmarkGroup]


def benchmarks_of(folder: Path, machine: str | None) -> Path:
    """The file of a machine's benchmarks, by default of this one's. Errors: InputError for what is no folder's name."""
    if machine is None:
        return folder / _as_folder(start().machine.name) / "benchmarks.json"
    name = _as_folder(machine)
    if not name or name != machine:
        raise InputError(f"--machine {machine!r}: small letters, digits and _ alone; such as {name or 'my_card'}")
    return folder / name / "benchmarks.json"


def run_benchmarks(folder: Path, machine: str | None, selection: str, slow: bool) -> Path:
    """Run the benchmarks in a process of their own and keep their results as ``folder``/MACHINE/benchmarks.json.

    A group of things to compare is measured in one run and replaced as a whole; groups that were not run stay.
    Errors: InputError without a checkout's tests/benchmarks, if one of them fails, or for a file of another machine's.
    """
    if not BENCHMARKS.is_dir():
        raise InputError(f"{BENCHMARKS}: no such folder; benchmarks run from a checkout, not from an installed copy")
    origin, path = _origin(), benchmarks_of(folder, machine)
    groups = Benchmarks.read(path).groups if path.is_file() else {}  # before hours of work for a file of older form
    machines = {group.origin.starts[-1].machine.name for group in groups.values()}
    if others := machines - {origin.starts[-1].machine.name}:
        this = origin.starts[-1].machine.name
        raise InputError(f"{path}: of {' and '.join(sorted(others))}, and this is {this}; give another --machine")
    measured = {group: BenchmarkGroup(origin, rows) for group, rows in _by_group(_measure(selection, slow)).items()}
    Benchmarks(groups=groups | measured).write(path)
    print(f"kept in {path}")
    return path


def _origin() -> Origin:
    """Beside what an experiment's results come from, the sources of the benchmarks."""
    sources = sorted(BENCHMARKS.glob("*.py"))
    imported = {
        statement.module
        for source in sources
        for statement in ast.walk(ast.parse(source.read_text(encoding="utf-8")))
        if isinstance(statement, ast.ImportFrom) and (statement.module or "").startswith("rcn_bench")
    }
    timed = code_of(*sorted(module for module in imported if module))
    inputs = {f"tests/benchmarks/{source.name}": file_hash(source) for source in sources}
    return Origin.begin("bench", {}, timed.hash, inputs)


def _measure(selection: str, slow: bool) -> list[dict[str, Any]]:
    """The benchmarks of pytest-benchmark's report."""
    with tempfile.TemporaryDirectory() as temporary:
        report = Path(temporary) / "report.json"
        command = [sys.executable, "-m", "pytest", str(BENCHMARKS), "--benchmark-only", f"--benchmark-json={report}"]
        command += ["-q", "-p", "no:cacheprovider", "-k", selection, *(["-m", "slow or not slow"] if slow else [])]
        finished = subprocess.run(command, check=False)
        if finished.returncode == pytest.ExitCode.NO_TESTS_COLLECTED:
            raise InputError(f"-k {selection}: no benchmark is called so")
        if finished.returncode != 0:
            raise InputError(f"the benchmarks failed (pytest's exit code {finished.returncode}); nothing was kept")
        return read_json(report)["benchmarks"]


def _as_folder(name: str) -> str:
    """Of a GPU or a processor, such as nvidia_h100_80gb_hbm3."""
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
    machines = {path.parent.name: Benchmarks.read(path).groups for path in sorted(folder.glob("*/benchmarks.json"))}
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


def _table(
    machines: Mapping[str, Groups], own: str | None, verb: str, link: str, ratio: Callable[[Row, Row], float]
) -> str:
    """Rows are pairs in a group, columns machines; empty without any pair that has what the ratio needs."""
    rows: dict[tuple[str, str, str], dict[str, str]] = {}
    for machine, groups in machines.items():
        for group, measured in groups.items():
            for subject, other in _pairs(measured.rows):
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

"""Why a cell of a table has its value: the runs behind it, and of each the scores, weights, data, code and machine."""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice, takewhile
from pathlib import Path
from textwrap import wrap

from rcn_bench.errors import InputError, shown
from rcn_bench.intervals import told
from rcn_bench.plan.experiment import Experiment
from rcn_bench.plan.products import find_product
from rcn_bench.plan.run import Run
from rcn_bench.plan.stages import dependencies
from rcn_bench.provenance import Origin
from rcn_bench.records.base import Record
from rcn_bench.records.products import TableRecord
from rcn_bench.records.runs import Evaluation, Trained
from rcn_bench.trust.report import Report
from rcn_bench.trust.tree import PRODUCTS, Link, Tree
from rcn_bench.trust.verify import Verifier

WIDTH = 100
SHORT = 12  # hexadecimal digits of a checksum that a line shows
PACKAGES = ("torch", "torchvision", "numpy")  # the manifest of kept results has all


def why(experiment: Experiment, name: str, row: str, column: str) -> Iterator[str]:
    """Lines, at most WIDTH wide, on a cell of a table that was made.

    row: its number from 1 on, or what its first columns say, such as "stills identity". column: its name or number.
    Errors: InputError for a table, row or column that is not there; it lists those that are.
    """
    tree = Tree(experiment.paths.root)
    find_product(tree.experiment, name, "table")  # of the config that the results were made with
    report = Verifier(tree.root).verify()
    yield from (line for text in _lines(tree, report, name, row, column) for line in _wrapped(shown(text)))


def _lines(tree: Tree, report: Report, name: str, row: str, column: str) -> Iterator[str]:
    path = tree.experiment.paths.table(name).with_suffix(".csv")
    record = TableRecord.read_of(path.with_suffix(".json"), name)
    rows = list(csv.DictReader(io.StringIO(record.content(path).decode())))
    number, cells = _row(rows, row, path)
    column = _column(list(cells), column, path)
    runs = [Run.parse(each) for each in (cells.get("runs") or "").split()]
    yield f"{record.title}"
    yield f"row {number} ({', '.join(row_names(rows)[number - 1])}), {column}: {cells[column] or 'n/a'}"
    yield from _computed(tree, runs, column)
    yield ""
    links = {link.path: link for link in tree.links}
    table = tree.name(path.with_suffix(".json"))
    yield from _told(tree, report, links[table], record)
    for link in behind(tree, name, cells):
        yield ""
        yield from _told(tree, report, link, link.kind.read_of(tree.root / link.path, link.target))


def behind(tree: Tree, name: str, cells: Mapping[str, str]) -> Iterator[Link]:
    """What a row of a table, its cells by column, rests on; all runs of a table whose rows name none."""
    links = {link.path: link for link in tree.links}
    shows = {f"runs/{run}/" for run in (cells.get("runs") or "").split()}
    for file in tree.reads[name]:
        link = links.get(file)
        of_others = "runs" in cells and file.startswith("runs/") and not any(file.startswith(start) for start in shows)
        other_model = link and link.stage == "profile" and cells.get("model", link.target).split("+")[0] != link.target
        if link and not of_others and not other_model:
            yield link


def _row(rows: Sequence[dict[str, str]], asked: str, path: Path) -> tuple[int, dict[str, str]]:
    names = [" ".join(cells) for cells in row_names(rows)]
    if asked.isdecimal():
        found = [int(asked) - 1] if 1 <= int(asked) <= len(rows) else []
    else:
        words = asked.replace(",", " ").split()
        found = [at for at, name in enumerate(names) if name.split()[: len(words)] == words]
    if len(found) != 1:
        there = "; ".join(f"{at} {name}" for at, name in enumerate(names, start=1))
        raise InputError(f"{path}: row {asked!r} is {'several' if found else 'none'} of its rows: {there}")
    return found[0] + 1, rows[found[0]]


def row_names(rows: Sequence[Mapping[str, str]]) -> list[list[str]]:
    """Of each row its first cells, as many more than three as tell rows apart."""
    most = max(map(len, rows), default=0)
    named = ([first_cells(cells, count) for cells in rows] for count in range(3, max(3, most) + 1))
    best = max(named, key=lambda names: len(set(map(tuple, names))))
    return [[cell for cell in cells if cell] for cells in best]


def first_cells(cells: Mapping[str, str], most: int = 3) -> list[str]:
    """Those that name a row: all before the first that is a number with a point."""
    return list(takewhile(lambda value: "." not in value, islice(cells.values(), most)))


def _column(columns: Sequence[str], asked: str, path: Path) -> str:
    if asked in columns:
        return asked
    if asked.isdecimal() and 1 <= int(asked) <= len(columns):
        return columns[int(asked) - 1]
    raise InputError(f"{path}: column {asked!r} is none of its columns: {'; '.join(columns)}")


def _computed(tree: Tree, runs: Sequence[Run], column: str) -> Iterator[str]:
    kind = column.split()[0]
    if not runs or kind not in ("clip", "video"):
        yield "computed from the records below"
        return
    what = "the mean of" if column == f"{kind} acc %" else "computed from"
    yield f"{what} the {kind} accuracy of {len(runs)} run{'s' if len(runs) > 1 else ''}:"
    for run in runs:
        evaluation = Evaluation.read_of(tree.experiment.paths.evaluation(run), run.name)
        value, interval = (getattr(evaluation, f"{kind}_{part}") for part in ("accuracy", "interval"))
        yield f"  {run.name}: {value:.1%}{told(interval)}"


def _told(tree: Tree, report: Report, link: Link, record: Record) -> Iterator[str]:
    """What is known of a record and the files beside it, and whether each holds."""
    yield f"{link.path}: {_state(report, link.path)}"
    yield from (f"  {line}" for line in _made(tree, link, record.origin))
    for key, name in link.beside.items():
        yield f"  {name}, sha256 {record.checksum(key)[:SHORT]}: {_state(report, name)}"
    if isinstance(record, Evaluation):
        yield f"  of {record.videos_used} videos, frames {record.data_fingerprint}; {record.clips} clips"
    if isinstance(record, Trained):
        given = record.initial_weights
        start = f"{given.source}, sha256 {(given.sha256 or 'not known')[:SHORT]}" if given else "random"
        yield f"  of {record.videos_used} videos, frames {record.data_fingerprint}; {record.clips_trained:,} clips"
        yield f"  initial weights: {start}"
    if isinstance(record, TableRecord):
        return  # what it was made from follows
    for named, sha256 in record.origin.inputs.items():
        file = tree.of_input(named) or named
        yield f"  from {file}, {sha256[:SHORT]}{': not kept' if file in report.not_kept else ''}"


def _made(tree: Tree, link: Link, origin: Origin) -> Iterator[str]:
    last = origin.starts[-1]
    today = dependencies(tree.experiment, link.stage, link.target).code.hash
    code = "today's" if origin.code == today else f"today's is {today}"
    dirty = ", with changes that were not committed" if last.dirty else ""
    yield f"by {last.command}, {last.time}{f', start {len(origin.starts)}' if len(origin.starts) > 1 else ''}"
    yield f"code {origin.code} ({code}), commit {(last.commit or 'not known')[:SHORT]}{dirty}"
    packages = [f"{name} {last.packages[name]}" for name in PACKAGES if last.packages.get(name)]
    on = [last.machine.name, f"{last.machine.threads} threads", f"Python {last.machine.python}", *packages]
    yield f"on {', '.join(on)}"
    if link.stage not in PRODUCTS:
        yield f"settings: {_settings(origin.settings)}"


def _settings(settings: object) -> str:
    if isinstance(settings, dict):
        return ", ".join(
            f"{key}: {'{' + _settings(value) + '}' if isinstance(value, dict) else _settings(value)}"
            for key, value in settings.items()
        )
    return str(settings)


def _state(report: Report, name: str) -> str:
    for finding in report.findings:
        if finding.path == name:
            return f"does not hold: {finding.why}"
    if name in report.not_judged:
        return "not judged, since it rests on what does not hold"
    return "not kept" if name in report.not_kept else "holds"


def _wrapped(line: str) -> list[str]:
    indent = " " * (len(line) - len(line.lstrip()))
    return wrap(line, WIDTH, subsequent_indent=f"{indent}    ", break_on_hyphens=False) or [""]

"""The runs of a tree with their learning curves, the origins of all records, and the machines they were made on."""

from dataclasses import dataclass

from rcn_bench.page.cells import MISSING, NOTHING, Cell, Column, column, interval_cell
from rcn_bench.page.curves import Curve, curve
from rcn_bench.page.grid import Grid, Source
from rcn_bench.page.shelf import Shelf
from rcn_bench.plan.run import Run
from rcn_bench.provenance import Origin
from rcn_bench.records.kept import systems_of
from rcn_bench.records.runs import Epoch, Evaluation, Trained
from rcn_bench.trust.why import SHORT


@dataclass(frozen=True)
class Runs:
    """curves: a row each, None of a run without one."""

    grid: Grid
    curves: list[Curve | None]


@dataclass(frozen=True)
class _Run:
    name: str
    trained: Trained | None
    evaluation: Evaluation | None
    epochs: list[Epoch]


def runs_of(shelf: Shelf) -> Runs:
    runs = [_read(shelf, link.target) for link in shelf.tree.links if link.stage == "train"]
    highest = max((epoch.loss for run in runs for epoch in run.epochs), default=0)
    curves = [curve(run.epochs, highest, _accuracy(run, "video")) if run.epochs else None for run in runs]
    ends = [run.epochs[-1] if run.epochs else None for run in runs]
    columns = [
        column("run", [run.name for run in runs]),
        column("video acc %", [_percent(_accuracy(run, "video")) for run in runs]),
        Column("95 % interval", [_interval(run) for run in runs], numeric=True),
        column("clip acc %", [_percent(_accuracy(run, "clip")) for run in runs]),
        column("training acc %, last epoch", [_percent(end.accuracy if end else None) for end in ends]),
        column("loss, last epoch", [str(end.loss) if end else "" for end in ends]),
        column("training s", [str(run.trained.training_seconds) if run.trained else "" for run in runs]),
        column("videos trained on", [str(run.trained.videos_used) if run.trained else "" for run in runs]),
        column("videos evaluated", [str(run.evaluation.videos_used) if run.evaluation else "" for run in runs]),
        column("weights", [run.trained.weights_sha256[:SHORT] if run.trained else "" for run in runs]),
    ]
    names = [run.name for run in runs]
    sources = [Source(records=_records_of(shelf, name)) for name in names]
    return Runs(Grid("runs", "Every run", columns, labels=names, sources=sources, ids=names, stacks=True), curves)


def records_grid(shelf: Shelf) -> Grid:
    """A row a record, in the order of the shelf: the origin of each."""
    records = shelf.records
    lasts = [record.origin.starts[-1] for record in records.values()]
    columns = [
        column("record", list(records)),
        column("seed", [_seed(shelf, path) for path in records]),
        Column("code", [_code(record.origin, path in shelf.other_code) for path, record in records.items()]),
        Column("commit", [_commit(record.origin) for record in records.values()]),
        column("machine", [last.machine.what_computes for last in lasts]),
        column("data", [str(getattr(record, "data_fingerprint", "")) for record in records.values()]),
        column("made (UTC)", [last.time.replace("T", " ").removesuffix("+00:00") for last in lasts]),
        column("starts", [str(len(record.origin.starts)) for record in records.values()]),
        column("command", [last.command for last in lasts]),
    ]
    return Grid("records", "Records and their origins", columns, labels=list(records), ids=list(records), stacks=True)


def machines_grid(shelf: Shelf) -> Grid:
    systems = systems_of(record.origin for record in shelf.records.values())
    columns = [
        column("machine", [system.machine.name for system in systems]),
        column("device", [system.machine.device for system in systems]),
        column("cores", [str(system.machine.cores) for system in systems]),
        column("threads", [str(system.machine.threads) for system in systems]),
        column("system", [system.machine.system for system in systems]),
        column("Python", [system.machine.python for system in systems]),
        *(
            Column(name, [_version(system.packages.get(name)) for system in systems])
            for name in dict.fromkeys(name for system in systems for name in system.packages)
        ),
        column("stages", [", ".join(system.stages) for system in systems]),
    ]
    return Grid("machines", "On what the records were made", columns)


def _read(shelf: Shelf, name: str) -> _Run:
    paths, run = shelf.tree.experiment.paths, Run.parse(name)
    trained = shelf.records.get(shelf.tree.name(paths.training(run)))
    evaluation = shelf.records.get(shelf.tree.name(paths.evaluation(run)))
    metrics, epochs = paths.metrics(run), None
    if isinstance(trained, Trained):
        epochs = shelf.tried(shelf.tree.name(metrics), lambda: trained.epochs(metrics))
    return _Run(
        name,
        trained if isinstance(trained, Trained) else None,
        evaluation if isinstance(evaluation, Evaluation) else None,
        epochs or [],
    )


def _records_of(shelf: Shelf, name: str) -> list[int]:
    return [number for path, number in shelf.numbers.items() if path.startswith(f"runs/{name}/")]


def _accuracy(run: _Run, kind: str) -> float | None:
    return getattr(run.evaluation, f"{kind}_accuracy") if run.evaluation else None


def _percent(share: float | None) -> str:
    return "" if share is None else str(100 * share)


def _interval(run: _Run) -> Cell:
    if run.evaluation is None or run.evaluation.video_interval is None:
        return NOTHING
    return interval_cell(*map(_percent, run.evaluation.video_interval))


def _seed(shelf: Shelf, path: str) -> str:
    target = shelf.links[path].target
    return str(Run.parse(target).seed) if path.startswith("runs/") else ""


def _code(origin: Origin, is_other: bool) -> Cell:
    note = ", not today's" if is_other else ""
    return Cell(f"{origin.code}{note}", origin.code, mark="hash")


def _commit(origin: Origin) -> Cell:
    last = origin.starts[-1]
    dirty = " with changes" if last.dirty else ""
    return Cell(f"{(last.commit or 'not known')[:SHORT]}{dirty}", last.commit or "", last.commit or "", mark="hash")


def _version(version: str | None) -> Cell:
    """Never a number: 2.10 is not 2.1."""
    return Cell(version or MISSING, version or "")

"""What trainings took: updates and their time, minutes of a GPU, memory; from the records that they left."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from statistics import median
from typing import Any

import numpy as np

from rcn_bench.plan.experiment import Experiment
from rcn_bench.plan.products.training import Trainings
from rcn_bench.plan.run import CARRIED, Run
from rcn_bench.provenance import Start
from rcn_bench.records.runs import Epoch, Trained
from rcn_bench.reporting.results import data_set, if_there, read_training
from rcn_bench.reporting.table import Table

GIB = 2**30
OF_GPU, OF_PROCESSOR = "minutes of a GPU", "minutes of a processor"
WAITING = "waiting for clips %"
ELSEWHERE = "which of its epochs were made on which machine is not recorded"
WHY = {
    "w_hh": "a network without recurrence has none",
    "ms/update": f"there was no epoch after the first, or {ELSEWHERE}",
    WAITING: "not recorded, or there was no epoch after the first",
    OF_GPU: f"trained on a processor, or {ELSEWHERE}",
    OF_PROCESSOR: f"trained on a GPU, or {ELSEWHERE}",
    "peak GiB": "torch counts its memory on a GPU alone",
}


@dataclass(frozen=True)
class _Training:
    """One that is done."""

    run: Run
    record: Trained
    epochs: Sequence[Epoch]

    @property
    def minutes(self) -> float:
        """Of all of its GPUs, or of a processor."""
        gpus = 1 if self.unit == OF_PROCESSOR else self._starts[-1].processes
        return gpus * self.record.training_seconds / 60

    @property
    def unit(self) -> str | None:
        """Of its minutes; None if it was started on machines that differ."""
        if len(set(map(_machine, self._starts))) > 1:
            return None
        return OF_PROCESSOR if self._starts[-1].machine.device == "cpu" else OF_GPU

    @property
    def alike(self) -> tuple[str, int, bool]:
        """What is the same of all trainings of a row: the machine, the clips, whether it is deterministic."""
        machines = " and ".join(dict.fromkeys(map(_machine, self._starts)))
        return machines, self.record.clips_trained, self.record.deterministic

    @property
    def was_resumed(self) -> bool:
        return len(self._starts) > 1

    @property
    def waiting(self) -> list[float]:
        """Shares of the epochs after the first, where they are recorded."""
        return [epoch.waiting_for_clips for epoch in self.epochs[1:] if epoch.waiting_for_clips is not None]

    @property
    def _starts(self) -> list[Start]:
        return self.record.origin.starts


def _machine(start: Start) -> str:
    several = f"{start.processes} x " if start.processes > 1 else ""
    return f"{several}{start.machine.what_computes}"


def trainings(product: Trainings) -> Table:
    """A row a start at a clip length; trainings on other machines, or of other clips, have rows of their own."""
    experiment = product.experiment
    groups = [list(group) for runs in product.rows().values() for group in _groups(experiment, runs)]
    done = [each for group in groups for each in group]
    units = [unit for unit in (OF_GPU, OF_PROCESSOR) if any(each.unit == unit for each in done)]
    rows = [_cells(experiment, group, units) for group in groups]
    if not any(each.waiting for each in done):  # as in trainings of before it was looked at
        rows = [{name: cell for name, cell in row.items() if name != WAITING} for row in rows]
    title = f"What trainings took on {data_set(experiment)}"
    return Table.of(title, rows, _notes(done, units), why=WHY, record="provenance.json")


def _groups(experiment: Experiment, runs: Sequence[Run]) -> Iterator[list[_Training]]:
    """Those that are done, by what rows have alike."""
    found = [each for run in runs if (each := if_there(partial(_training, experiment, run)))]
    for _, group in groupby(sorted(found, key=lambda each: each.alike), key=lambda each: each.alike):
        yield list(group)


def _training(experiment: Experiment, run: Run) -> _Training:
    record = read_training(experiment, run)
    return _Training(run, record, record.epochs(experiment.paths.metrics(run)))


def _cells(experiment: Experiment, group: Sequence[_Training], units: Sequence[str]) -> dict[str, Any]:
    run, unit = group[0].run, group[0].unit
    machine, clips, deterministic = group[0].alike
    batch = experiment.clips_per_batch(run)
    firsts = [epoch.seconds for each in group for epoch in each.epochs[:1]]
    later = [1000 * epoch.seconds * batch / epoch.samples for each in group for epoch in each.epochs[1:]]
    waiting = [share for each in group for share in each.waiting]
    peaks = [each.record.peak_memory_bytes for each in group if each.record.peak_memory_bytes is not None]
    return {
        "model": run.variant,
        "frames": run.frames,
        "w_xh": run.w_xh,
        "w_hh": run.w_hh,
        "clips trained": clips,
        "updates": clips // batch,
        "clips in the batch": batch,
        **_time_cells("ms/update", later if unit else []),
        WAITING: 100 * median(waiting) if waiting else None,
        "first epoch s": median(firsts),
        "first epoch s, of seeds low": min(firsts),
        "first epoch s, of seeds high": max(firsts),
        **{each: sum(training.minutes for training in group) if each == unit else None for each in units},
        "peak GiB": max(peaks) / GIB if peaks else None,
        "deterministic": deterministic,
        "machine": machine,
        "seeds": " ".join(str(each.run.seed) for each in group),
        "runs": " ".join(each.run.name for each in group),
    }


def _time_cells(name: str, times: Sequence[float]) -> dict[str, float | None]:
    """Their median, and half the range of their middle half in percent of it."""
    if not times:
        return {name: None, f"{name} spread %": None}
    low, middle, high = map(float, np.quantile(times, [0.25, 0.5, 0.75]))
    return {name: middle, f"{name} spread %": 100 * (high - low) / 2 / middle if middle else 0.0}


def _notes(done: Sequence[_Training], units: Sequence[str]) -> list[str]:
    minutes = {unit: [each.minutes for each in done if each.unit == unit] for unit in units}
    in_all = [f"; {sum(each):,.1f} {unit} in all ({len(each)} trainings)" for unit, each in minutes.items()]
    notes = [
        "Clips and updates are those of each training. ms/update: the seconds of an epoch over its updates, with what "
        "it waited for clips; the median over the epochs after the first, of all seeds. \N{PLUS-MINUS SIGN}: half the "
        "range of their middle half.",
        "The first epoch has compiling and the capture of a CUDA graph in it, where there is any: its median over "
        "seeds, and the least and the most. A process that trains several seeds of a network compiles it once.",
        "Times of trainings that share a machine are of a shared machine: longer than those of one alone, and each has "
        "all of its minutes; which were alone is not recorded.",
        f"Minutes: of all epochs of all seeds{''.join(in_all)}. What lies between epochs (checkpoints, validation), "
        "before them and behind them is not in them.",
    ]
    if any(each.record.peak_memory_bytes is not None for each in done):
        notes.append("Peak: the most memory that torch held on a GPU at once, of any seed.")
    if any(each.waiting for each in done):
        notes.append("Waiting for clips: of an epoch, in which the GPU or processor had no clips; the median likewise.")
    if any(CARRIED in each.run.options for each in done):
        notes.append(f"Trainings +{CARRIED} are not compiled.")
    if resumed := [each.run.name for each in done if each.was_resumed]:
        notes.append(
            f"Started more than once: {', '.join(resumed)}. Steps that were lost and made again count once; compiling "
            "again is in the epoch that went on; peak memory is of the last start."
        )
    return notes

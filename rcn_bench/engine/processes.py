"""The processes that share a training: torchrun's, or started here by what torchrun consists of.

Each gets its rank by torchrun's environment, whoever started it, joins the others in one group of torch.distributed
(NCCL on GPUs, gloo on the CPU), and ends with them.
"""

import gc
import logging
import multiprocessing
import os
import pickle
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import torch
from torch import distributed
from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs, SignalException, Std
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.launcher.api import LaunchConfig, elastic_launch

from rcn_bench.engine.trainings import train_runs
from rcn_bench.errors import InputError, ProcessDied, TrainingDiverged, reason
from rcn_bench.files import write_bytes
from rcn_bench.plan.experiment import Experiment
from rcn_bench.plan.run import Run
from rcn_bench.process import Process

START_METHOD = "spawn"  # a forked process could not use a GPU
GOES_ON = "its checkpoint stays, and the same command goes on from its last whole epoch"
LONGEST_WAIT = timedelta(minutes=10)  # for the others, after which a training ends, as when a network is cut
SECONDS_TO_BE_ENDED = 10  # that a process gives whoever started it, when another has died
TOLD = (InputError, TrainingDiverged, ProcessDied, OSError, MemoryError)  # in a line; of others all is wanted
LOST_ANOTHER = ("gloo/", "NCCL")  # in errors that have no type of their own


def train_on_several(runs: Sequence[Run], experiment: Experiment) -> None:
    """Start a process for each GPU of the runs' on this machine, and train in all of them until the last has ended.

    runs: that take the same number. When a process fails, the others are ended. What others than the first print is
    shown of the one that dies without a word.
    Errors: that of the process that failed first; ProcessDied for one that was killed.
    """
    gpus, key = experiment.gpus_of(runs[0]), experiment.gpus_key(runs[0])
    _require_gpus(key, gpus)
    for run in runs:
        experiment.clips_per_gpu(run)  # which is there, or this is told without starting any
    stopped_by = None
    with tempfile.TemporaryDirectory() as folder, _own_signals():
        config = LaunchConfig(
            min_nodes=1,
            max_nodes=1,
            nproc_per_node=gpus,
            logs_specs=DefaultLogsSpecs(folder, redirects=dict.fromkeys(range(1, gpus), Std.ALL)),
            run_id="rcn-bench",
            rdzv_backend="c10d",
            rdzv_endpoint="localhost:0",
            local_addr="localhost",
            max_restarts=0,
            start_method=START_METHOD,
        )
        for name in ("torch.distributed", "torch.multiprocessing"):  # that one has failed, and others are ended
            logging.getLogger(name).setLevel(logging.CRITICAL)
        try:
            bare = replace(experiment)  # without what has been worked out of it, which would travel to every process
            elastic_launch(config, _train_as_one)(Path(folder), runs, bare)
        except ChildFailedError as failed:
            raise _told_by_first(failed, Path(folder), gpus) from None
        except SignalException as error:
            stopped_by = error.sigval
    if stopped_by is not None:
        signal.raise_signal(stopped_by)  # now that the others have ended, what it does to any command


def train_as_one_of_several(runs: Sequence[Run], experiment: Experiment) -> None:
    """Train in this process, which torchrun has started beside others.

    runs: that take the same number of them.
    Errors: as from ``train_runs``; InputError if there are not as many as the config says, or too few GPUs; ProcessDied
    for what cannot go on since another process has ended.
    """
    world, gpus, key = int(os.environ["WORLD_SIZE"]), experiment.gpus_of(runs[0]), experiment.gpus_key(runs[0])
    if world != gpus:
        raise InputError(f"{key}: {gpus}, but torchrun has started {world} processes; make the two the same")
    if torch.cuda.is_available():
        _require_gpus(key, int(os.environ["LOCAL_WORLD_SIZE"]))
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    distributed.init_process_group("nccl" if torch.cuda.is_available() else "gloo", timeout=LONGEST_WAIT)
    process = Process.here()
    if process.device.type == "cpu":
        process.print(f"{key}: {gpus}: there is no GPU here; so many processes train on the CPU")
    try:
        train_runs(runs, experiment)
    except RuntimeError as error:
        if not (isinstance(error, distributed.DistError) or any(mark in str(error) for mark in LOST_ANOTHER)):
            raise
        time.sleep(SECONDS_TO_BE_ENDED)  # so that the one that died is the first to be told of
        raise ProcessDied(f"another process of this training has ended ({reason(error)}); {GOES_ON}") from error
    gc.collect()  # a step and its CUDA graph, which refer to each other, and to the group
    distributed.destroy_process_group()


def _train_as_one(folder: Path, runs: Sequence[Run], experiment: Experiment) -> None:
    """In a process started here; its error is left for the one that has started it."""
    # Ctrl-C, and the end of the process that has started it, end it even where it waits for a GPU.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    multiprocessing.set_start_method(None, force=True)  # of its workers: as in any training, not as it was started
    try:
        train_as_one_of_several(runs, experiment)
    except Exception as error:
        told = error if isinstance(error, TOLD) else RuntimeError("".join(traceback.format_exception(error)))
        write_bytes(_error_file(folder, int(os.environ["RANK"])), pickle.dumps(told))
        raise


def _error_file(folder: Path, rank: int) -> Path:
    return folder / f"error of {rank}"


def _told_by_first(failed: ChildFailedError, folder: Path, gpus: int) -> Exception:
    """The error of the process that has failed first, or that it has died."""
    rank, failure = failed.get_first_failure()
    file = _error_file(folder, rank)
    if file.is_file():
        error = pickle.loads(file.read_bytes())
        assert isinstance(error, Exception)
        return error
    for log in folder.glob(f"*/*/{rank}/std*.log"):
        sys.stderr.write(log.read_text(errors="replace"))
    by = f"killed by {failure.signal_name()}" if failure.exitcode < 0 else f"ended with {failure.exitcode}"
    return ProcessDied(f"process {rank + 1} of {gpus} was {by}, as happens where memory is short; {GOES_ON}")


def _require_gpus(key: str, processes: int) -> None:
    if torch.cuda.is_available() and (there := torch.cuda.device_count()) < processes:
        raise InputError(f"{key}: {processes} processes on a machine with {there} GPUs; give at most as many")


@contextmanager
def _own_signals() -> Iterator[None]:
    """Afterwards signals do what they did before: torchrun's launcher keeps those that it has taken."""
    taken = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT)
    before = {each: signal.getsignal(each) for each in taken}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)

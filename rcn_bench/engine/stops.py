"""A training that is told to end, as by a cluster that preempts it, ends after a step from which it can go on."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from rcn_bench.process import Process


class Stopped(Exception):
    """Raised between two steps of an epoch, when the training was told to end; its ``Position`` says where."""


class Stop:
    """Whether TERM has come."""

    def __init__(self) -> None:
        self.asked = False


class Position:
    """Where in an epoch a training is: how many steps it has made there, and what it has counted in them.

    A part of a checkpoint, as the model is; zero steps are the start of an epoch. totals: of loss and right answers.
    """

    def __init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        self.steps, self.samples, self.seconds = 0, 0, 0.0
        self.totals = torch.zeros(2)
        self.random, self.random_gpu = _random_states()

    def reach(self, steps: int, samples: int, seconds: float, totals: Tensor) -> None:
        """Be there, with the random numbers of dropout that come next."""
        self.steps, self.samples, self.seconds, self.totals = steps, samples, seconds, totals.cpu()
        self.random, self.random_gpu = _random_states()

    def go_on(self, process: Process) -> None:
        """Draw what would have come next; of several processes only the main one has counted before."""
        if not self.steps:
            return
        if process.is_main:
            torch.set_rng_state(self.random)
            if len(self.random_gpu) and torch.cuda.is_available():
                torch.cuda.set_rng_state(self.random_gpu)
        else:
            self.samples, self.totals = 0, torch.zeros(2)

    def state_dict(self) -> dict[str, Any]:
        return dict(vars(self))

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Errors: ValueError for what cannot have been counted."""
        if min(state["steps"], state["samples"]) < 0 or state["totals"].shape != (2,):
            raise ValueError("its position in the epoch is none")
        vars(self).update(state)


def _random_states() -> tuple[Tensor, Tensor]:
    """Of this processor and, if there is one, this GPU."""
    gpu = torch.cuda.get_rng_state() if torch.cuda.is_available() else torch.empty(0, dtype=torch.uint8)
    return torch.get_rng_state(), gpu


@contextmanager
def noting_term(process: Process) -> Iterator[Stop]:
    """TERM is only noted within the block; behind it, it does what it did before.

    Of processes that share a training each is ended at once, since they would not stop at the same step.
    """
    stop = Stop()
    if process.world > 1 or threading.current_thread() is not threading.main_thread():
        yield stop
        return

    def note(*_: Any) -> None:
        stop.asked = True

    before = signal.signal(signal.SIGTERM, note)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGTERM, before)
    if stop.asked:
        signal.raise_signal(signal.SIGTERM)


def outlive_term(_worker: int) -> None:
    """For a process that makes batches: a job's TERM goes to all of its processes, and the training ends this one."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})

"""Too little memory, in whichever way a machine says so, as one line that says what to lower."""

import errno
import os
import resource
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

import torch

from rcn_bench.errors import InputError
from rcn_bench.files import MORE_SHARED_MEMORY, SHARED_MEMORY, size_text
from rcn_bench.plan.experiment import Experiment
from rcn_bench.plan.run import Run

# What errors say that have no type of their own, or came out of a worker process.
ON_GPU = ("CUDA out of memory", "CUDA error: out of memory", "STATUS_ALLOC_FAILED")
SHARED = ("signal: Bus error", "shared memory", "/torch_")
ON_CPU = ("DefaultCPUAllocator", "bad_alloc", "annot allocate memory", "can't start new thread")
KILLED = "signal: Killed"


@contextmanager
def room_for(what: str, lower: str) -> Iterator[None]:
    """Say in one line that there is too little memory: on a GPU, in this process, or shared with its workers.

    what: needs it, with its sizes. lower: what to do about it. Errors: InputError.
    """
    try:
        yield
    except (MemoryError, RuntimeError, OSError) as error:
        if cause := _cause(error, lower):
            raise InputError(f"{what}: {cause}") from error
        raise


def room_for_training(run: Run, experiment: Experiment) -> AbstractContextManager[None]:
    """For a training step of a run. Errors: InputError."""
    training, crop = experiment.train, experiment.clip.crop
    clips = f"{experiment.clips_per_gpu(run)} clips of {run.frames} frames of {crop}x{crop}"
    return room_for(
        f"a training step of {run.name}, {clips}, with {training.workers} workers",
        "lower train.frames_per_batch or train.workers, or set train.recompute_activations",
    )


def _cause(error: MemoryError | RuntimeError | OSError, lower: str) -> str | None:
    """None if it is another error than one of memory."""
    text = str(error) if isinstance(error, RuntimeError) else ""
    if isinstance(error, torch.OutOfMemoryError) or any(mark in text for mark in ON_GPU):
        return f"too little memory on the GPU, {torch.cuda.get_device_name()}; {lower}"
    if any(mark in text for mark in SHARED):
        return f"too little shared memory in {SHARED_MEMORY}; lower train.workers, or {MORE_SHARED_MEMORY}"
    if KILLED in text:
        return f"a worker process was killed, as a machine does that has too little memory; {lower}"
    out = isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno == errno.ENOMEM)
    if out or any(mark in text for mark in ON_CPU):
        return f"too little memory; a process may have {size_text(most_memory())} here; {lower}"
    return None


def most_memory() -> int:
    """The bytes that this process can have, at the very most."""
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    machine = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return machine if limit == resource.RLIM_INFINITY else min(limit, machine)

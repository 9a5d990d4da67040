"""Too little memory is one line with the sizes of what is done and what to lower, however the machine says so."""

import errno

import pytest
import torch

from rcn_bench.engine.room import most_memory, room_for
from rcn_bench.errors import InputError


def said(provoke):
    with pytest.raises(InputError) as error, room_for("a step of 64 clips", "lower train.frames_per_batch"):
        provoke()
    assert "\n" not in str(error.value)
    return str(error.value)


def raising(error):
    def provoke():
        raise error

    return provoke


@pytest.mark.parametrize(
    "provoke",
    [
        lambda: torch.empty(1 << 60),
        lambda: bytearray(1 << 60),
        raising(OSError(errno.ENOMEM, "Cannot allocate memory")),
        raising(RuntimeError("Caught RuntimeError in DataLoader worker process 0.\n... std::bad_alloc")),
    ],
    ids=["torch", "Python", "a system call", "a worker"],
)
def test_memory_of_the_process(provoke):
    line = said(provoke)
    assert line.startswith("a step of 64 clips: too little memory; a process may have ")
    assert line.endswith("; lower train.frames_per_batch")


@pytest.mark.parametrize(
    "error",
    [torch.OutOfMemoryError("CUDA out of memory."), RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when ...")],
)
def test_memory_of_a_gpu(error, monkeypatch):
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "H100")
    assert said(raising(error)) == (
        "a step of 64 clips: too little memory on the GPU, H100; lower train.frames_per_batch"
    )


@pytest.mark.parametrize(
    "text",
    [
        "DataLoader worker (pid 7) is killed by signal: Bus error. It is possible that ...",
        "unable to allocate shared memory(shm) for file </torch_7_1_1>: No space left on device (28)",
    ],
)
def test_shared_memory(text):
    assert said(raising(RuntimeError(text))) == (
        "a step of 64 clips: too little shared memory in /dev/shm; lower train.workers, or give the container more "
        "(--shm-size)"
    )


def test_a_worker_that_the_system_killed():
    line = said(raising(RuntimeError("DataLoader worker (pid 7) is killed by signal: Killed. ")))
    assert line.startswith("a step of 64 clips: a worker process was killed, as a machine does that has too little")


@pytest.mark.parametrize("error", [RuntimeError("shapes differ"), FileNotFoundError(2, "no such file"), KeyError("x")])
def test_other_errors_are_left_as_they_are(error):
    with pytest.raises(type(error)) as raised, room_for("a step", "lower it"):
        raise error
    assert raised.value is error


def test_a_process_has_no_more_than_the_machine():
    assert 0 < most_memory() < 2**60

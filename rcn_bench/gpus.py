"""Which GPUs of this machine a process computes on: as many as it asks for, and none that another one has taken.

Snakemake's ``--resources gpu=N`` counts jobs and leaves all of them on the first GPU. Here a process holds a lock for
each GPU that it takes, which ends with it, by whatever means, and CUDA_VISIBLE_DEVICES names those alone; so this comes
before CUDA is first asked for anything. Without a GPU nothing happens.
"""

import os
import platform
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from rcn_bench.errors import InputError, warn
from rcn_bench.files import Held, Progress, lock_file, locked

VISIBLE = "CUDA_VISIBLE_DEVICES"
GPUS = "RCN_BENCH_GPUS"  # their ids, with commas between them, instead of those that nvidia-smi lists
SHARE = "RCN_BENCH_GPU_SHARE"  # how many small jobs may share a GPU
TAKEN = "RCN_BENCH_GPUS_TAKEN"  # for the processes that one with GPUs starts: they compute on those
# A lock for each twelfth of a GPU, so that processes that share it by two, three or four agree on what is free.
PARTS, SHARES = 12, (1, 2, 3, 4, 6, 12)
OF_CUDA = 2**30  # bytes of a process on a GPU beside its tensors, at most
SECONDS = 1.0  # between two looks at what is free

Need = Callable[[], int]  # bytes that a job takes on a GPU, which may take long to say


@contextmanager
def taking_gpus(count: int = 1, need: Need | None = None, waiting: Progress = warn) -> Iterator[list[str]]:
    """Compute on so many GPUs until the block or the process ends; their ids, none where there is no GPU.

    Taken are those that CUDA_VISIBLE_DEVICES names, if it is set, as SLURM does. While too few are free, their end is
    waited for, with a line that says who holds them. need: of a job that may share a GPU with as many as
    RCN_BENCH_GPU_SHARE says, if its memory allows. A process that one with GPUs has started takes no others.
    Errors: InputError for more GPUs than there are, and for a variable that cannot be understood.
    """
    gpus = [] if TAKEN in os.environ else visible_gpus()
    if not gpus:
        yield []
        return
    if count > len(gpus):
        raise InputError(f"{count} GPUs asked for, and {len(gpus)} to be had here ({', '.join(gpus)})")
    parts = _parts(gpus, need) if need and count == 1 else PARTS
    with ExitStack() as held:
        taken = _wait_for(gpus, count, parts, held, waiting)
        held.enter_context(_environment({VISIBLE: ",".join(taken), TAKEN: str(os.getpid())}))
        yield taken


def visible_gpus() -> list[str]:
    """Ids of the GPUs that this process may use, in CUDA's order; none for a value that hides them all."""
    there, given = _gpus_there(), os.environ.get(VISIBLE)
    if given is None or not there:
        return there
    found: list[str] = []
    for name in map(str.strip, given.split(",")):
        if name.isdecimal() and int(name) < len(there):
            found.append(there[int(name)])
        elif same := [each for each in there if name and each.startswith(name)]:
            found.append(same[0])
        elif name.startswith("MIG-"):
            found.append(name)
        else:  # from here on CUDA sees none, either
            break
    return list(dict.fromkeys(found))


def _gpus_there() -> list[str]:
    if (given := os.environ.get(GPUS)) is not None:
        return [name.strip() for name in given.split(",") if name.strip()]
    return [line[0] for line in _ask("uuid")]


def _ask(*what: str) -> list[list[str]]:
    """nvidia-smi about every GPU; nothing where there is none, or no driver."""
    if not (program := shutil.which("nvidia-smi")):
        return []
    command = [program, f"--query-gpu={','.join(what)}", "--format=csv,noheader,nounits"]
    told = subprocess.run(command, capture_output=True, text=True)
    return [line.split(", ") for line in told.stdout.splitlines()] if told.returncode == 0 else []


def _parts(gpus: list[str], need: Need) -> int:
    """How many parts of a GPU a job takes: no fewer than one that shares it, and all if nobody knows its memory."""
    text = os.environ.get(SHARE, "1")
    if text not in map(str, SHARES):
        raise InputError(f"{SHARE}: {text!r} is none of {', '.join(map(str, SHARES))}")
    if text == "1":
        return PARTS
    memory = [int(mebibytes) * 2**20 for uuid, mebibytes in _ask("uuid", "memory.total") if uuid in gpus]
    filled = -(-PARTS * (need() + OF_CUDA) // min(memory)) if memory else PARTS
    return min(PARTS, max(PARTS // int(text), filled))


def _wait_for(gpus: list[str], count: int, parts: int, held: ExitStack, waiting: Progress) -> list[str]:
    folder, told = _folder(), False
    while True:
        with locked(folder, "placing", waiting=lambda _: None):
            used = {gpu: [part for part in range(PARTS) if _is_held(folder, _part(gpu, part))] for gpu in gpus}
            free = [gpu for gpu in sorted(gpus, key=lambda gpu: len(used[gpu])) if PARTS - len(used[gpu]) >= parts]
            if len(free) >= count:
                for gpu in free[:count]:
                    for part in [part for part in range(PARTS) if part not in used[gpu]][:parts]:
                        held.enter_context(locked(folder, _part(gpu, part)))
                return free[:count]
            holders = sorted({_holder(folder, _part(gpu, part)) for gpu in gpus for part in used[gpu]})
        if not told:
            wanted = "a GPU" if count == 1 else f"{count} GPUs"
            waiting(f"waiting for {wanted}: {', '.join(gpus)} used by {', '.join(holders)}")
            told = True
        time.sleep(SECONDS)


def _folder() -> Path:
    """Of this user's locks on this machine. Errors: InputError if somebody else has made it."""
    folder = Path(tempfile.gettempdir()) / f"rcn-bench-gpus-{os.getuid()}-{platform.node()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.stat().st_uid != os.getuid():
        raise InputError(f"{folder}: belongs to another user; set TMPDIR to a folder of your own")
    return folder


def _part(gpu: str, part: int) -> str:
    return f"{gpu.replace('/', '_')}.{part}"


def _is_held(folder: Path, name: str) -> bool:
    """Whether another process holds a lock; nobody takes one meanwhile, since this one is placing."""
    try:
        with locked(folder, name):
            return False
    except Held:
        return True


def _holder(folder: Path, name: str) -> str:
    return lock_file(folder, name).read_text().strip() or "another process"


@contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name)
            if value is not None:
                os.environ[name] = value

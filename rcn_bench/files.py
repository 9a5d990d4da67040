"""Files that several processes may touch: written whole or not at all, locked while a run is under way."""

import errno
import fcntl
import hashlib
import json
import math
import os
import platform
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from rcn_bench.errors import InputError

SHARED_MEMORY = Path("/dev/shm")  # where Linux keeps what processes share
MORE_SHARED_MEMORY = "give the container more (--shm-size)"
Progress = Callable[[str], None]  # what is told, a line at a time, while something long is under way


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path beside ``path``, renamed to it on success and removed on failure.

    The folder is made if it is missing. The content is on the disk before it gets its name, so that a power cut leaves
    the old file or the new one. What killed processes of this machine left of the same file is removed.
    """
    make_folder(path.parent)
    _sweep(path)
    temporary = path.with_name(f"{_temporaries_of(path)}{os.getpid()}.tmp{path.suffix}")
    try:
        yield temporary
        give_name(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def give_name(temporary: Path, path: Path) -> None:
    """Rename a file in its folder, once its content is on the disk; then wait until its name is there, too."""
    _sync(temporary)
    os.replace(temporary, path)
    _sync(path.parent)


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, and wait until they are on the disk: else what it holds is lost with it.

    Errors: FileNotFoundError where another process removes one of them just then.
    """
    if not folder.is_dir():
        make_folder(folder.parent)
        try:
            folder.mkdir()
        except FileExistsError:
            if not stat.S_ISDIR(folder.lstat().st_mode):  # else another process has made it just now
                raise
        _sync(folder.parent)


def _temporaries_of(path: Path) -> str:
    """How the names of a file's temporaries on this machine begin."""
    return f".{path.stem}.{platform.node()}."


def _sweep(path: Path) -> None:
    start, end = _temporaries_of(path), f".tmp{path.suffix}"
    with os.scandir(path.parent) as entries:
        left = [entry.name for entry in entries if entry.name.startswith(start) and entry.name.endswith(end)]
    for name in left:
        pid = name[len(start) : -len(end)]
        if pid.isdecimal() and not _is_alive(int(pid)):
            path.with_name(name).unlink(missing_ok=True)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass  # somebody else's
    return True


def _sync(path: Path) -> None:
    """Wait until a file's content, or the names in a folder, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if not (path.is_dir() and error.errno == errno.EINVAL):  # a file system that keeps no folders open for that
            raise
    finally:
        os.close(descriptor)


def write_bytes(path: Path, content: bytes | memoryview) -> None:
    """Write bytes, whole or not at all.

    For what torch and safetensors serialise: their own file writing reports a full disk as something else.
    """
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def write_text(path: Path, text: str) -> None:
    with replacing(path) as temporary:
        temporary.write_text(text)


def write_json(path: Path, content: Any) -> None:
    write_text(path, json.dumps(content, indent=2) + "\n")


def read_json(path: Path) -> Any:
    return json.loads(path.read_text())


def file_hash(path: Path) -> str:
    """sha256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def size_text(size: float) -> str:
    """Such as 1.4 GB."""
    power = min(int(math.log10(max(size, 1)) // 3), 4)
    return f"{size / 1000**power:.1f} {('bytes', 'kB', 'MB', 'GB', 'TB')[power]}"


_held: set[IO[str]] = set()  # the lock files of this process


def _let_go() -> None:
    """In a forked process, such as one that reads batches ahead: else a lock would outlive whoever took it."""
    for file in _held:
        file.close()
    _held.clear()


os.register_at_fork(after_in_child=_let_go)


class Held(InputError):
    """What was to be locked is held by another process, which the message names."""


@contextmanager
def locked(folder: Path, name: str = "", *, waiting: Progress | None = None) -> Iterator[None]:
    """Hold a folder, or what is called ``name`` in it, until this process ends even by kill -9.

    The folder is made if it is missing. waiting: told of another process that holds it, whose end is then waited for.
    Errors: Held if another process holds it and ``waiting`` is None; InputError on a disk without locks.
    """
    file = _locked_file(folder, name, waiting)
    with file:
        with suppress(OSError):  # a full disk, on which the lock holds all the same
            file.truncate(0)
            file.write(f"{this_process()}\n")
            file.flush()
        _held.add(file)
        try:
            yield
        finally:
            _held.discard(file)


def lock_file(folder: Path, name: str = "") -> Path:
    """That of ``locked``; only who holds it may remove it."""
    return folder / f".{name}.lock" if name else folder / ".lock"


def this_process() -> str:
    """As it is named to others."""
    return f"PID {os.getpid()} on {platform.node()}"


def _locked_file(folder: Path, name: str, waiting: Progress | None) -> IO[str]:
    path = lock_file(folder, name)
    while True:
        try:
            make_folder(folder)
            file = path.open("a+")
        except FileNotFoundError:  # the folder, or one above it, was removed just now, by who held it
            continue
        try:
            _lock(file, folder, name, waiting)
            if _is_at(path, file):
                return file
        except BaseException:
            file.close()
            raise
        file.close()  # removed by who held it: another process may lock a new one


def _is_at(path: Path, file: IO[str]) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(file.fileno()))
    except FileNotFoundError:
        return False


def _lock(file: IO[str], folder: Path, name: str, waiting: Progress | None) -> None:
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read().strip()
            at_work = f"another process{f' ({holder})' if holder else ''} is at work here"
            if waiting is None:
                raise Held(f"{folder / name}: {at_work}; wait for it or stop it") from None
            waiting(f"{folder / name}: {at_work}; waiting for it")
            fcntl.flock(file, fcntl.LOCK_EX)
    except OSError as error:
        raise InputError(f"{folder}: files cannot be locked on this disk ({error.strerror}); use another") from None

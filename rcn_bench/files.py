"""Files that several processes may touch: written whole or not at all, locked while a run is under way."""

import fcntl
import hashlib
import json
import math
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rcn_bench.errors import InputError

Progress = Callable[[str], None]  # what is told, a line at a time, while something long is under way


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path beside ``path``, renamed to it on success and removed on failure.

    The folder is made if it is missing.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.stem}.{os.getpid()}.tmp{path.suffix}")
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


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


@contextmanager
def locked(folder: Path, name: str = "") -> Iterator[None]:
    """Hold a folder, or what is called ``name`` in it, until this process ends even by kill -9.

    The folder is made if it is missing. Errors: InputError if another process holds it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f".{name}.lock" if name else folder / ".lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InputError(f"{folder / name}: another process is at work here; wait for it or stop it") from None
        except OSError as error:
            raise InputError(f"{folder}: files cannot be locked on this disk ({error.strerror}); use another") from None
        yield

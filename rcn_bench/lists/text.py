"""Reading lists that are text: as it is, by lines, as JSON."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from rcn_bench.errors import InputError, refusing


@contextmanager
def opened(source: Path, what: str = "text", newline: str | None = None) -> Iterator[TextIO]:
    """A file in UTF-8, with a byte order mark or without.

    newline: as for ``open``. Errors: InputError, as far as it is read, if it is "not" what "in UTF-8".
    """
    try:
        with source.open(encoding="utf-8-sig", newline=newline) as file:
            yield file
    except UnicodeDecodeError as error:
        raise InputError(f"{source}: not {what} in UTF-8 ({error}); save it in that encoding") from error


def lines_of(source: Path) -> Iterator[tuple[int, str]]:
    """Its lines with their numbers, from 1 on, without what is blank at their ends; blank lines are left out.

    Errors: InputError if it is not text.
    """
    with opened(source) as file:  # a mark at the start, CR LF and CR are no part of a line
        for number, line in enumerate(file, start=1):
            if line := line.strip():
                yield number, line


def json_of(source: Path, what: str = "a JSON file") -> Any:
    """Its value. Errors: InputError, "not" what, if it is none, or has a key twice in one object."""
    with refusing(lambda why: InputError(f"{source}: not {what} ({why})")):
        return json.loads(source.read_bytes(), object_pairs_hook=_each_once)


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) < len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f"{next(key for key in keys if keys.count(key) > 1)!r} is there twice")
    return content


def start_of(source: Path, characters: int = 4096) -> str:
    """What a file begins with; nothing of a folder, or of what is no text."""
    if not source.is_file():
        return ""
    with source.open(encoding="utf-8-sig", errors="replace") as file:
        return file.read(characters)


def first_line(source: Path) -> str:
    return start_of(source).strip().partition("\n")[0].strip()

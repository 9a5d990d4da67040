"""Reading lists of lines."""

from collections.abc import Iterator
from pathlib import Path

from rcn_bench.errors import InputError


def lines_of(source: Path) -> Iterator[tuple[int, str]]:
    """Its lines with their numbers, from 1 on, without what is blank at their ends; blank lines are left out.

    Errors: InputError if it is not text.
    """
    try:
        with source.open(encoding="utf-8-sig") as file:  # a mark at the start, CR LF and CR are no part of a line
            for number, line in enumerate(file, start=1):
                if line := line.strip():
                    yield number, line
    except UnicodeDecodeError as error:
        raise InputError(f"{source}: not text in UTF-8 ({error})") from error


def start_of(source: Path, characters: int = 4096) -> str:
    """What a file begins with; nothing of a folder, or of what is no text."""
    if not source.is_file():
        return ""
    with source.open(encoding="utf-8-sig", errors="replace") as file:
        return file.read(characters)


def first_line(source: Path) -> str:
    return start_of(source).strip().partition("\n")[0].strip()

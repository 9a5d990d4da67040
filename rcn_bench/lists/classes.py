"""The files beside a list that say which classes there are, in their official order."""

from itertools import pairwise
from pathlib import Path
from typing import Any

from rcn_bench.errors import InputError, refusing
from rcn_bench.lists.text import json_of, lines_of


def classes_by_line(file: Path) -> list[str]:
    """Of a file with a class a line. Errors: InputError if it is not there, or has a blank line between two."""
    lines = list(lines_of(_there(file)))
    for (before, _), (place, _) in pairwise(lines):
        if place > before + 1:
            raise InputError(f"{file}, line {before + 1}: blank; each line is a class, so remove it")
    return [line for _, line in lines]


def numbered_classes(file: Path) -> list[str]:
    """Of a file with a number, from 1 on, and a class a line. Errors: InputError if it is not such a one."""
    classes: list[str] = []
    for place, line in lines_of(_there(file)):
        number, *label = line.split(maxsplit=1)
        if number != str(len(classes) + 1) or not label:
            raise InputError(f"{file}, line {place}: {line!r} is not class {len(classes) + 1} with its number")
        classes += label
    return classes


def classes_in_json(file: Path) -> list[str]:
    """Of a JSON file with a number, from 0 on, for each class. Errors: InputError if it is not such a one."""
    what = "a JSON file of classes and their numbers"
    content: Any = json_of(_there(file), what)
    with refusing(lambda why: InputError(f"{file}: not {what} ({why})")):
        numbers = {int(number): label.strip(' "') for label, number in content.items()}
    if sorted(numbers) != list(range(len(content))):
        raise InputError(f"{file}: the numbers of its classes are not 0, 1, 2 ...")
    return [numbers[number] for number in range(len(content))]


def _there(file: Path) -> Path:
    if not file.is_file():
        raise InputError(f"{file}: not there; it comes with the lists beside it, and says which classes there are")
    return file

"""The files beside a list that say which classes there are, in their official order."""

import json
import re
from pathlib import Path

from rcn_bench.errors import InputError
from rcn_bench.lists.text import lines_of


def classes_by_line(file: Path) -> list[str]:
    """Of a file with a class a line. Errors: InputError if it is not there."""
    return [line for _, line in lines_of(_there(file))]


def numbered_classes(file: Path) -> list[str]:
    """Of a file with a number, from 1 on, and a class a line. Errors: InputError if it is not such a one."""
    classes: list[str] = []
    for place, line in lines_of(_there(file)):
        number, _, label = line.partition(" ")
        if number != str(len(classes) + 1) or not label.strip():
            raise InputError(f"{file}, line {place}: {line!r} is not class {len(classes) + 1} with its number")
        classes.append(label.strip())
    return classes


def classes_in_json(file: Path) -> list[str]:
    """Of a JSON file with a number, from 0 on, for each class. Errors: InputError if it is not such a one."""
    try:
        numbers = {int(number): label.strip(' "') for label, number in json.loads(_there(file).read_bytes()).items()}
    except (AttributeError, TypeError, ValueError) as error:
        raise InputError(f"{file}: not a JSON file of classes and their numbers ({error})") from error
    if sorted(numbers) != list(range(len(numbers))):
        raise InputError(f"{file}: the numbers of its classes are not 0, 1, 2 ...")
    return [numbers[number] for number in sorted(numbers)]


def labels_beside(source: Path) -> Path:
    """Where the 20BN data sets keep the classes of a list: jester-v1-labels.csv beside jester-v1-train.csv."""
    return source.with_name(re.sub("train|validation|val|test", "labels", source.name))


def _there(file: Path) -> Path:
    if not file.is_file():
        raise InputError(f"{file}: not there; it comes with the lists beside it, and says which classes there are")
    return file

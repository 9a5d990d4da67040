"""Result files as dataclasses: written as JSON, and read back strictly by the types of their fields."""

import hashlib
import json
import reprlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

from rcn_bench.errors import InputError
from rcn_bench.files import write_bytes, write_json
from rcn_bench.provenance import Origin
from rcn_bench.records.plain import checked_plain, from_plain, read_plain

CHECKSUM = "sha256"  # the key of a file's checksum of all others


@dataclass(frozen=True, kw_only=True)
class Document:
    """A JSON file with a key for each field, and its checksum.

    made_by: the command that writes it; ``{path}`` in it, and such as ``{path.stem}``, is the place of the file.
    """

    made_by: ClassVar[str]

    def write(self, path: Path) -> None:
        """Errors: InputError for a field that could not be read back, such as NaN; then nothing is written."""
        write_json(path, with_checksum(checked_plain(self, path)))

    @classmethod
    def read(cls, path: Path) -> Self:
        """Errors: InputError if it is not there, not JSON, or its keys or their values are not those of the fields.

        So for one that has changed since it was written.
        """
        content, again = read_made(path, cls.command(path)), f"run `{cls.command(path)}` again"
        plain = read_plain(content, path, again)
        checksum = plain.pop(CHECKSUM, None) if isinstance(plain, dict) else None
        if checksum is not None and with_checksum(plain)[CHECKSUM] != checksum:
            raise InputError(f"{path}: changed since it was written; {again}")
        document = from_plain(cls, plain, path, again)
        if checksum is None:
            raise InputError(f"{path}: has no checksum: written by an earlier version; {again}")
        return document

    @classmethod
    def command(cls, path: Path) -> str:
        """The one that writes this file."""
        return cls.made_by.format(path=path)


def with_checksum(plain: dict[str, Any]) -> dict[str, Any]:
    """The keys and values of a file, as JSON has them, with its checksum last."""
    text = json.dumps(plain, sort_keys=True)
    return {**plain, CHECKSUM: hashlib.sha256(text.encode()).hexdigest()}


@dataclass(frozen=True, kw_only=True)
class Record(Document):
    """A result file: what was found, and where it comes from.

    subject: the field with the name of what it is of, a run or a model; empty where an experiment has but one.
    beside: the files that belong to it, by the field with their sha256; ``{path.stem}`` as in made_by.
    """

    subject: ClassVar[str] = ""
    beside: ClassVar[Mapping[str, str]] = {}

    origin: Origin

    @classmethod
    def read_of(cls, path: Path, target: str) -> Self:
        """The one of a run or model. Errors: InputError as from ``read``, and if it is of another."""
        record = cls.read(path)
        if cls.subject and (of := getattr(record, cls.subject)) != target:
            raise InputError(
                f"{path}: {cls.subject}: {reprlib.repr(of)} is not {target}; run `{cls.command(path)}` again"
            )
        return record

    @classmethod
    def files_beside(cls, path: Path) -> dict[str, Path]:
        """By the field of the record at ``path`` that has their sha256."""
        return {field: path.with_name(name.format(path=path)) for field, name in cls.beside.items()}

    def checksum(self, field: str) -> str:
        """Of the file beside it that the field tells of."""
        value: Any = self
        for part in field.split("."):
            value = value[part] if isinstance(value, dict) else getattr(value, part)
        return str(value)


def check_shares(record: object, *names: str) -> None:
    """Errors: ValueError for a number, or one of several, that is not from 0 to 1."""
    for name in names:
        value = getattr(record, name)
        for number in value if isinstance(value, (list, tuple)) else [value]:
            if number is not None and not 0 <= number <= 1:
                raise ValueError(f"{name}: {number} is not from 0 to 1")


def read_made(path: Path, command: str) -> bytes:
    """A file that ``command`` writes. Errors: InputError if it is not there or cannot be read."""
    if path.is_fifo():  # which would be waited for
        raise InputError(f"{path}: cannot be read (Is a pipe); run `{command}` again")
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise InputError(f"{path}: not there; run `{command}` first") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); run `{command}` again") from error


def write_hashed(path: Path, content: bytes) -> str:
    """Write a file that stands beside a record; returns its sha256, for the record."""
    write_bytes(path, content)
    return hashlib.sha256(content).hexdigest()


def read_hashed(path: Path, sha256: str, command: str) -> bytes:
    """A file that ``command`` writes. Errors: InputError as from ``read_made``, and if it has changed since."""
    content = read_made(path, command)
    if hashlib.sha256(content).hexdigest() != sha256:
        raise InputError(f"{path}: has changed since it was written; run `{command}` again")
    return content

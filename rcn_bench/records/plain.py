"""Values of JSON (dicts, lists, texts, numbers) as dataclasses, strictly by the types of their fields, and back."""

import json
import math
import reprlib
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, NewType, TypeVar, Union, get_args, get_origin, get_type_hints

from rcn_bench.errors import InputError

T = TypeVar("T")
Signed = NewType("Signed", float)  # for a field: a number that may be negative
LARGEST = 2**63 - 1  # of whole numbers: those that arrays hold
LONGEST_KEY = 200  # characters that a message has of one
NAMES = {str: "a text", int: "a whole number", float: "a number", bool: "true or false", Signed: "a number"}


class _Mismatch(ValueError):
    """A value that is not of the type of its key."""

    def __init__(self, key: str, what: str) -> None:
        named = key if key.isprintable() and len(key) < LONGEST_KEY else reprlib.repr(key)
        super().__init__(f"{named}: {what}" if key else what)


def read_plain(content: bytes | str, where: str | Path, advice: str) -> Any:
    """Values of JSON. Errors: InputError, "where: what is wrong; advice", if it is none, or has a key twice."""
    try:
        return json.loads(content.decode() if isinstance(content, bytes) else content, object_pairs_hook=once)
    except _Mismatch as mismatch:
        raise InputError(f"{where}: {mismatch}; {advice}") from None
    except (ValueError, RecursionError) as error:
        raise InputError(f"{where}: not JSON; {advice}") from error


def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """For JSON: an object with every key once. Errors: ValueError for a key that is there twice."""
    content: dict[str, Any] = {}
    for key, value in pairs:
        if key in content:
            raise _Mismatch(key, "there twice")
        content[key] = value
    return content


def to_plain(value: Any) -> Any:
    """Dataclasses as dicts and tuples as lists, all the way down; a field that has its default is left out."""
    if is_dataclass(value):
        own = {field: getattr(value, field.name) for field in fields(value)}
        return {field.name: to_plain(item) for field, item in own.items() if not _is_default(field, item)}
    if isinstance(value, dict):
        return {key: to_plain(item) for key, item in value.items()}
    return [to_plain(item) for item in value] if isinstance(value, (list, tuple)) else value


def _is_default(field: Any, value: Any) -> bool:
    return field.default is not MISSING and value == field.default and type(value) is type(field.default)


def checked_plain(value: Any, where: str | Path) -> Any:
    """A dataclass as dicts and lists that can be read back. Errors: InputError, which names where, key and value."""
    plain = to_plain(value)
    from_plain(type(value), plain, where, "not written")
    return plain


def from_plain(kind: type[T], value: Any, where: str | Path, advice: str) -> T:
    """A value of JSON as a value of a type: of a dataclass, list[int], str | None, ...; none but Signed is negative.

    A field with a default may be missing, so that files from before it was there can be read. A dataclass can have a
    method ``check`` for what its types do not say, which raises ValueError.
    Errors: InputError if it has other keys, types or values, "where: key: what is wrong; advice".
    """
    try:
        return _value(kind, value, "")
    except _Mismatch as mismatch:
        raise InputError(f"{where}: {mismatch}; {advice}") from None
    except RecursionError:
        raise InputError(f"{where}: nested too deeply; {advice}") from None


def _value(kind: Any, value: Any, key: str) -> Any:
    container, arguments = get_origin(kind), get_args(kind)
    if is_dataclass(kind):
        return _dataclass(kind, value, key)
    if container in (Union, UnionType):
        (some,) = (argument for argument in arguments if argument is not NoneType)
        return None if value is None else _value(some, value, key)
    if container is Literal:
        if not any(value == choice and type(value) is type(choice) for choice in arguments):
            raise _Mismatch(key, f"{reprlib.repr(value)} is none of {', '.join(map(repr, arguments))}")
        return value
    if container is list:
        return _items([arguments[0]] * len(_list(value, key)), value, key)
    if container is tuple:
        return tuple(_items(_kinds(arguments, _list(value, key), key), value, key))
    if container is dict:
        return {name: _value(arguments[1], item, _join(key, name)) for name, item in _object(value, key).items()}
    return _anything(value, key) if kind is Any else _scalar(kind, value, key)


@cache
def _hints(kind: Any) -> dict[str, Any]:
    hints = get_type_hints(kind)
    return {field.name: hints[field.name] for field in fields(kind)}


def _dataclass(kind: Any, value: Any, key: str) -> Any:
    hints, content = _hints(kind), _object(value, key)
    optional = {field.name for field in fields(kind) if field.default is not MISSING} - content.keys()
    if "origin" in hints and "origin" not in content:
        foreign = content and content.keys().isdisjoint(hints)
        raise _Mismatch(key, "has no key of such a file" if foreign else "has no origin: written by an earlier version")
    for name in [*hints, *content]:
        if name not in hints or name not in content.keys() | optional:
            raise _Mismatch(_join(key, name), "unknown key" if name in content else "missing")
    there = {name: hint for name, hint in hints.items() if name not in optional}
    made = kind(**{name: _value(hint, content[name], _join(key, name)) for name, hint in there.items()})
    if check := getattr(made, "check", None):
        try:
            check()
        except ValueError as error:
            raise _Mismatch(key, str(error)) from None
    return made


def _scalar(kind: Any, value: Any, key: str) -> Any:
    fractional = kind in (float, Signed)
    right = isinstance(value, (int, float) if fractional else kind) and isinstance(value, bool) == (kind is bool)
    if not right:
        raise _Mismatch(key, f"{reprlib.repr(value)} is not {NAMES[kind]}")
    if kind in (int, float) and value < 0:
        raise _Mismatch(key, f"{reprlib.repr(value)} is negative")
    if kind is int and value > LARGEST:
        raise _Mismatch(key, f"{reprlib.repr(value)} is too large")
    if not fractional:
        return value
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise _Mismatch(key, f"{reprlib.repr(value)} is not a finite number")
    return number


def _anything(value: Any, key: str) -> Any:
    """Any value that JSON knows, which has no NaN."""
    if isinstance(value, dict):
        return {name: _anything(item, _join(key, name)) for name, item in _object(value, key).items()}
    if isinstance(value, list):
        return _items([Any] * len(value), value, key)
    if isinstance(value, float):
        return _scalar(float, value, key)
    if not isinstance(value, (str, int, NoneType)):
        raise _Mismatch(key, f"{reprlib.repr(value)} is nothing that JSON knows")
    return value


def _list(value: Any, key: str) -> list[Any]:
    if not isinstance(value, list):
        raise _Mismatch(key, f"{reprlib.repr(value)} is not a list")
    return value


def _object(value: Any, key: str) -> dict[str, Any]:
    if not isinstance(value, dict) or not all(isinstance(name, str) for name in value):
        raise _Mismatch(key, f"{reprlib.repr(value)} is not an object with keys")
    return value


def _kinds(arguments: tuple[Any, ...], value: list[Any], key: str) -> list[Any]:
    """The type of each item of a tuple."""
    if arguments[-1] is Ellipsis:
        return [arguments[0]] * len(value)
    if len(value) != len(arguments):
        raise _Mismatch(key, f"{reprlib.repr(value)} has not {len(arguments)} items")
    return list(arguments)


def _items(kinds: list[Any], value: list[Any], key: str) -> list[Any]:
    return [_value(kind, item, _join(key, place)) for place, (kind, item) in enumerate(zip(kinds, value, strict=True))]


def _join(key: str, name: object) -> str:
    return f"{key}.{name}" if key else str(name)

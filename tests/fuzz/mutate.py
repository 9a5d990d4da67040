"""Damage, drawn at random: to the bytes of a file, and to the values in it."""

from collections.abc import Sequence
from random import Random
from typing import Any

ODD_TEXTS = ["", "\0", "\n", "../..", "/", "\udcff", "nan", "-1", "null", "a" * 5000, "9" * 5000, "ünï\u202ecode"]
ODD_VALUES = [
    *(None, True, False, 0, -1, 1, 2**31, 2**63, 2**64, 10**400, -(10**20)),
    *(0.5, -0.0, 1e308, float("nan"), float("inf"), float("-inf")),
    *([], {}, [[]], {"": {}}, *ODD_TEXTS),
]


def damaged(content: bytes, others: Sequence[bytes], rng: Random) -> bytes:
    """Bytes with one to four of: bits flipped, cut off, chunks doubled, inserted, swapped, or of another file."""
    for _ in range(rng.choice([1, 1, 1, 2, 4])):
        content = rng.choice(WAYS)(content, others, rng)
    return content


def _flip_bits(content: bytes, others: Sequence[bytes], rng: Random) -> bytes:
    changed = bytearray(content)
    for _ in range(rng.choice([1, 1, 4, 16]) if content else 0):
        changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def _set_bytes(content: bytes, others: Sequence[bytes], rng: Random) -> bytes:
    start, stop = _chunk(content, rng)
    return content[:start] + bytes([rng.choice([0, 9, 10, 32, 34, 48, 255])]) * (stop - start) + content[stop:]


def _cut_off(content: bytes, others: Sequence[bytes], rng: Random) -> bytes:
    return content[: rng.randint(0, len(content))]


def _leave_out(content: bytes, others: Sequence[bytes], rng: Random) -> bytes:
    start, stop = _chunk(content, rng)
    return content[:start] + content[stop:]


def _double(content: bytes, others: Sequence[bytes], rng: Random) -> bytes:
    start, stop = _chunk(content, rng)
    return content[:stop] + content[start:stop] * rng.choice([1, 1, 2, 50]) + content[stop:]


def _insert(content: bytes, others: Sequence[bytes], rng: Random) -> bytes:
    place = rng.randint(0, len(content))
    odd = rng.choice(ODD_TEXTS).encode(errors="surrogateescape")
    new = rng.choice([odd, rng.randbytes(rng.randint(1, 64)), b"[" * rng.choice([10, 3000]), b"\r\n", b'"', b","])
    return content[:place] + new + content[place:]


def _swap(content: bytes, others: Sequence[bytes], rng: Random) -> bytes:
    a, b, c = sorted(rng.randint(0, len(content)) for _ in range(3))
    return content[:a] + content[b:c] + content[a:b] + content[c:]


def _of_another(content: bytes, others: Sequence[bytes], rng: Random) -> bytes:
    """Another whole file, or how it goes on from some place."""
    other, place = rng.choice([content, *others]), rng.choice([0, rng.randint(0, len(content))])
    return content[:place] + other[place:]


def _chunk(content: bytes, rng: Random) -> tuple[int, int]:
    start = rng.randint(0, len(content))
    return start, min(len(content), start + rng.choice([1, 4, 16, 256, len(content)]))


WAYS = [_flip_bits, _flip_bits, _set_bytes, _cut_off, _leave_out, _double, _insert, _swap, _of_another]


def other_values(value: Any, rng: Random) -> Any:
    """A nest of dicts and lists in which one to four values or keys are others."""
    for _ in range(rng.choice([1, 1, 1, 2, 4])):
        value = _other_value(value, rng)
    return value


def other_leaves(value: Any, rng: Random) -> Any:
    """A nest of dicts and lists in which about one leaf in twelve is another of its own type."""
    if isinstance(value, dict):
        return {key: other_leaves(item, rng) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [other_leaves(item, rng) for item in value]
    fitting = [odd for odd in [*ODD_VALUES, 1e-300, 0.25, 3, "rcn18"] if type(odd) is type(value)]
    return rng.choice(fitting) if fitting and rng.random() < 1 / 12 else value


def _other_value(value: Any, rng: Random) -> Any:
    if isinstance(value, dict) and value and rng.random() < 0.9:
        key = rng.choice(list(value))
        if rng.random() < 0.15:
            return {name: part for name, part in value.items() if name != key}
        if rng.random() < 0.1:
            return value | {rng.choice([*ODD_TEXTS, "further"]): rng.choice(ODD_VALUES)}
        return value | {key: _other_value(value[key], rng)}
    if isinstance(value, (list, tuple)) and value and rng.random() < 0.9:
        place = rng.randrange(len(value))
        if rng.random() < 0.2:
            return [*value[:place], *value[place + 1 :]]
        if rng.random() < 0.15:
            return [*value, *value] if rng.random() < 0.5 else [*value, rng.choice(ODD_VALUES)]
        return [*value[:place], _other_value(value[place], rng), *value[place + 1 :]]
    if type(value) in (int, float) and abs(value) < 1e300 and rng.random() < 0.5:
        return rng.choice([value + 1, value - 1, -value, value * 1000, value / 2, float(value), str(value)])
    if isinstance(value, str) and value and rng.random() < 0.3:
        return value[: rng.randrange(len(value))] + rng.choice(ODD_TEXTS)
    return rng.choice(ODD_VALUES)

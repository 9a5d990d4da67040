"""The spellings of labels: what a person takes for one class must be one, and folders may be named more freely."""

import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache

from rcn_bench.errors import InputError


def require_one_spelling(*lists: Mapping[str, str]) -> None:
    """Whether no label is also spelled in another way, within a list or between lists.

    lists: of each the labels, and where each first stands in it. Errors: InputError that names two labels that differ
    only in capitals, blanks, underscores or in how Unicode writes them.
    """
    first: dict[str, tuple[str, str]] = {}
    for places in lists:
        for label, place in places.items():
            other, there = first.setdefault(_without_spelling(label), (label, place))
            if other != label:
                raise InputError(f"{place}: label {label!r} is {other!r} in {there}; spell one class in one way")


def _without_spelling(label: str) -> str:
    """Without capitals, blanks, underscores and what is not shown, such as a mark of the direction of text."""
    composed = unicodedata.normalize("NFC", unicodedata.normalize("NFC", label).casefold())
    bare = "".join(c for c in composed if not (c.isspace() or c == "_" or unicodedata.category(c) == "Cf"))
    return bare or label


@lru_cache(10_000)  # there are few folders
def spelled_anyhow(name: str) -> str:
    """The same for all ways to spell a label as a folder: hurling (sport), hurling_-sport-, hurling_sport."""
    without_quotes = re.sub("['\"\N{RIGHT SINGLE QUOTATION MARK}]", "", unicodedata.normalize("NFC", name).casefold())
    return re.sub(r"[\W_]+", "_", without_quotes).strip("_")

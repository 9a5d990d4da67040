"""The videos that results have in common, so that their accuracies compare."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import pandas as pd

from rcn_bench.errors import InputError
from rcn_bench.records.runs import Evaluation, Online

Key = TypeVar("Key")
Kind = TypeVar("Kind", Evaluation, Online)


@dataclass(frozen=True)
class Result(Generic[Kind]):
    """A result at its path, and what it says of each video: group, label and more, by video."""

    path: Path
    record: Kind
    videos: pd.DataFrame

    def listed(self) -> set[str]:
        return {*self.videos.index, *(skipped.id for skipped in self.record.videos_skipped)}


def same_videos(results: Mapping[Key, Result[Kind]]) -> dict[Key, Result[Kind]]:
    """The same results of the videos that all of them scored, in one order.

    They may differ in what they left out: by their clip lengths, or since a machine lacked some of the videos.
    Errors: InputError if they are of other lists, labels or groups, or have no video in common.
    """
    first, *others = results.values()
    ids = first.videos.index
    common = ids[[all(video in other.videos.index for other in others) for video in ids]]
    for other in others:
        if other.record.data_fingerprint != first.record.data_fingerprint and not _of_one_list(first, other, common):
            raise _other_videos(first, other)
    if common.empty:
        raise InputError(f"{first.path}: none of its videos was scored by all that it is compared with")
    return {key: Result(each.path, each.record, each.videos.loc[common]) for key, each in results.items()}


def require_one_cache(results: Iterable[Result[Kind]]) -> None:
    """Errors: InputError where two scored the same videos, and these had other frames: one of them is out of date."""
    first, *others = results
    for other in others:
        same = set(other.videos.index) == set(first.videos.index)
        if same and other.record.data_fingerprint != first.record.data_fingerprint:
            raise _other_videos(first, other)


def _other_videos(first: Result[Any], other: Result[Any]) -> InputError:
    again = [f"`{each.record.command(each.path)}`" for each in (first, other)]
    return InputError(
        f"{other.path}: evaluated on other videos than {first.record.run}; run {' and '.join(again)} again"
    )


def _of_one_list(first: Result[Any], other: Result[Any], common: pd.Index) -> bool:
    told = ["group", "label"]
    same = first.videos.loc[common, told].equals(other.videos.loc[common, told])
    return same and first.listed() == other.listed()

"""Accuracy by the age of a network's state."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from rcn_bench.records.base import Record
from rcn_bench.records.rows import Column, answers, read_rows
from rcn_bench.records.runs import require_found

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, kw_only=True)
class Lifetime(Record):
    """lifetime.json of a run. ways: in which it was asked. ages: frames since the restart, after which it was.

    clip_frames: of the clips that it was trained on. videos, groups: that were drawn for it.
    lifetime_sha256: of lifetime.csv, beside it.
    """

    made_by: ClassVar[str] = "rcn-bench lifetime {path.parent.name}"
    subject: ClassVar[str] = "run"
    beside: ClassVar[Mapping[str, str]] = {"lifetime_sha256": "lifetime.csv"}

    run: str
    ways: list[str]
    ages: list[int]
    clip_frames: int
    videos: int
    groups: int
    weights_sha256: str
    lifetime_sha256: str

    def check(self) -> None:
        """Errors: ValueError for ages that do not rise from 1 on, or of which none is that of training."""
        if self.ages != sorted({1, *self.ages}) or self.clip_frames not in self.ages:
            raise ValueError(f"ages: {self.ages} do not rise from 1 on and past the {self.clip_frames} of training")

    def rows(self, path: Path) -> "pd.DataFrame":
        """Those of a lifetime.csv, a row a video and way; in a column an age, 1 if right, 0 if wrong, NaN if unknown.

        Errors: InputError if they are not those of this record, or of other videos or ways than it says.
        """
        rows = read_rows(path, lifetime_columns(self.ages), self.lifetime_sha256, self.command(path))
        found = {
            "videos": rows["video"].nunique(),
            "groups": rows["group"].nunique(),
            "ways": list(rows["way"].unique()),
        }
        require_found(self, found, path)
        return rows


def lifetime_columns(ages: Iterable[int]) -> dict[str, Column]:
    """A question an age in frames, such as 8."""
    return answers(map(str, ages))

"""What a verification found, in lines."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from rcn_bench.errors import shown

FEW = 3  # names that a line shows


@dataclass(frozen=True)
class Finding:
    """A link that does not hold. path: of the file, from the root on."""

    path: str
    why: str

    def __str__(self) -> str:
        return f"{self.path}: {self.why}"


@dataclass
class Report:
    """findings: in the order of the chain. not_judged: files whose own chain has a link that does not hold.

    numbers: that were computed again. not_kept: files that records tell of by their sha256 alone. notes: what differs
    and breaks nothing.
    """

    root: Path
    files: int = 0
    numbers: int = 0
    findings: list[Finding] = field(default_factory=list)
    not_judged: list[str] = field(default_factory=list)
    not_kept: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    _broken: set[str] = field(default_factory=set)

    def add(self, path: str, why: str) -> None:
        self.findings.append(Finding(path, why))
        self._broken.add(path)

    def leave(self, path: str) -> None:
        self.not_judged.append(path)
        self._broken.add(path)

    @property
    def holds(self) -> bool:
        return not self.findings

    def broken(self, path: str) -> bool:
        """Whether a file does not hold, or rests on one that does not."""
        return path in self._broken

    def plain(self) -> dict[str, Any]:
        """For JSON: all of it, and whether it holds."""
        told = {key: value for key, value in asdict(self).items() if not key.startswith("_")}
        return {**told, "root": str(self.root), "holds": self.holds}

    def lines(self) -> Iterator[str]:
        for finding in self.findings:
            yield shown(f"{self.root}/{finding}")
        if self.not_judged:
            yield f"not judged, since they rest on these: {_named(self.not_judged)}"
        yield from map(shown, self.notes)
        if self.not_kept:
            yield f"not kept, known by their sha256 alone: {_named(self.not_kept)}"
        verdict = (
            "all hold" if self.holds else f"{len(self.findings)} do not hold, the first is {self.findings[0].path}"
        )
        yield f"{self.root}: {self.files:,} files, {self.numbers:,} numbers computed again; {verdict}"


def _named(names: list[str]) -> str:
    shown_ones = ", ".join(names[:FEW])
    return shown_ones if len(names) <= FEW else f"{shown_ones} and {len(names) - FEW} more"

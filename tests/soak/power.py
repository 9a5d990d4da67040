"""A disk that loses power: every state in which it could come back, while a folder was being written to.

What the code does to the folder is watched (names made, renamed and removed; files and folders synced), and after each
such step the states are worked out that POSIX allows a power cut at that moment to leave: of a file that was not synced
any part of its content may be missing, of the changes of names in a folder that was not synced any may be undone.
"""

import itertools
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Names = dict[str, int | None]  # a path from the folder on, and the number of its content; None: it is gone
FOLDER = -1  # in the place of the number of a content
MOST_UNSYNCED = 5  # changes of names all of whose subsets are tried; of more, those up to any one of them

# What is left of the content of a file that was not synced.
LOSSES: dict[str, Callable[[bytes], bytes]] = {
    "all of it": lambda content: content,
    "half of it": lambda content: content[: len(content) // 2],
    "nothing": lambda content: b"",
    "zeros": lambda content: bytes(len(content)),  # its length was known already
}


@dataclass(frozen=True)
class Moment:
    """names: those that are on the disk. pending: changes since, in order. synced, written: contents by number."""

    step: str
    names: Names
    pending: tuple[Names, ...]
    synced: dict[int, bytes]
    written: dict[int, bytes]

    def states(self) -> Iterator[tuple[str, dict[str, bytes]]]:
        """Every state that a power cut could leave, as files by their paths, and in words."""
        for done in _subsets(self.pending):
            names = dict(self.names)
            for change in done:
                names |= change
            for word, loss in LOSSES.items():
                yield f"{self.step}; {len(done)} of {len(self.pending)} names, {word}", self._files(names, loss)

    def _files(self, names: Names, loss: Callable[[bytes], bytes]) -> dict[str, bytes]:
        there = {name for name, number in names.items() if number is not None}
        return {
            name: self.synced[number] if self.synced.get(number) == self.written[number] else loss(self.written[number])
            for name, number in names.items()
            if number not in (None, FOLDER) and all(str(above) in there for above in Path(name).parents[:-1])
        }


def _subsets(changes: tuple[Names, ...]) -> Iterator[tuple[Names, ...]]:
    if len(changes) > MOST_UNSYNCED:
        yield from (changes[:end] for end in range(len(changes) + 1))
        return
    for size in range(len(changes) + 1):
        yield from itertools.combinations(changes, size)


@dataclass
class WatchedDisk:
    """Watches a folder while ``watching`` patches ``os``. moments: one after each step."""

    root: Path
    moments: list[Moment] = field(default_factory=list)
    names: Names = field(default_factory=dict)
    pending: list[Names] = field(default_factory=list)
    synced: dict[int, bytes] = field(default_factory=dict)
    _kept: list[int] = field(default_factory=list)  # open files, so that no number is given twice

    def __post_init__(self) -> None:
        self.names = self._now()
        self.synced = self._contents()
        self._seen = dict(self.names)

    @contextmanager
    def watching(self) -> Iterator[None]:
        """While the code under test writes; afterwards ``states`` are those that it may have left."""
        calls = {name: getattr(os, name) for name in ("fsync", "replace", "rename", "unlink", "remove")}
        for name, call in calls.items():
            setattr(os, name, self._watched(name, call))
        try:
            yield
            self._record("at the end")
        finally:
            for name, call in calls.items():
                setattr(os, name, call)
            for descriptor in self._kept:
                os.close(descriptor)

    def states(self) -> Iterator[tuple[str, dict[str, bytes]]]:
        """All that differ, each with the first way in which it comes about."""
        seen = set()
        for number, moment in enumerate(self.moments):
            for how, files in moment.states():
                if (state := frozenset(files.items())) not in seen:
                    seen.add(state)
                    yield f"step {number}, {how}", files

    def _watched(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def watched(*arguments: Any, **options: Any) -> Any:
            self._record(f"before {name}")
            synced = self._path_of(arguments[0]) if name == "fsync" else None
            result = call(*arguments, **options)
            if synced is not None:
                self._sync(synced)
            self._record(f"after {name}")
            return result

        return watched

    def _path_of(self, descriptor: int) -> Path:
        return Path(os.readlink(f"/proc/self/fd/{descriptor}"))

    def _sync(self, path: Path) -> None:
        if path.is_dir():
            above = str(path.relative_to(self.root))
            for change in [one for one in self.pending if {str(Path(name).parent) for name in one} == {above}]:
                self.names |= change
                self.pending.remove(change)
        else:
            self.synced[path.stat().st_ino] = path.read_bytes()

    def _record(self, step: str) -> None:
        now = self._now()
        gone: Names = {name: None for name in self._seen if name not in now}
        come = {name: number for name, number in now.items() if self._seen.get(name) != number}
        if len(gone) == len(come) == 1 and FOLDER not in come.values():  # a rename is done or not done
            self.pending.append(gone | come)
        else:
            self.pending += [{name: number} for name, number in (gone | come).items()]
        self._seen = now
        self.moments.append(Moment(step, dict(self.names), tuple(self.pending), dict(self.synced), self._contents()))

    def _now(self) -> Names:
        paths = sorted(self.root.rglob("*"))
        return {str(path.relative_to(self.root)): FOLDER if path.is_dir() else self._number(path) for path in paths}

    def _number(self, path: Path) -> int:
        number = path.stat().st_ino
        if number not in self._numbers:
            self._kept.append(os.open(path, os.O_RDONLY))
        return number

    @property
    def _numbers(self) -> set[int]:
        return {os.fstat(descriptor).st_ino for descriptor in self._kept}

    def _contents(self) -> dict[int, bytes]:
        return {os.fstat(one).st_ino: os.pread(one, os.fstat(one).st_size, 0) for one in self._kept}


def lay_out(files: dict[str, bytes], folder: Path) -> Path:
    """A folder with these files."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder

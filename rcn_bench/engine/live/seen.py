"""What a stream has shown, thinned out, so that it can be drawn at the end however long it was."""

from collections.abc import Sequence
from typing import Generic, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from rcn_bench.data.frames import Frames

MOST_ANSWERS, MOST_FRAMES = 1024, 64  # kept at a time; of a frame of 224x224 that is 150 kB each
Item = TypeVar("Item")


class Answer(NamedTuple):
    """number: among all. at: the time of its frame in seconds, NaN if unknown. scores: (classes,)."""

    number: int
    at: float
    scores: NDArray[np.float32]


class Kept(NamedTuple):
    """A frame as the network took it, (crop, crop, 3), with its number and time."""

    number: int
    at: float
    frame: Frames


class Thinned(Generic[Item]):
    """Every n-th of the items that come, and the last; n doubles whenever more than ``most`` would be kept."""

    def __init__(self, most: int) -> None:
        self.most, self.every, self.count = most, 1, 0
        self._kept: list[Item] = []
        self._last: list[Item] = []  # if it is not among them

    def add(self, item: Item) -> None:
        if self.count % self.every == 0 and len(self._kept) == self.most:
            self._kept, self.every = self._kept[::2], 2 * self.every
        if self.count % self.every == 0:
            self._kept.append(item)
            self._last = []
        else:
            self._last = [item]
        self.count += 1

    @property
    def items(self) -> list[Item]:
        return self._kept + self._last


class Seen:
    """Answers of a network and the frames that they were given to."""

    def __init__(self, labels: Sequence[str]) -> None:
        self.labels = labels
        self.answers, self.frames = Thinned[Answer](MOST_ANSWERS), Thinned[Kept](MOST_FRAMES)

    def add(self, at: float, frame: Frames, scores: NDArray[np.float64]) -> None:
        number = self.answers.count
        self.answers.add(Answer(number, at, scores.astype(np.float32)))
        self.frames.add(Kept(number, at, frame.copy()))

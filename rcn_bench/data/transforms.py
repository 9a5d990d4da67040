"""Clip transforms: the same random crop, flip and affine map for all frames of a clip (supplement section 2)."""

from typing import Any

import torch
from torch import Tensor
from torchvision.transforms import v2

MEAN = (0.485, 0.456, 0.406)  # of ImageNet, as torchvision's pretrained networks expect
STD = (0.229, 0.224, 0.225)


def training_transform(crop: int, augment: dict[str, Any]) -> v2.Compose:
    """uint8 (T, C, H, W) to normalised float (C, T, crop, crop), randomly cropped, flipped, turned, moved, scaled.

    augment: ``flip`` probability, ``rotate`` degrees, ``translate`` share of the side, ``scale`` [low, high].
    """
    affine = v2.RandomAffine(
        degrees=augment["rotate"], translate=(augment["translate"],) * 2, scale=tuple(augment["scale"])
    )
    return v2.Compose([affine, v2.RandomCrop(crop), v2.RandomHorizontalFlip(augment["flip"]), *_to_input()])


def evaluation_transform(crop: int) -> v2.Compose:
    """uint8 (T, C, H, W) to normalised float (C, T, crop, crop), the centre crop."""
    return v2.Compose([v2.CenterCrop(crop), *_to_input()])


def _to_input() -> list:
    return [v2.ToDtype(torch.float32, scale=True), v2.Normalize(MEAN, STD), v2.Lambda(_channels_first)]


def _channels_first(clip: Tensor) -> Tensor:
    return clip.transpose(0, 1)

"""Frames smaller than the crop stand in its middle, in training as in evaluation."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rcn_bench.data.crops import centre_crop, cut
from rcn_bench.data.transforms import Augmentation, to_input, warp

SIZES = st.tuples(st.integers(1, 20), st.integers(1, 20))


def noise(height, width):
    return np.random.default_rng(0).integers(0, 256, (2, height, width, 3)).astype(np.uint8)


def trained_on(frames, augmentation, seed=0):
    """The view (3, T, crop, crop) of frames that training draws."""
    view = augmentation.draw(*frames.shape[1:3], np.random.default_rng(seed))
    box = cut(frames, view.left, view.top, augmentation.box)
    return warp(torch.from_numpy(box)[None], torch.from_numpy(view.map)[None], augmentation.crop)[0]


def upright(crop, flip=0.0):
    return Augmentation(crop, flip, rotate=0, translate=0, scale=(1, 1))


@settings(max_examples=60)
@given(size=SIZES, more=st.integers(0, 9), flip=st.booleans())
def test_training_and_evaluation_see_a_small_video_in_the_same_place(size, more, flip):
    frames = noise(*size)
    crop = max(size) + more
    shown = trained_on(frames, upright(crop, float(flip)))
    expected = to_input(torch.from_numpy(centre_crop(frames, crop))[None])[0]
    torch.testing.assert_close(shown, expected.flip(-1) if flip else expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize(("height", "width"), [(8, 30), (30, 8)])
def test_a_video_that_is_too_small_one_way_alone_is_in_the_middle_that_way(height, width):
    frames, crop = noise(height, width), 16
    whole = to_input(torch.from_numpy(centre_crop(frames, 64))[None])[0]  # wide enough to hold any view
    middle = (64 - crop) // 2
    for seed in range(5):
        shown = trained_on(frames, upright(crop), seed)
        fits = [
            (across, down)
            for across in range(64 - crop + 1)
            for down in range(64 - crop + 1)
            if (shown - whole[..., down : down + crop, across : across + crop]).abs().max() < 1e-3
        ]
        assert len(fits) == 1
        assert fits[0][0 if width < crop else 1] == middle


@pytest.mark.parametrize(("height", "width"), [(4, 6), (5, 5), (15, 3)])
def test_a_small_video_is_turned_and_scaled_about_the_middle_of_the_view(height, width):
    augmentation = Augmentation(16, flip=0.5, rotate=180, translate=0, scale=(0.9, 1.1))
    for seed in range(10):
        view = augmentation.draw(height, width, np.random.default_rng(seed))
        middle = view.map[:, 2] * augmentation.box / 2 + augmentation.box / 2 + (view.left, view.top)
        assert np.abs(middle - np.array([width, height]) / 2).max() <= 0.5 * 2**0.5 / 0.9 + 1e-4


def test_views_of_videos_that_are_not_smaller_are_as_ever():
    """By the formula written out, to the bit."""
    augmentation = Augmentation(12, flip=0.5, rotate=30, translate=0.2, scale=(0.8, 1.2))
    for seed in range(20):
        rng = np.random.default_rng(seed)
        angle, scale = math.radians(rng.uniform(-30, 30)), rng.uniform(0.8, 1.2)
        mirror = -1.0 if rng.uniform() < 0.5 else 1.0
        size = np.array([17, 12])
        corner = rng.integers(0, size - 12 + 1)
        moved = rng.uniform(-0.2, 0.2, 2) * size
        turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]]) / scale
        centre = size / 2 + turn @ (corner + 6.0 - moved - size / 2)
        left, top = np.floor(centre - augmentation.box / 2 + 0.5).astype(int)
        offset = centre - augmentation.box / 2 - (left, top)
        expected = np.column_stack([turn * (mirror, 1.0) * (12 / augmentation.box), 2 * offset / augmentation.box])
        view = augmentation.draw(12, 17, np.random.default_rng(seed))
        assert (view.left, view.top) == (left, top)
        assert np.array_equal(view.map, expected.astype(np.float32))

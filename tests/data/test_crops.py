"""Squares cut of frames; three crops of every clip in evaluation: where they lie, that they differ, what is refused."""

import numpy as np
import pytest
import torch
from caches import write_cache
from hypothesis import given
from hypothesis import strategies as st

from rcn_bench.data.cache.index import Cache
from rcn_bench.data.clips import EvaluationClips
from rcn_bench.data.crops import MEAN, cut
from rcn_bench.data.frames import ClipLayout
from rcn_bench.errors import InputError

SIDE, CROP = 20, 16
FOUR = ClipLayout(frames=4, stride=2)


def noise(width, height):
    return np.random.default_rng(0).integers(0, 256, (12, height, width, 3), np.uint8)


@given(
    size=st.tuples(st.integers(1, 6), st.integers(1, 6)),
    corner=st.tuples(st.integers(-8, 8), st.integers(-8, 8)),
    side=st.integers(1, 7),
)
def test_a_square_shows_the_frames_where_it_meets_them_and_the_mean_colour_elsewhere(size, corner, side):
    (height, width), (top, left) = size, corner
    frames = noise(width, height)
    expected = np.empty((len(frames), side, side, 3))
    for y, x in np.ndindex(side, side):
        is_there = 0 <= y + top < height and 0 <= x + left < width
        expected[:, y, x] = frames[:, y + top, x + left] if is_there else np.round(255 * np.array(MEAN))
    square = cut(frames, left, top, side)
    assert square.dtype == np.uint8
    assert np.array_equal(square, expected)


def cache_of(folder, *videos):
    write_cache(folder / "val.json", [("a label", frames) for frames in videos])
    return Cache(folder / "val.json")


@pytest.mark.parametrize(("width", "height"), [(SIDE + 9, SIDE), (SIDE, SIDE + 9), (SIDE, SIDE), (CROP + 2, CROP)])
def test_three_crops_spread_along_the_longer_side_and_differ(tmp_path, width, height):
    cache = cache_of(tmp_path, noise(width, height))
    one, three = (EvaluationClips(cache, FOUR, CROP, 2, crops) for crops in (1, 3))
    shown = three[0].unflatten(0, (2, 3))  # (clips, crops, T, crop, crop, 3)
    left, top = (width - CROP) // 2, (height - CROP) // 2
    ends = [(0, top), (width - CROP, top)] if width >= height else [(left, 0), (left, height - CROP)]
    for start, crops in zip(three.starts[0], shown, strict=True):
        frames = cache.frames(cache.videos[0])[start : start + FOUR.span : FOUR.stride]
        for found, (x, y) in zip(crops, [ends[0], (left, top), ends[1]], strict=True):
            assert torch.equal(found, torch.from_numpy(frames[:, y : y + CROP, x : x + CROP].copy()))
        assert len({crop.numpy().tobytes() for crop in crops}) == 3
    assert torch.equal(shown[:, 1], one[0])  # that in the middle is the centre
    assert three.largest == 3 * one.largest


def test_crops_of_a_twin_are_the_exact_reversal(tmp_path):
    frames = noise(SIDE, SIDE)
    videos = EvaluationClips(cache_of(tmp_path, frames, frames[::-1]), FOUR, CROP, 4, 3)
    a, b = (videos[index].unflatten(0, (4, 3)) for index in (0, 1))
    assert torch.equal(a.flip(0, 2), b)  # the order of the clips, and of the frames, and not that of the crops
    assert not torch.equal(a, b)


def test_frames_that_hold_no_three_different_crops_are_refused_by_the_video(tmp_path):
    cache = cache_of(tmp_path, noise(SIDE, SIDE), noise(CROP + 1, CROP))
    EvaluationClips(cache, FOUR, CROP, 2)
    with pytest.raises(InputError) as error:
        EvaluationClips(cache, FOUR, CROP, 2, 3)
    told = f"frames of {CROP + 1}x{CROP}, 3 different crops of {CROP} need {CROP + 2} on the longer side"
    assert str(error.value) == f"{cache.path}: {cache.videos[1].id}: {told}; set clip.evaluation_crops to 1"

"""Stills of letters, digits and textures: classes that can be told apart, in typefaces that no other part shows."""

import numpy as np
import pytest

from rcn_bench.data.glyphs import TYPEFACES, _character, _font, glyphs
from rcn_bench.plan.sections import CHARACTERS, TEXTURES

CLASSES = len(CHARACTERS) + len(TEXTURES)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.mark.parametrize("part", list(TYPEFACES))
def test_stills_are_grey_images_with_balanced_classes(part, rng):
    images, labels = glyphs(36, part, 2 * CLASSES, rng)
    assert images.shape == (2 * CLASSES, 36, 36)
    assert images.dtype == np.uint8
    assert np.bincount(labels).tolist() == [2] * CLASSES


def test_they_are_the_same_with_the_same_numbers_drawn_and_all_different():
    first, again, other = (glyphs(24, "stills_train", CLASSES, np.random.default_rng(seed))[0] for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not any(np.array_equal(one, two) for one, two in zip(first, other, strict=True))


def test_no_typeface_is_in_both_parts():
    train, val = (set(faces) for faces in TYPEFACES.values())
    assert len(train) + len(val) == 20
    assert not train & val


@pytest.mark.parametrize("typeface", [face for faces in TYPEFACES.values() for face in faces])
def test_every_typeface_draws_every_character_and_no_two_alike(typeface):
    masks = {character: bytes(_font(typeface, 40).getmask(character)) for character in CHARACTERS}
    assert all(any(mask) for mask in masks.values())
    assert len(set(masks.values())) == len(CHARACTERS)


def test_a_character_lies_within_its_still_but_for_a_tip(rng):
    for character in CHARACTERS:
        ink = _character(64, character, "DejaVuSans", rng)
        assert 0.005 < ink.mean() < 0.5
        assert max(ink[0].mean(), ink[-1].mean(), ink[:, 0].mean(), ink[:, -1].mean()) < 0.25


def test_textures_differ_in_their_spectra(rng):
    """Rows vary from row to row alone, columns from column to column, diagonals and checks along both."""
    images, labels = glyphs(64, "stills_train", 4 * CLASSES, rng)
    for name, along in (("rows", 0), ("columns", 1)):
        for image in images[labels == len(CHARACTERS) + TEXTURES.index(name)].astype(float):
            change = [np.abs(np.diff(image, axis=axis)).mean() for axis in (0, 1)]
            assert change[along] > 1.5 * change[1 - along], name

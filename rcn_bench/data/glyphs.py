"""Stills of letters and digits in many typefaces, and of textures: more than the videos' own digits can teach.

A network that is trained on them stands in for one trained on ImageNet, which knows much beyond the videos. The
typefaces are those that matplotlib carries. No typeface is in both parts, nothing here is a handwritten digit, and no
class is another's mirror image.
"""

from functools import cache
from pathlib import Path

import matplotlib
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from rcn_bench.data.frames import Frames
from rcn_bench.plan.sections import CHARACTERS, TEXTURES

TYPEFACES = {
    "stills_train": [
        *(f"DejaVuSans{style}" for style in ("", "-Bold", "-Oblique")),
        *(f"DejaVuSansMono{style}" for style in ("", "-Bold", "-BoldOblique")),
        *(f"DejaVuSerif{style}" for style in ("", "-Bold", "-BoldItalic")),
        *(f"STIXGeneral{style}" for style in ("", "Bol", "Italic")),
        *("cmb10", "cmr10", "cmss10"),
    ],
    "stills_val": [
        *("DejaVuSans-BoldOblique", "DejaVuSansMono-Oblique", "DejaVuSerif-Italic", "STIXGeneralBolIta", "cmtt10"),
    ],
}
DRAWN = 2  # times its size that a character is drawn at, before it is turned, sheared and made smaller
SIZES = (0.4, 0.85)  # of a character, from the top of its line to the bottom, as shares of the still's side
TURN, SHEAR = 25.0, 0.25  # at most, to either side: degrees; shift of a row per row
CONTRAST = (0.25, 1.0)  # of what is shown against its ground, as a share of the grey levels
PERIODS = (4.0, 16.0)  # of a texture, in pixels


def glyphs(side: int, part: str, count: int, rng: np.random.Generator) -> tuple[Frames, NDArray[np.int64]]:
    """Stills (count, side, side) and their classes: the place of a character in CHARACTERS, those of TEXTURES behind.

    part: whose typefaces are shown, one of TYPEFACES.
    """
    labels = np.arange(count) % (len(CHARACTERS) + len(TEXTURES))
    return np.stack([_still(side, part, label, rng) for label in labels.tolist()]), labels


def _still(side: int, part: str, label: int, rng: np.random.Generator) -> Frames:
    """What is shown is lighter or darker than its ground, which is uneven, and all of it has some noise."""
    if label < len(CHARACTERS):
        shown = _character(side, CHARACTERS[label], str(rng.choice(TYPEFACES[part])), rng)
    else:
        shown = _texture(side, TEXTURES[label - len(CHARACTERS)], rng)
    contrast, ground = rng.uniform(*CONTRAST), 0.15 * (_noise(side, 2.0, rng) - 0.5)
    lowest = rng.uniform(0, 1 - contrast)
    shown = shown if rng.random() < 0.5 else 1 - shown
    grey = lowest + contrast * shown + ground + rng.normal(0, 0.02, (side, side))
    return np.round(255 * np.clip(grey, 0, 1)).astype(np.uint8)


def _character(side: int, character: str, typeface: str, rng: np.random.Generator) -> NDArray[np.float64]:
    """(side, side), 1 where ink is."""
    size, large = rng.uniform(*SIZES), DRAWN * side
    image = Image.new("L", (large, large))
    font = _font(typeface, round(size * large))
    ImageDraw.Draw(image).text((large / 2, large / 2), character, 255, font, anchor="mm")
    angle, shear = np.deg2rad(rng.uniform(-TURN, TURN)), rng.uniform(-SHEAR, SHEAR)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    back = DRAWN * np.linalg.inv(turn @ np.array([[1, shear], [0, 1]]))  # from the still to the image
    centre = side * rng.uniform(size / 2, 1 - size / 2, 2)
    (a, b), (d, e) = back
    c, f = large / 2 - back @ centre
    small = image.transform((side, side), Image.Transform.AFFINE, (a, b, c, d, e, f), Image.Resampling.BILINEAR)
    return np.asarray(small, float) / 255


@cache
def _font(typeface: str, pixels: int) -> ImageFont.FreeTypeFont:
    path = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / f"{typeface}.ttf"
    return ImageFont.truetype(path, pixels, layout_engine=ImageFont.Layout.BASIC)


def _texture(side: int, name: str, rng: np.random.Generator) -> NDArray[np.float64]:
    """(side, side), from 0 to 1."""
    period, phases = rng.uniform(*PERIODS), rng.uniform(0, 2 * np.pi, 2)
    y, x = np.mgrid[:side, :side] * (2 * np.pi / period)
    tilt = np.deg2rad(rng.uniform(-15, 15))
    y, x = y * np.cos(tilt) + x * np.sin(tilt), x * np.cos(tilt) - y * np.sin(tilt)
    match name:
        case "rows":
            wave = np.sin(y + phases[0])
        case "columns":
            wave = np.sin(x + phases[0])
        case "diagonals":
            wave = np.sin((y + rng.choice([-1, 1]) * x) / np.sqrt(2) + phases[0])
        case "checks":
            wave = np.sin(y + phases[0]) * np.sin(x + phases[1])
            wave = np.sign(wave)
        case "rings":
            centre = 2 * np.pi / period * rng.uniform(0, side, 2)
            wave = np.sin(np.hypot(y - centre[0], x - centre[1]))
        case "dots":
            wave = 2.0 * (np.sin(y + phases[0]) + np.sin(x + phases[1]) > 1.2) - 1
        case "white noise":
            return _noise(side, 0.0, rng)
        case "cloud noise":
            return _noise(side, 1.5, rng)
        case "grain noise":
            return (_noise(side, 1.0, rng) > 0.5).astype(float)
    return (1 + wave) / 2


def _noise(side: int, exponent: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """(side, side), from 0 to 1: noise whose amplitude falls with frequency to the power of the exponent."""
    frequencies = np.hypot(*np.meshgrid(np.fft.fftfreq(side), np.fft.rfftfreq(side), indexing="ij"))
    frequencies[0, 0] = 1
    spectrum = np.fft.rfft2(rng.standard_normal((side, side))) / frequencies**exponent
    spectrum[0, 0] = 0
    noise = np.fft.irfft2(spectrum, (side, side))
    return np.clip(0.5 + noise / (6 * noise.std()), 0, 1)

"""How all figures look: colours, labels beside lines, and the same bytes whenever and wherever they are drawn."""

from itertools import combinations, pairwise

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb
from matplotlib.text import Text  # whose extent leaves out the line from a label to its curve
from PIL import Image

from rcn_bench.provenance import Origin
from rcn_bench.reporting.figure import PICTURES, Drawing, new_figure
from rcn_bench.reporting.style import COLOURS, LineEnd, add_note, house_style, label_line_ends, marks, spread
from results import an_example

# What people see who lack a kind of cone, of linear RGB (Machado, Oliveira and Fernandes 2009, severity 1).
LACKING = {
    "red": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "green": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
}
TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
WHITE = TO_XYZ.sum(1)


def seen(colour, lacking=None):
    """CIE L*a*b* of a colour, as somebody sees it."""
    part = np.array(to_rgb(colour))
    linear = np.where(part <= 0.04045, part / 12.92, ((part + 0.055) / 1.055) ** 2.4)
    if lacking:
        linear = np.clip(np.array(LACKING[lacking]) @ linear, 0, 1)
    x, y, z = np.cbrt(TO_XYZ @ linear / WHITE)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("lacking", [None, *LACKING])
def test_colours_of_lines_are_told_apart_by_the_colour_blind_and_from_the_page(lacking):
    page = seen("white", lacking)
    for one, other in combinations(COLOURS, 2):
        assert np.linalg.norm(seen(one, lacking) - seen(other, lacking)) > 10, (one, other)
    for colour in COLOURS:
        assert np.linalg.norm(seen(colour, lacking) - page) > 35, colour


def test_of_many_lines_no_two_look_the_same():
    assert len(set(marks(64))) == 64
    assert len({mark.colour for mark in marks(8)}) == len({mark.marker for mark in marks(8)}) == 8


def test_places_far_enough_apart_stay_and_others_move_as_little_as_need_be():
    assert spread([0.1, 0.4, 0.9], 0.2) == pytest.approx([0.1, 0.4, 0.9])
    assert spread([0.1, 0.5, 0.5, 0.9], 0.2) == pytest.approx([0.1, 0.4, 0.6, 0.9])
    assert spread([0.5, 0.5, 0.5, 0.6], 0.1) == pytest.approx([0.375, 0.475, 0.575, 0.675])


def test_labels_stand_in_the_order_of_the_lines_and_none_on_another():
    with house_style():
        figure = new_figure(5, 3)
        axis = figure.subplots()
        ends = [1.0, 3.0, 2.01, 2.0, 2.02, 7.0]
        for end in ends:
            axis.plot([0, 1], [0, end])
        label_line_ends(axis, [LineEnd(1, end, f"{end}", COLOURS[0]) for end in ends])
        figure.draw_without_rendering()
        boxes = [Text.get_window_extent(text) for text in sorted(axis.texts, key=lambda text: float(text.get_text()))]
    for lower, upper in pairwise(boxes):
        assert lower.y1 <= upper.y0
    assert all(box.x0 > axis.get_window_extent().x1 for box in boxes)
    assert max(box.x1 for box in boxes) <= figure.bbox.x1


def test_a_note_keeps_to_the_width_of_its_figure():
    for width in (5.0, 7.1):
        with house_style():
            figure = new_figure(width, 3)
            figure.subplots()
            add_note(figure, "Timed on NVIDIA H100 80GB HBM3, WITH MEMORY MEASURED AT 112x112 AND 400 CLASSES. " * 4)
            figure.draw_without_rendering()
        (note,) = figure.texts
        assert 0 <= note.get_window_extent().x0 < note.get_window_extent().x1 <= figure.bbox.x1


def written(folder):
    """The files of a drawing with all that figures have: lines, letters, bands, pictures."""
    with house_style():
        figure = new_figure(3, 2)
        line, picture = figure.subplots(1, 2)
        line.plot([0, 1], [1, 2], label="a line")
        line.fill_between([0, 1], [0, 1], [2, 3], alpha=0.2)
        picture.imshow([[0, 1], [2, 3]])
        figure.legend(loc="outside lower center")
        Drawing(figure, pd.DataFrame({"a": [1 / 3]})).write(folder / "drawn", an_example(Origin), [])
    return {path.suffix: path.read_bytes() for path in folder.iterdir()}


def test_the_same_figure_is_the_same_files_whenever_it_is_drawn_and_whatever_style_a_user_has(tmp_path):
    folders = [tmp_path / name for name in ("one", "other")]
    for folder in folders:
        folder.mkdir()
    first = written(folders[0])
    with mpl.rc_context({"lines.linewidth": 9, "font.family": "serif", "savefig.dpi": 30, "svg.hashsalt": "other"}):
        second = written(folders[1])
    assert set(first) == {".csv", ".json", *(f".{suffix}" for suffix in PICTURES)}
    assert first == second
    with Image.open(folders[0] / "drawn.png") as png:
        assert (png.mode, png.size, round(png.info["dpi"][0])) == ("P", (600, 400), 200)
    assert b"CreationDate" not in first[".pdf"]
    assert b"dc:date" not in first[".svg"]
    assert first[".csv"] == b"a\n0.333333\n"


def test_a_png_has_its_areas_in_their_colours_and_few_edges_far_from_theirs(tmp_path):
    colours = np.random.default_rng(0).random((6, 6, 3))
    with house_style():
        figure = new_figure(3, 3)
        axis = figure.subplots()
        axis.imshow(colours)
        axis.plot([0, 5], [0, 5], label="a line")
        axis.legend()
        Drawing(figure, pd.DataFrame()).write(tmp_path / "drawn", an_example(Origin), [])
        figure.savefig(tmp_path / "whole.png")
    with Image.open(tmp_path / "drawn.png") as few, Image.open(tmp_path / "whole.png") as whole:
        shown, meant = (np.asarray(picture.convert("RGB")).astype(int) for picture in (few, whole))
    off = abs(shown - meant).max(-1)
    _, area, pixels = np.unique(meant.reshape(-1, 3), axis=0, return_inverse=True, return_counts=True)
    of_areas = (pixels > 100)[area.ravel()]
    assert (pixels > 100).sum() > 36
    assert off.ravel()[of_areas].max() <= 2
    assert (off > 24).mean() < 0.001
    assert (tmp_path / "drawn.png").stat().st_size < 0.6 * (tmp_path / "whole.png").stat().st_size

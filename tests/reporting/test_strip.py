"""The strip of a video: which frames and classes it shows at which times, however long it was, with any labels."""

import warnings

import numpy as np
import pytest
from matplotlib.text import Text
from PIL import Image

from rcn_bench.engine.live.seen import MOST_ANSWERS, MOST_FRAMES, Seen, Thinned
from rcn_bench.reporting.strip import MOST_CLASSES, draw_strip, write_strip
from rcn_bench.reporting.style import house_style

SIDE = 8


def seen_of(scores, times, labels=None):
    """Frame n is grey of level n."""
    scores = np.asarray(scores, float)
    seen = Seen(labels or [f"class {number}" for number in range(scores.shape[1])])
    for number, (at, row) in enumerate(zip(times, scores, strict=True)):
        seen.add(at, np.full((SIDE, SIDE, 3), number % 256, np.uint8), row)
    return seen


def drawn(seen):
    """The figure's axes: that of the strip, of scores; and the frames drawn."""
    with house_style():
        figure = draw_strip(seen)
    strip, scores = figure.axes
    return strip, scores, strip.child_axes


def texts(axis):
    return [each.get_text() for each in axis.texts]


def test_frames_stand_in_their_order_above_their_times():
    times = 2 + np.arange(40) / 8
    strip, scores, frames = drawn(seen_of(np.full((40, 2), 0.5), times))
    levels = [int(axis.images[0].get_array()[0, 0, 0]) for axis in frames]
    assert len(levels) == 8
    assert levels == sorted(levels)
    assert texts(strip) == [f"{times[level]:.2f} s" for level in levels]
    assert scores.get_xlim() == (times[0], times[-1])
    width = (times[-1] - times[0]) / 8
    assert [int((times[level] - times[0]) // width) for level in levels] == list(range(8)), "each in its own part"


def test_lines_are_the_scores_of_the_classes_that_led_and_a_few_more():
    scores = np.array([[0.1, 0.6, 0.2, 0.1, 0.0]] * 3 + [[0.5, 0.3, 0.1, 0.06, 0.04]] * 5)
    _, axis, _ = drawn(seen_of(scores, np.arange(8) / 4))
    lines = [line.get_ydata() for line in axis.lines]
    for line, each in zip(lines, (0, 1, 2), strict=True):
        np.testing.assert_allclose(line, scores[:, each], rtol=1e-6)
    assert all(line.get_drawstyle() == "steps-post" for line in axis.lines)
    assert texts(axis) == ["class 2 10%", "class 1 30%", "class 0 50%"], "from the bottom up"


def test_of_many_that_led_the_last_is_drawn_and_the_picture_says_how_many_are_not():
    scores = np.eye(20).repeat([3] * 19 + [1], axis=0)
    _, axis, _ = drawn(seen_of(scores, np.arange(len(scores))))
    assert len(axis.lines) == MOST_CLASSES
    assert "class 19 100%" in texts(axis)
    assert axis.figure._supxlabel.get_text() == f"{20 - MOST_CLASSES} more classes led, for a shorter time."


def test_a_single_frame_is_drawn():
    strip, axis, frames = drawn(seen_of([[0.9, 0.1]], [3.0]))
    assert (len(frames), texts(strip)) == (1, ["3.00 s"])
    assert axis.get_xlim() == (2.5, 3.5)
    assert [line.get_marker() for line in axis.lines] == ["o", "s"], "since a line of one point is not seen"


def test_where_no_frame_came_there_is_none():
    times = [*np.arange(8) / 8, *(80 + np.arange(8) / 8)]
    strip, _, frames = drawn(seen_of(np.full((16, 2), 0.5), times))
    assert len(frames) == 2
    assert [float(text.split()[0]) > 70 for text in texts(strip)] == [False, True]


def test_frames_without_times_are_numbered():
    strip, axis, _ = drawn(seen_of(np.full((4, 2), 0.5), [np.nan] * 4))
    assert texts(strip) == ["0", "1", "2", "3"]
    assert axis.get_xlabel() == "frame"


LABELS = {
    "long": ["pouring " + "very " * 4000 + "hot tea", "b"],
    "of formulas": ["$x^2", "\\frac{a}"],
    "of two lines": ["a\nb", "c\td"],
    "of other letters": ["日本語", "שלום"],
    "empty": ["", " "],
}


@pytest.mark.parametrize("labels", LABELS.values(), ids=LABELS)
def test_any_label_is_drawn_and_leaves_room_for_the_scores(tmp_path, labels):
    seen = seen_of([[0.3, 0.7]] * 9, np.arange(9), labels)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        write_strip(seen, tmp_path / "strip.png")
    with house_style(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph")
        figure = draw_strip(seen)
        figure.draw_without_rendering()
        page = figure.bbox
        assert figure.axes[1].get_window_extent().width > 0.6 * page.width
        for text in figure.findobj(lambda each: isinstance(each, Text) and each.get_text().strip()):
            extent = Text.get_window_extent(text)
            assert extent.height == 0 or (page.x0 <= extent.x0 and extent.x1 <= page.x1), text.get_text()


def test_the_same_answers_are_the_same_file(tmp_path):
    for name in ("a.png", "b.png"):
        write_strip(seen_of([[0.3, 0.7]] * 9, np.arange(9)), tmp_path / name)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    with Image.open(tmp_path / "a.png") as picture:
        assert picture.format == "PNG"
        assert picture.width == pytest.approx(1420, abs=1)


@pytest.mark.parametrize("count", [1, 7, 8, 9, 10, 33, 1000])
def test_of_a_stream_without_end_every_nth_item_is_kept_and_the_last(count):
    kept = Thinned(8)
    for number in range(count):
        kept.add(number)
    *regular, last = kept.items
    assert last == count - 1
    assert regular == list(range(0, count, kept.every))[: len(regular)]
    assert len(regular) >= min(count - 1, 4)
    assert len(kept.items) <= 9


def test_of_a_long_stream_no_more_is_kept_and_the_picture_says_so():
    seen = Seen(["a", "b"])
    frame = np.zeros((2, 2, 3), np.uint8)
    for number in range(20 * MOST_ANSWERS + 3):
        seen.add(number / 25, frame, np.array([0.4, 0.6]))
    assert len(seen.answers.items) <= MOST_ANSWERS + 1
    assert len(seen.frames.items) <= MOST_FRAMES + 1
    _, axis, frames = drawn(seen)
    assert len(frames) == 8
    assert axis.get_xlim() == (0, (20 * MOST_ANSWERS + 2) / 25)
    assert axis.figure._supxlabel.get_text() == "One in 32 of 20,483 answers, and the last."

"""A video as a network saw it: a strip of its frames, and below it the scores of the classes that led."""

import warnings
from collections import Counter
from collections.abc import Sequence
from io import BytesIO
from itertools import islice
from math import isnan
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from rcn_bench.engine.live.seen import Answer, Kept, Seen
from rcn_bench.errors import shown
from rcn_bench.files import write_bytes
from rcn_bench.reporting.figure import new_figure
from rcn_bench.reporting.style import PAGE, SMALL, LineEnd, add_note, house_style, label_line_ends, marks, text_width

MOST_FRAMES = 8
FEWEST_CLASSES, MOST_CLASSES = 3, 6
LONGEST_NAME = 1.5  # inches
FEW = 40  # answers, each of which a mark shows


def write_strip(seen: Seen, path: Path) -> None:
    """Draw it as a PNG; the same answers give the same bytes."""
    drawn = BytesIO()
    with house_style(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph")  # a letter that the font lacks is drawn as a box
        draw_strip(seen).savefig(drawn, format="png")
    write_bytes(path, drawn.getvalue())


def draw_strip(seen: Seen) -> Figure:
    """Up to MOST_FRAMES frames above their times, then a line each of the classes that led at some time.

    If more than MOST_CLASSES led, the last to lead and those that led longest.
    """
    answers = seen.answers.items
    leaders = _leaders(answers)
    classes = _drawn(leaders, answers[-1])
    figure = new_figure(PAGE, 2.6)
    strip, axis = figure.subplots(2, height_ratios=(1, 2))
    first, last = _place(answers[0]), _place(answers[-1])
    _draw_frames(strip, seen.frames.items, first, last)
    _draw_scores(axis, answers, classes)
    axis.set_xlim((first, last) if last > first else (first - 0.5, first + 0.5))
    axis.set_xlabel("frame" if isnan(answers[0].at) else "time, s")
    if notes := _notes(seen, len(leaders)):
        add_note(figure, *notes)
    _label(axis, answers[-1], classes, seen.labels)
    return figure


def _place(one: Answer | Kept) -> float:
    """On the axis: a time, or a number where frames have none."""
    return one.number if isnan(one.at) else one.at


def _leaders(answers: Sequence[Answer]) -> list[int]:
    """Classes that led at some time: the last one, then those that led longest."""
    best = [int(np.argmax(answer.scores)) for answer in answers]
    return list(dict.fromkeys([best[-1], *(each for each, _ in Counter(best).most_common())]))


def _drawn(leaders: Sequence[int], last: Answer) -> list[int]:
    """Of the leaders not too many; beside few of them those that follow at the end."""
    following = (int(each) for each in np.argsort(-last.scores, kind="stable") if each not in leaders)
    return [*leaders[:MOST_CLASSES], *islice(following, max(FEWEST_CLASSES - len(leaders), 0))]


def _draw_frames(strip: Axes, frames: Sequence[Kept], first: float, last: float) -> None:
    """In slots of equal width over the time, each the frame nearest to its middle; none where no frame came."""
    strip.set_axis_off()
    slots = min(MOST_FRAMES, len(frames))
    width = (last - first) / slots
    for slot in range(slots):
        middle = first + (slot + 0.5) * width
        nearest = min(frames, key=lambda one: abs(_place(one) - middle))
        if abs(_place(nearest) - middle) <= 0.5001 * width:
            axis = strip.inset_axes((slot / slots, 0, 0.96 / slots, 0.82), anchor="N")
            axis.set_axis_off()
            axis.imshow(nearest.frame)
            time = f"{nearest.number}" if isnan(nearest.at) else f"{nearest.at:.2f} s"
            strip.text((slot + 0.48) / slots, 0.86, time, ha="center", fontsize=SMALL)


def _draw_scores(axis: Axes, answers: Sequence[Answer], classes: Sequence[int]) -> None:
    """Each answer holds until the next."""
    places = [_place(answer) for answer in answers]
    for each, mark in zip(classes, marks(len(classes)), strict=True):
        scores = [answer.scores[each] for answer in answers]
        marker = mark.marker if len(answers) <= FEW else ""
        axis.plot(places, scores, color=mark.colour, marker=marker, drawstyle="steps-post")
    axis.set(ylim=(-0.02, 1.02), ylabel="score")
    axis.yaxis.set_major_formatter(PercentFormatter(1, 0))


def _label(axis: Axes, answer: Answer, classes: Sequence[int], labels: Sequence[str]) -> None:
    end, colours = _place(answer), [mark.colour for mark in marks(len(classes))]
    label_line_ends(
        axis,
        [
            LineEnd(end, float(answer.scores[each]), f"{_name(labels[each])} {answer.scores[each]:.0%}", colour)
            for each, colour in zip(classes, colours, strict=True)
        ],
    )


def _name(label: str) -> str:
    """On one line, cut in its middle where it would leave too little room for the scores."""
    text = shown(label)
    for letters in range(min(len(text), 100), 0, -1):
        short = text if letters == len(text) else f"{text[: (letters + 1) // 2]}...{text[-(letters // 2) :]}"
        if text_width(short) <= LONGEST_NAME:
            return short
    return text


def _notes(seen: Seen, leaders: int) -> list[str]:
    """What is not drawn."""
    answers, more = seen.answers, leaders - MOST_CLASSES
    thinned = f"One in {answers.every} of {answers.count:,} answers, and the last." if answers.every > 1 else ""
    shorter = f"{more} more class{'es led' if more > 1 else ' led'}, for a shorter time." if more > 0 else ""
    return [note for note in (thinned, shorter) if note]

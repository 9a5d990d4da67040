"""Stretches of longer videos, as columns of a list have them."""

import math
import reprlib
from collections.abc import Mapping

from rcn_bench.lists.video import Span

SECONDS, FRAMES = ("start", "end"), ("start_frame", "end_frame")


def span_of(row: Mapping[str, str]) -> Span | None:
    """The span that a row names by start and end, in seconds, or by start_frame and end_frame; None without values.

    A start or an end that is left out is that of the video. Errors: ValueError that says what is wrong.
    """
    given = [columns for columns in (SECONDS, FRAMES) if any(row.get(column) for column in columns)]
    if not given:
        return None
    if len(given) > 1:
        raise ValueError("start and end are given in seconds and in frames; give one of the two")
    in_frames = given[0] == FRAMES
    start, end = (_number(column, row.get(column) or "", in_frames) for column in given[0])
    if end is not None and end <= (start or 0):
        raise ValueError(f"{given[0][1]} {end} is not behind {given[0][0]} {start or 0}")
    return Span(start or 0, end, in_frames)


def _number(column: str, text: str, in_frames: bool) -> float | None:
    if not text:
        return None
    try:
        number = float(text)
        if number < 0 or not math.isfinite(number):
            raise ValueError
        return int(text) if in_frames else number
    except ValueError:
        unit = "a whole number of frames" if in_frames else "a time in seconds"
        raise ValueError(f"{column}: {reprlib.repr(text)} is not {unit}, from 0 on") from None


def span_columns(span: Span | None) -> dict[str, str]:
    """A row from which the span is read again."""
    if span is None:
        return {}
    start, end = FRAMES if span.in_frames else SECONDS
    return {start: str(span.start), end: "" if span.end is None else str(span.end)}


def with_span(name: str, span: Span | None) -> str:
    """The id of a video that is a span of a file, of which there may be others."""
    return name if span is None else f"{name} {span}"

"""Which frames of a video a network is shown: of a file all that are due, of a camera never an old one."""

import math
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from rcn_bench.data.judge import at_frame_rate
from rcn_bench.data.media.medium import Medium, Picture, TimedPictures, UnreadableVideo
from rcn_bench.engine.live.newest import newest

EARLY = 0.25  # of a tick at the frame rate, by which a camera's frame may come before it: cameras are not punctual


class Due(NamedTuple):
    """A frame to be shown, its time in seconds, and how many ticks passed before it without a frame for them."""

    at: float
    picture: Picture
    missed: int = 0


def due_frames(medium: Medium, frame_rate: float | None, stride: int) -> Iterator[Due]:
    """Every stride-th frame at ``frame_rate`` a second, by the time stamps; None: of all frames.

    Nothing of a file is left out, however long a frame takes. Of a camera a frame is shown once at most, and the newest
    one: ticks that pass before it, while the network is at work or the camera gives none, are missed.
    Errors: UnreadableVideo, if frames differ in size too.
    """
    frames = _of_one_size(medium.frames())
    if medium.is_live:
        yield from _without_old_ones(newest(enumerate(frames)), frame_rate, stride)
        return
    for index, (at, picture) in enumerate(at_frame_rate(frames, frame_rate)):
        if index % stride == 0:
            yield Due(at, picture)


def _without_old_ones(
    frames: Iterable[tuple[int, tuple[float, Picture]]], frame_rate: float | None, stride: int
) -> Iterator[Due]:
    """frames: those that are looked at, with their numbers among all."""
    start, last = math.nan, -1
    for number, (at, picture) in frames:
        start = at if math.isnan(start) else start
        if frame_rate is None:
            tick = number // stride
        elif math.isnan(at):
            raise UnreadableVideo("no time stamps")
        else:
            tick = math.floor(((at - start) * frame_rate + EARLY) / stride)
        if tick > last:
            yield Due(at, picture, missed=tick - last - 1)
            last = tick


def _of_one_size(frames: TimedPictures) -> TimedPictures:
    """Errors: UnreadableVideo where the size changes, since what a network keeps of earlier frames is of theirs."""
    size: tuple[int, int] | None = None
    for at, picture in frames:
        now = picture.width, picture.height
        if size not in (None, now):
            before, after = (f"{width}x{height}" for width, height in (size, now))
            since = "" if math.isnan(at) else f" from {at:.2f} s on"
            raise UnreadableVideo(f"frames of {before}, then of {after}{since}; stream each part by itself")
        size = now
        yield at, picture

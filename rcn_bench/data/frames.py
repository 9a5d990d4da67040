"""Frames as arrays, where clips lie in a video, and whether crops fit a frame."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Frames = NDArray[np.uint8]


@dataclass(frozen=True)
class ClipLayout:
    """A clip is ``frames`` frames, every ``stride``-th one of the video."""

    frames: int
    stride: int

    @property
    def span(self) -> int:
        """Frames of the video from a clip's first to its last."""
        return (self.frames - 1) * self.stride + 1

    def clips(self, shown: Frames, starts: Iterable[int]) -> list[Frames]:
        """Of a video's frames, the clips that start there, as views."""
        return [shown[start : start + self.span : self.stride] for start in starts]


def clips_that_fit(video_frames: int, span: int) -> int:
    """How many different clips of so many frames, from first to last, a video holds; 0 if it is too short for one."""
    return max(video_frames - span + 1, 0)


def too_short(video_frames: int, span: int) -> str | None:
    """Why a video does not hold a clip; None if it does."""
    return None if clips_that_fit(video_frames, span) else f"{video_frames} frames, a clip needs {span}"


def too_narrow(height: int, width: int, crop: int, crops: int) -> str | None:
    """Why a frame does not hold so many different crops along its longer side; None if it does."""
    needed = crop + crops - 1
    if crops == 1 or max(height, width) >= needed:
        return None
    return f"frames of {width}x{height}, {crops} different crops of {crop} need {needed} on the longer side"


def evaluation_starts(video_frames: int, span: int, most: int) -> list[int]:
    """First frames of ``most`` clips spread evenly over a video, all different; of as many as fit, where fewer do.

    The clips of a video, reversed, are the clips of the reversed video: start i and start (last - i) lie equally far
    from the two ends. Only with an odd number of clips and odd room for them the middle one is half a frame off.
    """
    clips = min(most, clips_that_fit(video_frames, span))
    room = video_frames - span
    # Round the first half down and mirror it; round() alone would break the symmetry at halves.
    first_half = [i * room // max(clips - 1, 1) for i in range(clips // 2)]
    middle = [room // 2] if clips % 2 else []
    return first_half + middle + [room - start for start in reversed(first_half)]

"""How a player shows a file: which of its streams, with square pixels, turned and mirrored as the file says.

The pixels are made square first, by their width, and the picture is turned after that, as FFmpeg does.
"""

import math
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import av
import numpy as np
from av.container import InputContainer
from av.stream import Disposition
from av.video.codeccontext import VideoCodecContext
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream

from rcn_bench.data.frames import Frames
from rcn_bench.data.media.medium import UnreadableVideo
from rcn_bench.data.media.packets import packets_by_stream
from rcn_bench.data.media.ratio import exact

COVERS = Disposition.attached_pic | Disposition.timed_thumbnails
WIDEST = 10  # times as wide as high, or as high as wide: pixels of another shape are a mistake in the file


def main_stream(container: InputContainer, path: str | Path | None = None) -> VideoStream | None:
    """The video stream that a player shows: never a cover, and no small preview where the container leaves it open.

    A cover may also be a stream of one picture, as in Matroska, beside those that move. path: of the file, in which it
    is looked for such; None of what can be read only once.

    Of those marked as default, or of all, FFmpeg takes the first in many containers; here it is the largest.
    """
    best = container.streams.best("video")
    moving = [stream for stream in container.streams.video if not stream.disposition & COVERS]
    if len(moving) > 1 and path is not None:
        packets = packets_by_stream(path)
        moving = [stream for stream in moving if packets[stream.index] > 1] or moving
    return max(moving, key=lambda stream: (*_rank(stream), stream is best), default=None)


def _rank(stream: VideoStream) -> tuple[bool, int]:
    codec = stream.codec_context  # None if FFmpeg cannot decode it
    return bool(stream.disposition & Disposition.default), codec.width * codec.height if codec else 0


class Screen:
    """Shows the frames that are decoded from one stream; made before the first of them."""

    def __init__(self, stream: VideoStream) -> None:
        self._stream, self._scaler = stream, VideoReformatter()
        codec = stream.codec_context
        # The container's word counts more than the codec's, which alone may change on the way.
        self._container_decides = codec is not None and _pixel(stream) != _pixel(codec)
        self._said: tuple[int, Fraction | None] | None = None
        self._turn, self._aspect = Turn(False, False, False), Fraction(1)

    def picture(self, frame: av.VideoFrame) -> "DecodedPicture":
        """frame: the last that was decoded."""
        said = frame.rotation, _pixel(self._stream.codec_context)
        if said != self._said:  # all that they stand for takes long to read for every frame
            self._said, self._turn, self._aspect = said, _turn(frame), self._pixel_aspect()
        height, width = frame.height, frame.width
        if self._aspect != 1:
            width = max(round(width * self._aspect), 1)
        if self._turn.transposed:
            width, height = height, width
        return DecodedPicture(frame, height, width, self._turn, self._scaler)

    def _pixel_aspect(self) -> Fraction:
        """Width of a pixel by its height; 1 where the file says nothing, or nonsense."""
        said = [_pixel(self._stream.codec_context), _pixel(self._stream)]
        if self._container_decides:
            said.reverse()
        return next((aspect for aspect in said if aspect and 1 / WIDEST <= aspect <= WIDEST), Fraction(1))


def _pixel(of: VideoStream | VideoCodecContext) -> Fraction | None:
    return exact(of.sample_aspect_ratio)


class Turn(NamedTuple):
    """How the stored picture comes to stand upright: first transposed, then mirrored."""

    transposed: bool
    left_right: bool
    up_down: bool

    def __call__(self, image: Frames) -> Frames:
        image = image.swapaxes(0, 1) if self.transposed else image
        image = image[:, ::-1] if self.left_right else image
        return np.ascontiguousarray(image[::-1] if self.up_down else image)


@dataclass(frozen=True, slots=True)
class DecodedPicture:
    """A frame of PyAV's; height and width are those that a player shows."""

    frame: av.VideoFrame
    height: int
    width: int
    turn: Turn
    scaler: VideoReformatter

    def rgb(self, short_side: int | None = None) -> Frames:
        """(H, W, 3). Errors: UnreadableVideo."""
        scale = 1 if short_side is None else short_side / min(self.height, self.width)
        height, width = round(self.height * scale), round(self.width * scale)
        if self.turn.transposed:
            width, height = height, width
        try:
            image = self.scaler.reformat(self.frame, width, height, "rgb24", interpolation="BILINEAR", threads=1)
        except av.FFmpegError as error:
            raise UnreadableVideo(str(error.strerror)) from error
        return self.turn(image.to_ndarray().astype(np.uint8, copy=False))


def _turn(frame: av.VideoFrame) -> Turn:
    """By the frame's display matrix: (x, y) is shown at (a x + c y, b x + d y).

    The whole matrix counts, since it may mirror. One that turns by no quarters is taken for the nearest that does.
    """
    a, b, c, d = _display_matrix(frame)
    if abs(b) + abs(c) > abs(a) + abs(d):
        return Turn(True, left_right=c < 0, up_down=b < 0)
    return Turn(False, left_right=a < 0, up_down=d < 0)


def _display_matrix(frame: av.VideoFrame) -> tuple[float, float, float, float]:
    try:
        matrix: Any = frame.side_data.get("DISPLAYMATRIX")
    except ValueError:  # before PyAV 19, beside side data that it has no name for, as Exif's, only the angle is told
        angle = math.radians(frame.rotation)
        return math.cos(angle), -math.sin(angle), math.sin(angle), math.cos(angle)
    if matrix is None:
        return 1, 0, 0, 1
    a, b, _, c, d, *_ = np.frombuffer(matrix, np.int32).tolist()
    return a, b, c, d

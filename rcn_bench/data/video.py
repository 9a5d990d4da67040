"""Video files: decode every frame in order, and write the lossless files of the embedded data set."""

import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TypeVar

import av
import numpy as np
from numpy.typing import NDArray

Frames = NDArray[np.uint8]
Frame = TypeVar("Frame")


class UnreadableVideo(Exception):
    """A file that holds no decodable video; the message is the reason without the path."""


LONGEST_GAP = 60.0  # seconds between frames; more is a damaged clock, not a slide show
TICK_SLACK = 1e-4  # seconds by which a frame may come late for a tick: times are rounded in some containers


def decode(path: Path, short_side: int | None = None, frame_rate: float | None = None) -> Frames:
    """The frames of a file from the first to the last: uint8 (T, H, W, 3).

    short_side: scale so that the shorter side has this many pixels, keeping the aspect ratio. frame_rate: frames a
    second, by the file's time stamps; None: every frame that there is.
    Errors: UnreadableVideo if there is no video stream, or it does not decode to frames of one size.
    """
    frames = [frame for _, frame in at_frame_rate(frames_in_order(path, short_side), frame_rate)]
    if len({frame.shape for frame in frames}) > 1:
        raise UnreadableVideo("frames of different sizes")
    return np.stack(frames)


def frames_in_order(source: str | Path, short_side: int | None = None) -> Iterator[tuple[float, Frames]]:
    """Each frame with its time in seconds (NaN if it has none) as it is decoded, uint8 (H, W, 3), from the first on.

    source: a file, or the number of a camera (as text). Never seeks, since that returns wrong frames in some
    containers. Errors: UnreadableVideo.
    """
    camera = isinstance(source, str) and source.isdecimal()
    name, container_format = (f"/dev/video{source}", "v4l2") if camera else (f"file:{source}", None)
    number = 0
    try:
        with av.open(name, format=container_format) as container:
            if not container.streams.video:
                raise UnreadableVideo("no video stream")
            container.streams.video[0].thread_type = "NONE"  # whole files run side by side, which is faster
            for frame in container.decode(video=0):
                yield time_of(frame), rgb(frame, short_side)
                number += 1
    except av.FFmpegError as error:
        raise UnreadableVideo(f"camera {name}, {failure(error)}" if camera else failure(error)) from error
    except UnicodeDecodeError as error:
        raise UnreadableVideo(failure(error)) from error
    if number == 0:
        raise UnreadableVideo("no frames")


def failure(error: av.FFmpegError | UnicodeDecodeError) -> str:
    """Why a file cannot be read, without its path."""
    if isinstance(error, UnicodeDecodeError):
        return "metadata that are not UTF-8"
    return str(error).split(":")[0].split("] ")[-1]


def at_frame_rate(frames: Iterable[tuple[float, Frame]], rate: float | None) -> Iterator[tuple[float, Frame]]:
    """What is on the screen at every tick of ``rate`` a second, from the first frame on to the last; None: all frames.

    A frame is on the screen from its time until the next one's, however unevenly they come.
    Errors: UnreadableVideo without time stamps, or if they jump by more than a minute.
    """
    if rate is None:
        yield from frames
        return
    start, tick, at = 0.0, 0, 0.0
    shown: Frame | None = None
    for coming_at, coming in frames:
        if math.isnan(coming_at):
            raise UnreadableVideo("no time stamps")
        if shown is not None and coming_at - at > LONGEST_GAP:
            raise UnreadableVideo(f"time stamps jump from {at:.0f} to {coming_at:.0f} s")
        if shown is None:
            start = coming_at
        else:
            while start + tick / rate < coming_at - TICK_SLACK:
                yield start + tick / rate, shown
                tick += 1
        at, shown = coming_at, coming
    while shown is not None and start + tick / rate <= at + TICK_SLACK:
        yield start + tick / rate, shown
        tick += 1


def time_of(frame: av.VideoFrame) -> float:
    """In seconds; NaN if it has none."""
    return math.nan if frame.time is None else frame.time


def rgb(frame: av.VideoFrame, short_side: int | None) -> Frames:
    """(H, W, 3), upright as a phone's player shows it: a camera held sideways only leaves a note to turn it."""
    return np.ascontiguousarray(np.rot90(_as_stored(frame, short_side), round(frame.rotation / 90) % 4))


def _as_stored(frame: av.VideoFrame, short_side: int | None) -> Frames:
    if short_side is None or min(frame.width, frame.height) == short_side:
        return frame.to_ndarray(format="rgb24").astype(np.uint8, copy=False)
    scale = short_side / min(frame.width, frame.height)
    width, height = round(frame.width * scale), round(frame.height * scale)
    scaled = frame.to_ndarray(format="rgb24", width=width, height=height, interpolation="BILINEAR")
    return scaled.astype(np.uint8, copy=False)


def write_lossless(path: Path, frames: Frames, frame_rate: int) -> None:
    """Write grey frames (T, H, W), of even height and width, as H.264, intra-only and lossless.

    Each frame is coded alone and without loss, so that a video and its reversal decode to the same frames; at the
    default quality they would not, and the difference would betray the direction of time.
    """
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=frame_rate, options={"qp": "0", "preset": "ultrafast"})
        stream.height, stream.width = frames.shape[1:]
        stream.pix_fmt = "yuv420p"
        stream.gop_size = 1
        stream.thread_count = 1
        for image in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(_yuv420(image), format="yuv420p")))
        container.mux(stream.encode(None))


def _yuv420(image: Frames) -> Frames:
    """A grey image as the planes of a yuv420p frame; faster than FFmpeg's converter."""
    height, width = image.shape
    planes = np.full((height * 3 // 2, width), 128, np.uint8)  # both colour planes are neutral
    planes[:height] = np.round(16 + image * (219 / 255))  # luma in the standard's limited range
    return planes

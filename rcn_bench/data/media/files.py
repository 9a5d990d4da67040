"""Video files: decoded from the first frame to the last, and judged by what is missing; lossless ones written."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from av import logging as av_logging

from rcn_bench.data.frames import Frames
from rcn_bench.data.media.medium import NOT_THERE, Medium, Picture, Stamp, UnreadableVideo
from rcn_bench.files import file_hash

# A video counts as truncated if it lacks more than this share of what it claims, and more than a few frames.
MISSING_SHARE, FEW = 0.02, 2
CUT_OFF = ("ended prematurely", "Packet corrupt")  # what FFmpeg says of a file that ends too early
SCALER = "swscaler"  # FFmpeg's part whose complaints are about our use of its frames, not about the file


class VideoFile(Medium):
    """Any file that FFmpeg reads. Never seeks, since that returns wrong frames in some containers."""

    @classmethod
    def takes(cls, source: str | Path) -> bool:
        return True

    def stamp(self) -> Stamp:
        path = Path(self.source)
        try:
            status = path.stat()
        except (OSError, ValueError):  # ValueError: a name that no file can have
            return NOT_THERE
        return (status.st_size, status.st_mtime_ns) if path.is_file() else NOT_THERE

    def sha256(self) -> str:
        return file_hash(Path(self.source))

    def frames(self) -> Iterator[tuple[float, Picture]]:
        av_logging.set_level(av_logging.WARNING)
        av_logging.set_skip_repeated(False)  # else a file's complaints hang on those of the file before
        with av_logging.Capture() as messages:
            yield from self._decoded()
        texts = [" ".join(text.split()) for _, part, text in messages if part != SCALER]
        if any(mark in text for text in texts for mark in CUT_OFF):
            raise UnreadableVideo(texts[0], "truncated")
        self.complaint = texts[0] if texts else ""

    def _decoded(self) -> Iterator[tuple[float, Picture]]:
        read, failed, there = _Read(self.stamp()[0]), "", 0
        try:
            with av.open(f"file:{self.source}") as container:
                if not container.streams.video:
                    raise UnreadableVideo("", "no video stream")
                yield from read.whole(container)
            if read.counted:
                self.claimed, there = _packets(self.source)
        except (av.FFmpegError, UnicodeDecodeError) as error:
            failed = failure(error)
        if read.frames == 0 or (failed and not read.at_the_end):
            raise UnreadableVideo(failed or "no frames")
        if failed or there < self.claimed - max(FEW, MISSING_SHARE * self.claimed):
            raise UnreadableVideo(failed or f"{there} frames of {self.claimed}", "truncated")
        if not read.counted and read.end < read.duration - max((FEW + 1) / read.rate, MISSING_SHARE * read.duration):
            raise UnreadableVideo(f"ends after {read.end:.1f} of {read.duration:.1f} s", "truncated")


@dataclass
class _Read:
    """How far a file of so many bytes has been read.

    duration, rate: by its own account. counted: whether its index tells its frames.
    """

    bytes: int
    frames: int = 0
    end: float = 0.0
    at_the_end: bool = False
    duration: float = 0.0
    rate: float = 0.0
    counted: bool = False

    def whole(self, container: av.container.InputContainer) -> Iterator[tuple[float, Picture]]:
        video = container.streams.video[0]
        video.thread_type = "NONE"  # files run side by side, and other threads' complaints would be lost
        self.duration, self.rate = (container.duration or 0) / av.time_base, float(video.average_rate or 25)
        self.counted = "mov" in container.format.name
        for packet in container.demux():
            if packet.pts is not None:
                self.end = max(self.end, float((packet.pts + (packet.duration or 0)) * packet.time_base))
            if packet.stream is video:
                self.at_the_end = (packet.pos or 0) + packet.size >= self.bytes
                for frame in video.decode(packet):
                    self.frames += 1
                    yield time_of(frame), DecodedPicture(frame)


def _packets(path: str | Path) -> tuple[int, int]:
    """The frames that an MP4's index claims and those that are in the file, whatever an edit list leaves out."""
    with av.open(f"file:{path}", options={"ignore_editlist": "1"}) as container:
        video = container.streams.video[0]
        return video.frames, sum(packet.size > 0 for packet in container.demux(video))


@dataclass(frozen=True, slots=True)
class DecodedPicture:
    """A frame of PyAV's."""

    frame: av.VideoFrame

    @property
    def height(self) -> int:
        return self.frame.height

    @property
    def width(self) -> int:
        return self.frame.width

    def rgb(self, short_side: int | None = None) -> Frames:
        try:
            return rgb(self.frame, short_side)
        except av.FFmpegError as error:
            raise UnreadableVideo(failure(error)) from error


def failure(error: av.FFmpegError | UnicodeDecodeError) -> str:
    """Why a file cannot be read, without its path."""
    if isinstance(error, UnicodeDecodeError):
        return "metadata that are not UTF-8"
    return str(error).split(":")[0].split("] ")[-1]


def time_of(frame: av.VideoFrame) -> float:
    """In seconds; NaN if it has none."""
    return math.nan if frame.time is None else frame.time


def rgb(frame: av.VideoFrame, short_side: int | None = None) -> Frames:
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

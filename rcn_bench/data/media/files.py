"""Video files: decoded from the first frame to the last, and judged by what is missing; lossless ones written."""

import math
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import av
import numpy as np
from av import logging as av_logging
from av.container import InputContainer
from av.video.stream import VideoStream

from rcn_bench.data.frames import Frames
from rcn_bench.data.media.claims import Claims, Reached
from rcn_bench.data.media.layout import NOT_WHOLE
from rcn_bench.data.media.medium import NO_VIDEO, NOT_THERE, Medium, Picture, Stamp, TimedPictures, UnreadableVideo
from rcn_bench.data.media.packets import Packets, Timing, demuxed
from rcn_bench.data.media.recognise import holds_stills, open_video, require_no_guess, without_video
from rcn_bench.data.media.shown import Screen, main_stream
from rcn_bench.files import file_hash

CUT_OFF = "ended prematurely", "no index at the end"  # what FFmpeg says of a file that ends too early
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
        if not path.is_file():
            self.absence = "a pipe, a socket or a device, not a file"
            return NOT_THERE
        return status.st_size, status.st_mtime_ns

    def sha256(self) -> str:
        return file_hash(Path(self.source))

    def frames(self) -> TimedPictures:
        av_logging.set_level(av_logging.WARNING)
        av_logging.set_skip_repeated(False)  # else a file's complaints hang on those of the file before
        try:
            with av_logging.Capture() as messages:
                yield from self._decoded(messages)
        finally:  # also where somebody needs no more of it
            texts = [" ".join(text.split()) for _, part, text in messages if part != SCALER]
            self.complaint = texts[0] if texts else ""
        if any(said in text for said in CUT_OFF for text in texts):
            raise UnreadableVideo(self.complaint, "truncated")

    def _decoded(self, said: list[tuple[int, str, str]]) -> Iterator[tuple[float, Picture]]:
        """said: FFmpeg's messages, as they come."""
        read, failed, broken = _Read(self.stamp()[0]), "", ""
        try:
            with open_video(self.source) as container:
                require_no_guess(self.source, said)
                video = main_stream(container, self.source)
                if video is None:
                    raise without_video(container)
                packets, reached = Packets.of(self.source, video.index), Reached(video)
                claims = Claims.of(self.source, container, video, packets)
                self.claimed = claims.frames[0]
                yield from read.whole(container, video, Timing(video, packets), reached)
                broken = claims.broken(reached)
                if read.frames == 1 and holds_stills(container, video):
                    raise UnreadableVideo("a single picture", NO_VIDEO)
        except (av.FFmpegError, UnicodeDecodeError) as error:
            failed = failure(error)
        if read.frames == 0 or (failed and not read.at_the_end):
            raise UnreadableVideo(failed or "no frames")
        if any(map(any, read.torn.values())):
            raise UnreadableVideo(NOT_WHOLE, "truncated")
        if failed or broken:
            raise UnreadableVideo(failed or broken, "truncated")


@dataclass
class _Read:
    """How far a file of so many bytes has been read.

    torn: of each stream, whether its last two packets are broken: FFmpeg may say so of the one before. Within a file
    others may be, where two were joined.
    """

    bytes: int
    frames: int = 0
    at_the_end: bool = False
    torn: dict[int, deque[bool]] = field(default_factory=dict)

    def whole(
        self, container: InputContainer, video: VideoStream, timing: Timing, reached: Reached
    ) -> Iterator[tuple[float, Picture]]:
        screen = Screen(video)
        video.thread_type = "NONE"  # files run side by side, and other threads' complaints would be lost
        for packet in demuxed(container):
            if packet.size > 0:
                self.torn.setdefault(packet.stream_index, deque(maxlen=2)).append(packet.is_corrupt)
            reached.add(packet)
            if packet.stream is video:
                self.at_the_end = (packet.pos or 0) + packet.size >= self.bytes
                timing.decoding(packet)
                for frame in video.decode(packet):
                    self.frames += 1
                    reached.show(frame)
                    yield timing.time(time_of(frame)), screen.picture(frame)


def failure(error: av.FFmpegError | UnicodeDecodeError) -> str:
    """Why a file cannot be read, without its path."""
    if isinstance(error, UnicodeDecodeError):
        return "metadata that are not UTF-8"
    return str(error).split(":")[0].split("] ")[-1]


def time_of(frame: av.VideoFrame) -> float:
    """In seconds; NaN if it has none."""
    return math.nan if frame.time is None else frame.time


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

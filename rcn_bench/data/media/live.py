"""Video that goes by whether somebody reads it or not, over a connection: of a camera, an address, a pipe."""

import logging
import math
import time
from abc import abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager
from http.client import HTTPException
from typing import Any

import av
from av import logging as av_logging
from av.container import InputContainer
from av.format import Flags
from av.video.stream import VideoStream

from rcn_bench.data.media.files import failure, time_of
from rcn_bench.data.media.medium import Medium, TimedPictures, UnreadableVideo
from rcn_bench.data.media.packets import demuxed
from rcn_bench.data.media.ratio import exact
from rcn_bench.data.media.recognise import FORMATS, refused_kind, without_video
from rcn_bench.data.media.shown import Screen, main_stream

# FFmpeg would wait for twenty frames, to guess a rate that nobody asks for.
AT_ONCE = {"format_whitelist": FORMATS, "fpsprobesize": "0"}
READY = 0.005  # seconds within which a packet is read that was there already
BEHIND = 1.0  # seconds of a backlog that is left out
LATEST_MESSAGES = 20  # that are kept of FFmpeg's, which never cease where packets are lost
logging.getLogger("libav").addHandler(logging.NullHandler())  # what FFmpeg says to nobody is not for the user
NO_STAMPS: Any = Flags.no_timestamps.value  # says of a format, such as Motion JPEG over HTTP, that it never has any


class Live(Medium):
    """Each call of ``frames`` makes a connection of its own. Their times are the source's stamps.

    What cannot be decoded, such as all before the first key frame, is passed over; complaint tells how much.
    """

    damaged = 0

    @property
    def is_live(self) -> bool:
        return True

    @abstractmethod
    def connected(self) -> AbstractContextManager[InputContainer]:
        """Errors: OSError, ValueError, HTTPException, av.FFmpegError."""

    def frames(self) -> TimedPictures:
        """Errors: UnreadableVideo, also where the connection is lost: ends in another way than its protocol says."""
        av_logging.set_level(av_logging.WARNING)
        av_logging.set_skip_repeated(False)  # a connection may be lost as the one before was
        failed = "no frames"
        with av_logging.Capture() as said:
            try:
                with self.connected() as container:
                    for each in self._decoded(container, said):
                        failed = ""
                        yield each
            except av.error.ExitError:
                failed = self._silence
            except av.FFmpegError as error:
                failed = refused_kind(error) or failure(error)
            except (OSError, ValueError, HTTPException) as error:
                failed = network_failure(error)
            if failed := self.lost([text for _, _, text in said]) or failed:
                raise UnreadableVideo(failed)

    def lost(self, said: list[str]) -> str:
        """Why a connection that ended did not end as it should; empty if it did. said: FFmpeg's last messages."""
        return ""

    @property
    def _silence(self) -> str:
        return f"no frame for {self.patience:g} s"

    def _decoded(self, container: InputContainer, said: list[tuple[int, str, str]]) -> TimedPictures:
        video = main_stream(container)
        if video is None:
            raise without_video(container)
        video.thread_type = "NONE"  # threads would hold frames back
        screen, has_stamps = Screen(video), not container.format.flags & NO_STAMPS
        backlog, seen = _Backlog(), time.monotonic()
        for packet in backlog.watched(demuxed(container)):
            del said[:-LATEST_MESSAGES]
            if packet.stream is video:
                video.codec_context.skip_frame = "NONKEY" if backlog.is_growing(packet) else "DEFAULT"
            for frame in self._frames_of(video, packet):
                yield time_of(frame) if has_stamps else math.nan, screen.picture(frame)
                seen = time.monotonic()
            if time.monotonic() - seen > self.patience:  # nothing but sound comes
                raise UnreadableVideo(self._silence)

    def _frames_of(self, video: VideoStream, packet: av.Packet) -> list[av.VideoFrame]:
        if packet.stream is not video:
            return []
        try:
            return video.decode(packet)
        except av.InvalidDataError:
            self.damaged += 1
            self.complaint = f"{self.damaged} packets could not be decoded"
            return []


class _Backlog:
    """Whether a source sends faster than its frames can be decoded, so that its packets lie ready ever longer.

    From then on key frames alone are decoded, up to the first behind the backlog.
    """

    def __init__(self) -> None:
        self._waited = time.monotonic()  # when a packet was last waited for
        self._earliest, self._skipping = math.inf, False

    def watched(self, packets: Iterator[av.Packet]) -> Iterator[av.Packet]:
        asked = time.monotonic()
        for packet in packets:
            if time.monotonic() - asked > READY:
                self._waited = time.monotonic()
            yield packet
            asked = time.monotonic()

    def is_growing(self, packet: av.Packet) -> bool:
        tick = exact(packet.time_base)
        if packet.dts is None or tick is None:
            return self._skipping
        now = time.monotonic()
        late = now - float(packet.dts * tick)
        self._earliest = min(self._earliest, late)
        behind = now - self._waited > BEHIND and late - self._earliest > BEHIND
        self._skipping = behind or (self._skipping and not packet.is_keyframe)
        return self._skipping


def network_failure(error: Exception) -> str:
    """Why something could not be reached or read, without its address, in lower case as FFmpeg's reasons are not."""
    inner = getattr(error, "reason", None) or error
    return getattr(inner, "strerror", None) or str(inner) or type(inner).__name__

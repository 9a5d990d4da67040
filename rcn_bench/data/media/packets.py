"""A first pass over the packets of a stream, before one is decoded: how many there are, and how its clock goes."""

import math
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
from av.container import InputContainer
from av.format import Flags
from av.logging import Capture
from av.packet import Packet
from av.video.stream import VideoStream

from rcn_bench.data.media.clock import NEW_RECORDING, Clock, clock_of, recordings_of
from rcn_bench.data.media.ratio import exact
from rcn_bench.data.media.recognise import open_video

AS_STORED = "nofillin-genpts"  # FFmpeg adds no stamps to those in the file
BY_DURATIONS = "-genpts"  # it does, as it must in GIF, but not in the order of the file
UNKNOWN = None, None
CAN_RESTART: Any = Flags.ts_discont.value  # says of a format that its clock can start anew in the middle of a file
# Bare streams that do not say how many frames a second they have, where FFmpeg takes 25 or none.
WITHOUT_CLOCK = ("av1", "dirac", "dnxhd", "h261", "h263", "mjpeg", "mjpeg_2000", "mpjpeg", "obu")
ALWAYS_GUESSED = ("h264", "hevc", "vvc")  # FFmpeg guesses when they are shown, without B-frames too
VP8_SHOWN = 0x10  # the bit of a VP8 packet's first byte that says whether it will be seen or only be referred to


@dataclass(frozen=True)
class Packets:
    """Those of a stream that have content, whatever an edit list leaves out, as far as the file can be read.

    claimed: as many as the file's index tells; 0 if it does not. stamps: when each is to be shown and when it is to be
    decoded, in ticks of the stream, None where the file itself does not say.
    """

    claimed: int
    stamps: list[tuple[int | None, int | None]]

    @classmethod
    def of(cls, path: str | Path, stream: int) -> "Packets":
        """Without a word of FFmpeg's, which it says again where the stream is decoded."""
        for fflags in (AS_STORED, BY_DURATIONS):
            with Capture(), open_video(path, ignore_editlist="1", fflags=fflags) as container:
                video = container.streams[stream]
                assert isinstance(video, VideoStream)
                packets = cls(video.frames, _stamps(container, video))
            if any(stamp != UNKNOWN for stamp in packets.stamps):
                break
        return packets

    @property
    def never_say_when(self) -> bool:
        """Whether none says when it is to be shown."""
        return all(shown is None for shown, _ in self.stamps)

    @property
    def stand_in_order_of_decoding(self) -> bool:
        """Whether nothing says that they are to be shown in another."""
        return all(shown is None or shown == decoded for shown, decoded in self.stamps)


def demuxed(container: InputContainer, *streams: VideoStream) -> Iterator[Packet]:
    """The packets of some streams or of all, then an empty one for each, as PyAV gives them.

    Where another stream comes up in the middle of a file, as in FLV, VOB and TS, PyAV may fail at the very end, in
    looking for that one's empty packet.
    """
    with suppress(IndexError):
        yield from container.demux(*streams)


def packets_by_stream(path: str | Path) -> Counter[int]:
    """How many have content, by the index of their stream, as far as the file can be read."""
    count = Counter[int]()
    with Capture(), open_video(path) as container, suppress(av.FFmpegError):
        for packet in demuxed(container):
            count[packet.stream_index] += packet.size > 0
    return count


def _stamps(container: InputContainer, video: VideoStream) -> list[tuple[int | None, int | None]]:
    is_vp8 = video.codec_context is not None and video.codec_context.name == "vp8"
    stamps = []
    with suppress(av.FFmpegError):  # decoding will come upon it as well
        for packet in demuxed(container, video):
            if packet.size > 0:
                hidden = is_vp8 and not memoryview(packet)[0] & VP8_SHOWN
                stamps.append(UNKNOWN if hidden else (packet.pts, packet.dts))
    return stamps


class Timing:
    """The times of a stream's frames, by all that its packets tell.

    Where frames are stored in another order than they are shown in, and only the times of decoding are known, as in
    AVI, they take these times one after the other, since they leave the decoder in order of showing.
    """

    def __init__(self, video: VideoStream, packets: Packets) -> None:
        tick = exact(video.time_base)
        assert tick is not None
        stated = exact(video.average_rate), exact(video.guessed_rate), exact(video.base_rate)
        rates = [rate for rate in stated if rate is not None]
        restarts = video.container.format.flags & CAN_RESTART
        longest_gap = NEW_RECORDING if restarts else math.inf
        self._tick = float(tick)
        self._clock: Clock = clock_of(recordings_of(packets.stamps, tick, longest_gap), tick, rates, longest_gap)
        # In a transport stream, where both times are always known, a frame may also be two packets.
        codec = video.codec_context  # None if FFmpeg cannot decode it
        guessed = codec and (codec.has_b_frames or (codec.name in ALWAYS_GUESSED and packets.never_say_when))
        reordered = guessed and packets.stand_in_order_of_decoding and not restarts
        self._to_come: deque[float] | None = deque() if reordered else None
        self._has_clock = video.container.format.name not in WITHOUT_CLOCK

    def decoding(self, packet: Packet) -> None:
        """Before a packet is decoded."""
        if self._to_come is not None and packet.size > 0 and packet.dts is not None and not packet.is_discard:
            self._to_come.append(packet.dts * self._tick)

    def time(self, stamp: float) -> float:
        """Of the next frame, in seconds, by its stamp; NaN if it has none."""
        if not self._has_clock:
            return math.nan
        if self._to_come is not None:
            stamp = self._to_come.popleft() if self._to_come else math.nan
        return self._clock.time(stamp)

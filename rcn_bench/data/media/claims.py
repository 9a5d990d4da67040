"""What a file says of its own length, against what came out of it: a claim that does not hold is that of half a file.

Some claims FFmpeg hands on (durations, numbers of frames, tags); others are read from the file here, where a format
has them and FFmpeg reckons from what is left of the file instead.
"""

import math
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
from av.container import InputContainer
from av.format import Flags
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from rcn_bench.data.media.layout import Layout, layout_of
from rcn_bench.data.media.packets import CAN_RESTART, Packets
from rcn_bench.data.media.ratio import exact

# A video counts as truncated if it lacks more than this share of what it claims, and more than a few frames.
MISSING_SHARE, FEW = 0.02, 2
# Seconds, and the share, by which sound may last longer than its pictures: recorders stop one after the other.
SOUND_GOES_ON, SHARE_OF_SOUND = 0.6, 0.05
REORDERED_FRAMES = 3  # among so many last ones that are shown is the one that was stored last
HAS_NO_TIMES: Any = Flags.no_timestamps.value  # says of a format that it is that of bare streams


class Reached:
    """How far the packets of a file have come, in seconds."""

    def __init__(self, picture: VideoStream) -> None:
        self._picture = _Extent(exact(picture.time_base))
        self._extents = {picture.index: self._picture}
        self._sounds: list[_Extent] = []
        self._damaged = deque[bool](maxlen=REORDERED_FRAMES)
        self.farthest_byte = 0  # at which a packet begins

    def add(self, packet: Packet) -> None:
        index = packet.stream_index
        self.farthest_byte = max(self.farthest_byte, packet.pos or 0)
        if index not in self._extents:
            self._extents[index] = _Extent(exact(packet.time_base))
            if packet.stream.type == "audio":
                self._sounds.append(self._extents[index])
        if packet.pts is not None:
            self._extents[index].add(packet.pts, packet.duration or 0)

    def show(self, frame: VideoFrame) -> None:
        self._damaged.append(frame.is_corrupt)

    @property
    def a_damaged_end(self) -> bool:
        """Whether the last frame is damaged, or one that was decoded after it."""
        return any(self._damaged)

    @property
    def end(self) -> float:
        return max(extent.end for extent in self._extents.values())

    @property
    def length(self) -> float:
        return self.end - min(extent.start for extent in self._extents.values())

    @property
    def picture(self) -> float:
        """The end of its last frame."""
        return self._picture.end

    @property
    def sound(self) -> float:
        """Its end; 0 without sound."""
        return max((extent.end for extent in self._sounds), default=0.0)


class _Extent:
    """From when to when a stream goes. tick: seconds, of its clock."""

    def __init__(self, tick: Fraction | None) -> None:
        self._tick = float(tick or 0)
        self._first: float = math.inf
        self._last: float = 0

    def add(self, stamp: int, duration: int) -> None:
        self._first = min(self._first, stamp)
        self._last = max(self._last, stamp + duration)

    @property
    def start(self) -> float:
        return min(self._first, self._last) * self._tick

    @property
    def end(self) -> float:
        return self._last * self._tick


@dataclass(frozen=True)
class Claims:
    """What a file says before it is decoded; 0 where it says nothing.

    frames: numbers of them, in its index, its tags or its header. there: those that are in the file. seconds, picture:
    of all and of the pictures. rate: frames a second. longest_frame: seconds that one is shown, of all but the last.
    layout: what the file's bytes say. ends_anywhere: whether nothing would tell of a file that was cut in a frame, but
    that the frame is damaged.
    """

    frames: tuple[int, ...]
    there: int
    seconds: float
    picture: float
    rate: float
    longest_frame: float
    layout: Layout
    ends_anywhere: bool

    @classmethod
    def of(cls, path: str | Path, container: InputContainer, video: VideoStream, packets: Packets) -> "Claims":
        """packets: of the video. Errors: OSError."""
        layout, is_mp4 = layout_of(Path(path), container), "mov" in container.format.name
        # An MP4's index tells its frames; how long they are shown is a matter of its edit list. Of some others FFmpeg
        # reckons the duration from what is left of the file, or from a rate of bits.
        reckoned = container.format.flags & (CAN_RESTART | HAS_NO_TIMES) or container.format.name == "avi"
        has_duration = layout.in_fragments if is_mp4 else not reckoned
        return cls(
            frames=(packets.claimed if is_mp4 else 0, _frames_in_tags(container, video), layout.frames),
            there=len(packets.stamps),
            seconds=(container.duration or 0) / av.time_base if has_duration else 0,
            picture=max(_seconds_in_tags(video), _seconds_in_avi(container, video)),
            rate=float(exact(video.average_rate) or 25),
            longest_frame=_longest(packets) * float(exact(video.time_base) or 0),
            layout=layout,
            ends_anywhere=bool(container.format.flags & HAS_NO_TIMES) or container.format.name == "mpeg",
        )

    def broken(self, reached: Reached) -> str:
        """The first claim that does not hold, in words; empty if all do."""
        return next(self._broken(reached), "")

    def _broken(self, reached: Reached) -> Iterator[str]:
        if self.layout.cut:
            yield self.layout.cut
        if self.layout.second is not None and reached.farthest_byte < self.layout.second:
            yield f"another file is joined to it at byte {self.layout.second:,}, which is not read; split them there"
        if self.ends_anywhere and reached.a_damaged_end:
            yield "its last frame is damaged"
        for claimed in self.frames:
            if self.there < claimed - max(FEW, MISSING_SHARE * claimed):
                yield f"{self.there} frames of {claimed}"
        for there, seconds in ((reached.length, self.layout.seconds), (reached.end, self.seconds)):
            if self._lacks_seconds(there, seconds):
                yield f"ends after {there:.1f} of {seconds:.1f} s"
        allowed = max(SOUND_GOES_ON, SHARE_OF_SOUND * reached.sound, self.longest_frame)
        if reached.sound > reached.picture + allowed:
            yield f"picture ends after {reached.picture:.1f} s, its sound goes on to {reached.sound:.1f} s"
        if self._lacks_seconds(reached.picture, self.picture):
            yield f"picture ends after {reached.picture:.1f} of {self.picture:.1f} s"

    def _lacks_seconds(self, there: float, claimed: float) -> bool:
        return there < claimed - max((FEW + 1) / self.rate, MISSING_SHARE * claimed)


def _longest(packets: Packets) -> int:
    """Ticks from one frame to the next."""
    stamps = [decoded if shown is None else shown for shown, decoded in packets.stamps]
    known = sorted(stamp for stamp in stamps if stamp is not None)
    return max((after - stamp for stamp, after in pairwise(known)), default=0)


def _seconds_in_tags(video: VideoStream) -> float:
    """In Matroska and WebM, as "00:00:10.500000000"; 0 if there is no such tag."""
    hours, _, rest = video.metadata.get("DURATION", "").partition(":")
    minutes, _, seconds = rest.partition(":")
    try:
        return 3600 * int(hours) + 60 * int(minutes) + float(seconds)
    except ValueError:
        return 0.0


def _frames_in_tags(container: InputContainer, video: VideoStream) -> int:
    """As mkvmerge counts them; 0 if it has not. FFmpeg copies its tags into files that it cuts, so not from those."""
    encoder = container.metadata.get("ENCODER", "")
    count = video.metadata.get("NUMBER_OF_FRAMES", "")
    return int(count) if count.isdecimal() and not encoder.startswith("Lavf") else 0


def _seconds_in_avi(container: InputContainer, video: VideoStream) -> float:
    """By the frames in its header, empty ones too, which stand for frames that are shown longer."""
    return float(video.frames * (exact(video.time_base) or 0)) if container.format.name == "avi" else 0.0

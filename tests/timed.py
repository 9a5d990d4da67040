"""Videos of numbered frames at any rate and on any clock, written for tests."""

from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from math import floor
from pathlib import Path

import av
import numpy as np
from broken import HEIGHT, WIDTH, number_of, numbered

from rcn_bench.data.media.kinds import medium_of

NTSC = tuple(Fraction(1000 * rate, 1001) for rate in (24, 30, 60))
MADE_SMALL = {"libx264": {"preset": "ultrafast", "bf": "2"}, "libvpx": {"deadline": "realtime"}}
CODECS = {".webm": "libvpx", ".wmv": "wmv2", ".gif": "gif", ".vob": "mpeg2video", ".apng": "apng"}
PIXELS = {"gif": "rgb8", "apng": "rgb24"}


def write_at(
    path: Path,
    rate: Fraction | int,
    frames: int = 48,
    *,
    codec: str | None = None,
    at: Sequence[int] | None = None,
    tick: Fraction | None = None,
    codec_options: dict[str, str] | None = None,
    **options: str,
) -> Path:
    """at: when each frame is shown, in ticks, else in frames; None: one after the other. options: of the container."""
    codec = codec or CODECS.get(path.suffix, "libx264")
    with av.open(str(path), "w", options=options) as file:
        stream = file.add_stream(codec, rate=rate, options=codec_options or MADE_SMALL.get(codec, {}))
        stream.height, stream.width, stream.pix_fmt = HEIGHT, WIDTH, PIXELS.get(codec, "yuv420p")
        if tick is not None:
            stream.codec_context.time_base = tick
        for number, image in enumerate(numbered(frames)):
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts, frame.time_base = (at[number] if at else number), tick or 1 / Fraction(rate)
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    return path


def copied(source: Path, target: Path, change: Callable[[int, av.Packet], None] = lambda number, packet: None) -> Path:
    """The same packets in another file, each changed as it goes over."""
    with av.open(str(source)) as old, av.open(str(target), "w") as new:
        stream = new.add_stream_from_template(old.streams.video[0])
        for number, packet in enumerate(packet for packet in old.demux(video=0) if packet.size):
            change(number, packet)
            packet.stream = stream
            new.mux(packet)
    return target


def joined(path: Path, *parts: Path) -> Path:
    """As ``cat PARTS > PATH`` makes it."""
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    return path


def frames_in_order(
    source: str | Path, short_side: int | None = None, rate: float | None = None
) -> Iterator[tuple[float, np.ndarray]]:
    """The frames of any medium with their times, as they come."""
    return ((time, picture.rgb(short_side)) for time, picture in medium_of(source, rate).frames())


def times_and_numbers(path: Path) -> list[tuple[float, int]]:
    """Of each frame of a file, in order."""
    return [(time, number_of(frame)) for time, frame in frames_in_order(path)]


def shown_at(rate: Fraction | int, target: Fraction | int, frames: int) -> list[int]:
    """The frame on the screen at every tick of the target, of so many that come at an even rate."""
    ticks = floor((frames - 1) * Fraction(target) / rate) + 1
    return [floor(tick * Fraction(rate) / target) for tick in range(ticks)]

"""The boxes of an MP4, as far as they tell how long one in fragments should be.

Such a file (of DASH, of a live recording, of a camera that fears for its power) is a short header and then fragments,
each with an index of its own: cut between two of them it is a shorter file without a fault, but for what it claims.
"""

import struct
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import BinaryIO, NamedTuple

LARGEST = 2**20  # bytes that are read of a box, which is far more than those with a length have
UNKNOWN = (2**32 - 1, 2**64 - 1)  # lengths that stand for one that is not known


class Box(NamedTuple):
    """start, end: of its content in the file; the end may lie behind the file's."""

    kind: bytes
    start: int
    end: int


@dataclass
class Fragments:
    """count: of fragments. of_a_stream: whether they are marked as segments of one. indexed: at the end of the file.

    seconds: of the whole, as the header, its extension for fragments or an index of segments says; 0 if none does.
    second: the byte at which another file begins, if one was joined to it.
    """

    count: int = 0
    of_a_stream: bool = False
    indexed: bool = False
    seconds: float = 0.0
    second: int | None = None

    @classmethod
    def of(cls, file: BinaryIO, size: int) -> "Fragments":
        found, segments, headers = cls(), _Segments(), 0
        with suppress(struct.error):  # a box that is cut off says nothing
            for box in boxes(file, 0, size):
                found.count += box.kind == b"moof" and box.end <= size
                found.of_a_stream |= box.kind in (b"sidx", b"styp")
                found.indexed |= box.kind == b"mfra"
                headers += box.kind == b"ftyp"
                if headers == 2 and found.second is None:
                    found.second = box.start - 8
                if box.kind == b"moov":
                    found.seconds = _seconds_of_movie(file, box)
                elif box.kind == b"sidx":
                    segments.add(_content(file, box))
        found.seconds = max(found.seconds, segments.seconds)
        return found


def boxes(file: BinaryIO, start: int, end: int) -> Iterator[Box]:
    """Those that follow each other in a stretch of the file, without those inside them."""
    while start + 8 <= end:
        file.seek(start)
        size, kind = struct.unpack(">I4s", file.read(8))
        header = 16 if size == 1 else 8
        if size == 1:
            (size,) = struct.unpack(">Q", file.read(8))
        stop = start + size if size else end
        if stop < start + header:
            return
        yield Box(kind, start + header, stop)
        start = stop


def _content(file: BinaryIO, box: Box) -> bytes:
    file.seek(box.start)
    return file.read(min(box.end - box.start, LARGEST))


def _seconds_of_movie(file: BinaryIO, movie: Box) -> float:
    scale, lengths = 0, [0]
    for box in boxes(file, movie.start, movie.end):
        if box.kind == b"mvhd":
            header = _content(file, box)
            scale, length = struct.unpack_from(">IQ" if header[0] else ">II", header, 20 if header[0] else 12)
            lengths.append(length)
        elif box.kind == b"mvex":
            inner = [_content(file, one) for one in boxes(file, box.start, box.end) if one.kind == b"mehd"]
            lengths += [struct.unpack_from(">Q" if header[0] else ">I", header, 4)[0] for header in inner]
    return max(length for length in lengths if length not in UNKNOWN) / scale if scale else 0.0


@dataclass
class _Segments:
    """What indexes of segments (sidx) say: one for each track in front, or one in front of each segment, or both."""

    starts: dict[int, float] = field(default_factory=dict)
    ends: dict[int, float] = field(default_factory=dict)

    def add(self, index: bytes) -> None:
        long = bool(index[0])
        track, scale, start = struct.unpack_from(">IIQ" if long else ">III", index, 4)
        entries = 28 if long else 20
        (count,) = struct.unpack_from(">H", index, entries + 2)
        lengths = [struct.unpack_from(">I", index, entries + 8 + 12 * number)[0] for number in range(count)]
        if scale:
            begin, end = start / scale, (start + sum(lengths)) / scale
            self.starts[track] = min(self.starts.get(track, begin), begin)
            self.ends[track] = max(self.ends.get(track, end), end)

    @property
    def seconds(self) -> float:
        return max((end - self.starts[track] for track, end in self.ends.items()), default=0.0)

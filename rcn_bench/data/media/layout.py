"""What the bytes of a file say of its length, where FFmpeg does not ask them: one short reader a format."""

import mmap
import os
import re
import struct
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from av.container import InputContainer
from av.video.stream import VideoStream

from rcn_bench.data.media.boxes import Fragments

HEAD = 65536  # bytes, in which the facts of ASF and APNG stand; also more than anybody appends to a GIF
NO_END, NOT_WHOLE = "its end mark is missing", "its last packet is not whole"
SYNC, PACK = {0x47}, b"\0\0\1\xba"  # what packets of a TS begin with, and packs of packets of a VOB
# What files begin with.
ASF = re.compile(re.escape(bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")))
AVI = re.compile(rb"RIFF....AVI LIST", re.DOTALL)
FLV = re.compile(rb"FLV\x01[\x00\x01\x04\x05]\x00\x00\x00\x09\x00\x00\x00\x00")
GIF = re.compile(rb"(?<=;)GIF8[79]a")
MATROSKA = re.compile(rb"\x1a\x45\xdf\xa3.{1,60}(matroska|webm)", re.DOTALL)
ASF_FILE_PROPERTIES = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")


@dataclass(frozen=True)
class Layout:
    """cut: by what the file's end is known to be missing; empty if it is not. frames, seconds: that it claims, or 0.

    in_fragments: of an MP4, whose index then does not tell its frames. second: the byte at which another file begins,
    if one was joined to it by its bytes, as by ``cat``: of some formats FFmpeg reads the first alone, without a word.
    """

    cut: str = ""
    frames: int = 0
    seconds: float = 0.0
    in_fragments: bool = False
    second: int | None = None


def layout_of(path: Path, container: InputContainer) -> Layout:
    """Of a file that is open in container. Errors: OSError."""
    by_ffmpeg = container.metadata.get("encoder", "").startswith("Lavf")
    with path.open("rb") as file:
        match container.format.name.split(",")[0]:
            case "mov":
                return _mp4(file, by_ffmpeg)
            case "asf":
                return replace(_asf(file), second=_second(file, ASF))
            case "avi":
                return Layout(second=_second(file, AVI))
            case "flv":
                return Layout(second=_second(file, FLV))
            case "matroska":
                return Layout(second=_second(file, MATROSKA))
            case "gif":
                return Layout("" if _tail(file).rstrip(b"\0").endswith(b";") else NO_END, second=_second(file, GIF))
            case "mjpeg":
                return Layout("" if _tail(file).rstrip(b"\0").endswith(b"\xff\xd9") else NO_END)
            case "apng":
                return _apng(file)
            case "ogg":
                return _ogg(_tail(file))
            case "mpegts":
                return _transport_stream(_tail(file))
            case "mpeg":
                return _program_stream(_tail(file))
            case "yuv4mpegpipe":
                return _y4m(file, container.streams.video[0])
    return Layout()


def _mp4(file: BinaryIO, by_ffmpeg: bool) -> Layout:
    found = Fragments.of(file, _size(file))
    if not found.count:
        return Layout(second=found.second)
    # FFmpeg ends such a file with an index, unless the fragments are segments of a stream.
    cut = "the fragments at its end are missing" if by_ffmpeg and not (found.indexed or found.of_a_stream) else ""
    return Layout(cut, seconds=found.seconds, in_fragments=True, second=found.second)


def _asf(file: BinaryIO) -> Layout:
    head = file.read(HEAD)
    place = head.find(ASF_FILE_PROPERTIES)
    if not 0 <= place <= len(head) - 92:
        return Layout()
    (claimed,), (flags,) = struct.unpack_from("<Q", head, place + 40), struct.unpack_from("<I", head, place + 88)
    there, is_live = _size(file), flags & 1
    if is_live or there >= claimed:
        return Layout()
    return Layout(f"only {100 * there // claimed} % of its bytes are there")


def _apng(file: BinaryIO) -> Layout:
    head = file.read(HEAD)
    place = head.find(b"acTL") + 4
    return Layout(frames=struct.unpack_from(">I", head, place)[0]) if 4 <= place <= len(head) - 4 else Layout()


def _ogg(tail: bytes) -> Layout:
    """By the header of its last page."""
    page = tail.rfind(b"OggS")
    is_last = 0 <= page < len(tail) - 5 and tail[page + 5] & 4
    return Layout("" if is_last else NO_END)


def _transport_stream(tail: bytes) -> Layout:
    """By where the packets of 188 bytes begin, which may have 4 more in front (M2TS) or 16 behind."""
    for size, before in ((188, 0), (192, 4), (204, 0)):
        grid = [start for start in range(size) if set(tail[len(tail) - start - 8 * size + before :: size]) == SYNC]
        if len(tail) > 9 * size and grid:
            return Layout(NOT_WHOLE if 0 not in grid else "")
    return Layout()


def _program_stream(tail: bytes) -> Layout:
    """By the lengths of its packets, from a header of a pack on."""
    at = tail.find(PACK)
    while 0 <= at <= len(tail) - 14 and tail[at : at + 3] == PACK[:3] and tail[at + 3] >= PACK[3]:
        if tail[at + 3] > PACK[3]:
            at += 6 + int.from_bytes(tail[at + 4 : at + 6])
        else:
            at += 12 if tail[at + 4] >> 4 == 2 else 14 + (tail[at + 13] & 7)  # of MPEG-1 or MPEG-2
    return Layout(NOT_WHOLE if at > len(tail) else "")


def _y4m(file: BinaryIO, video: VideoStream) -> Layout:
    """By its size: it has a line in front, and a line before each frame."""
    lines = len(file.readline(HEAD)), len(file.readline(HEAD))
    pixels = video.codec_context.format
    planes = pixels.components if pixels else ()
    frame = lines[1] + sum(plane.width * plane.height * (2 if plane.bits > 8 else 1) for plane in planes)
    return Layout(NOT_WHOLE if (_size(file) - lines[0]) % frame else "")


def _second(file: BinaryIO, beginning: re.Pattern[bytes]) -> int | None:
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        found = beginning.search(content, 1)
        return found.start() if found else None


def _tail(file: BinaryIO) -> bytes:
    file.seek(max(_size(file) - HEAD, 0))
    return file.read()


def _size(file: BinaryIO) -> int:
    return os.fstat(file.fileno()).st_size

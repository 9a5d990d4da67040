"""What the bytes of a file say of its length, where FFmpeg does not ask them: one short reader a format."""

import os
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from av.container import InputContainer

from rcn_bench.data.media.boxes import Fragments

HEAD = 65536  # bytes, in which the facts of ASF and APNG stand; also more than anybody appends to a GIF
ASF_FILE_PROPERTIES = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")


@dataclass(frozen=True)
class Layout:
    """cut: by what the file's end is known to be missing; empty if it is not. frames, seconds: that it claims, or 0.

    in_fragments: of an MP4, whose index then does not tell its frames.
    """

    cut: str = ""
    frames: int = 0
    seconds: float = 0.0
    in_fragments: bool = False


def layout_of(path: Path, container: InputContainer) -> Layout:
    """Of a file that is open in container. Errors: OSError."""
    by_ffmpeg = container.metadata.get("encoder", "").startswith("Lavf")
    with path.open("rb") as file:
        match container.format.name.split(",")[0]:
            case "mov":
                return _mp4(file, by_ffmpeg)
            case "asf":
                return _asf(file)
            case "gif":
                return _gif(file)
            case "apng":
                return _apng(file)
    return Layout()


def _mp4(file: BinaryIO, by_ffmpeg: bool) -> Layout:
    found = Fragments.of(file, _size(file))
    if not found.count:
        return Layout()
    # FFmpeg ends such a file with an index, unless the fragments are segments of a stream.
    cut = "the fragments at its end are missing" if by_ffmpeg and not (found.indexed or found.of_a_stream) else ""
    return Layout(cut, seconds=found.seconds, in_fragments=True)


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


def _gif(file: BinaryIO) -> Layout:
    file.seek(max(_size(file) - HEAD, 0))
    return Layout() if file.read().rstrip(b"\0").endswith(b";") else Layout("its end mark is missing")


def _apng(file: BinaryIO) -> Layout:
    head = file.read(HEAD)
    place = head.find(b"acTL") + 4
    return Layout(frames=struct.unpack_from(">I", head, place)[0]) if 4 <= place <= len(head) - 4 else Layout()


def _size(file: BinaryIO) -> int:
    return os.fstat(file.fileno()).st_size

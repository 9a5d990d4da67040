"""Where a second file begins in one that was joined by its bytes, as by ``cat``.

FFmpeg goes on with the second of a TS, a VOB or most Matroska files; of other formats it reads the first alone,
without a word.
"""

import mmap
import os
import re
import struct
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from rcn_bench.data.media.boxes import boxes

# What a file begins with, by the first of FFmpeg's names for its format.
BEGINNINGS = {
    "asf": rb"\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9\x00\xaa\x00\x62\xce\x6c",
    "avi": rb"RIFF....AVI LIST",
    "flv": rb"FLV\x01[\x00\x01\x04\x05]\x00\x00\x00\x09\x00\x00\x00\x00",
    "gif": rb"(?<=;)GIF8[79]a",
    "matroska": rb"\x1a\x45\xdf\xa3.{1,60}(matroska|webm)",
}


def second_begins(path: Path, format_name: str) -> int | None:
    """The byte at which another file of the format begins; None if none does. Errors: OSError."""
    with path.open("rb") as file:
        if format_name == "mov":
            return _second_header(file)
        if format_name not in BEGINNINGS:
            return None
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            found = re.compile(BEGINNINGS[format_name], re.DOTALL).search(content, 1)
            return found.start() if found else None


def _second_header(file: BinaryIO) -> int | None:
    """Of an MP4."""
    headers = 0
    with suppress(struct.error):  # a box that is cut off says nothing
        for box in boxes(file, 0, os.fstat(file.fileno()).st_size):
            headers += box.kind == b"ftyp"
            if headers == 2:
                return box.start - 8
    return None

"""A shard of the cache: the frames of some videos in one file, each frame by itself, so that any can be read alone.

The file holds the frames one after the other, as bytes or as JPEG; a table with a row for each; an index of the videos
in JSON; and, last, the lengths and the checksum of both.
"""

import json
import os
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rcn_bench.data.frames import Frames
from rcn_bench.errors import InputError, reason, refusing

TABLE_ROW = np.dtype([("offset", "<u8"), ("bytes", "<u4"), ("crc32", "<u4")])
TAIL = struct.Struct("<QQI8s")  # bytes of the table, bytes of the index, their crc32, MARK
MARK = b"rcnshard"
VERSION = 2  # count up when the frames that come out of the same video, or their places in the file, change
ENTRY = {"id": str, "path": str, "decoding": str, "sha256": str, "checker": str, "bytes": int, "modified": int}
LARGEST_SIDE = 2**16 - 1  # of a frame, which is that of a JPEG
JPEG_SIZE = struct.Struct(">HH")  # height and width, five bytes behind the start of the segment
JPEG_SIZES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}  # the second bytes of segments that have them


class DamagedShard(InputError):
    """A shard that does not hold what was written."""

    @classmethod
    def at(cls, path: Path, what: str) -> "DamagedShard":
        return cls(f"{path}: damaged shard, {what}; `rcn-bench data cache --verify` makes it anew")


@dataclass(frozen=True)
class Storage:
    """How frames are stored.

    short_side, frame_rate: as in ``examine.decode``. jpeg_quality: None for plain bytes. pictures_per_second: in
    folders of pictures, which have no clock.
    """

    short_side: int | None = None
    frame_rate: float | None = None
    jpeg_quality: int | None = None
    pictures_per_second: float | None = None


@dataclass(frozen=True)
class ShardIndex:
    """What a shard holds.

    storage: the fields of a Storage. frames_sha256: of the frames alone, which are the same wherever and whenever the
    same files were stored. table_at: the byte at which the table of frames begins. videos: one dict each, the fields of
    its finding (path from the folder of videos on), first: the row of its first frame in the table, and stored: how
    many frames there are, their height and width.
    """

    version: int
    storage: dict[str, Any]
    frames_sha256: str
    table_at: int
    videos: list[dict[str, Any]]

    @classmethod
    def read(cls, path: Path) -> "ShardIndex":
        """Errors: DamagedShard."""
        with refusing(lambda why: DamagedShard.at(path, why)), path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(size - TAIL.size, 0))
            tail = file.read(TAIL.size)
            if len(tail) < TAIL.size:
                raise DamagedShard.at(path, f"{size} bytes long")
            table, index, checksum, mark = TAIL.unpack(tail)
            table_at = size - TAIL.size - index - table
            if mark != MARK or table_at < 0:
                raise DamagedShard.at(path, "its end is not that of a shard")
            file.seek(table_at)
            content = file.read(table + index)
            if zlib.crc32(content) != checksum:
                raise DamagedShard.at(path, "its index has changed since it was written")
            made = cls(table_at=table_at, **json.loads(content[table:]))
            made._check(table // TABLE_ROW.itemsize)
            return made

    def _check(self, rows: int) -> None:
        """rows: of the table. Errors: ValueError, or others, for what no version has written."""
        kinds = type(self.version), type(self.storage), type(self.frames_sha256)
        if kinds != (int, dict, str) or "jpeg_quality" not in self.storage:
            raise ValueError("its index is that of something else")
        for entry in self.videos:
            first, stored = entry["first"], entry["stored"]
            frames, *size = stored
            right = [type(entry[name]) is kind for name, kind in ENTRY.items()] + [type(entry.get("span", "")) is str]
            numbers = {*map(type, (first, *stored))} == {int} and len(size) == 2 and min(first, *stored) >= 0
            if not all(right) or not numbers:
                raise ValueError("a video in its index is none")
            if first + frames > rows:
                raise ValueError(f"frames of {entry['id']!r} are not in its table")


class ShardFrames:
    """The frames of a shard, read one by one.

    table_at: the byte at which its table begins. Reading is safe in forked processes: it moves no common file position.
    """

    def __init__(self, path: Path, table_at: int, *, jpeg: bool) -> None:
        self.path, self.table_at, self.jpeg = path, table_at, jpeg
        try:
            self._file = os.open(path, os.O_RDONLY)
            self._size = os.fstat(self._file).st_size
        except OSError as error:
            raise DamagedShard.at(path, error.strerror or str(error)) from error

    def __del__(self) -> None:
        if hasattr(self, "_file"):
            os.close(self._file)

    def read(self, rows: range, height: int, width: int) -> Frames:
        """The frames of some rows of the table: (T, H, W, 3). Errors: DamagedShard."""
        if max(height, width) > LARGEST_SIDE:
            raise DamagedShard.at(self.path, f"frames of {height} x {width} pixels")
        frames = np.empty((0, height, width, 3), np.uint8)
        for number, content in enumerate(self.stored(rows)):
            frame = self._frame(content, height, width)
            if number == 0:  # not before one has shown that they are of this size
                frames = np.empty((len(rows), height, width, 3), np.uint8)
            frames[number] = frame
        return frames

    def _frame(self, content: bytes, height: int, width: int) -> Frames:
        if not self.jpeg and len(content) == height * width * 3:
            return np.frombuffer(content, np.uint8).reshape(height, width, 3)
        with refusing(lambda why: DamagedShard.at(self.path, f"a frame that cannot be decoded ({why})")):
            if self.jpeg and _jpeg_size(content) == (height, width):
                frame = _decoded(content)
                if frame.shape == (height, width, 3):
                    return frame
        raise DamagedShard.at(self.path, f"a frame that is not of {height} x {width} pixels")

    def stored(self, rows: range) -> Iterator[bytes]:
        """The frames as they were stored, if they have not changed. Errors: DamagedShard."""
        for offset, size, checksum in self._table(rows):
            content = self._read(size, offset)
            if size == 0 or zlib.crc32(content) != checksum:
                raise DamagedShard.at(self.path, f"a frame at byte {offset} has changed since it was written")
            yield content

    def _read(self, size: int, offset: int) -> bytes:
        """As far as there is that much: a damaged table must not ask for more memory than the file takes."""
        if not 0 <= offset <= offset + size <= self._size:
            return b""
        try:
            return os.pread(self._file, size, offset)
        except (OSError, MemoryError) as error:  # a bad sector
            raise DamagedShard.at(self.path, reason(error)) from error

    def _table(self, rows: range) -> list[tuple[int, int, int]]:
        if not rows:
            return []
        whole = range(rows[0], rows[-1] + 1)
        content = self._read(len(whole) * TABLE_ROW.itemsize, self.table_at + rows[0] * TABLE_ROW.itemsize)
        if len(content) < len(whole) * TABLE_ROW.itemsize:
            raise DamagedShard.at(self.path, "its table is not whole")
        return np.frombuffer(content, TABLE_ROW)[:: rows.step].tolist()


def _jpeg_size(content: bytes) -> tuple[int, ...]:
    """Height and width by a JPEG's header, by which a decoder takes memory; () if it says neither."""
    segment = 2
    while content[segment] == 0xFF:
        if content[segment + 1] in JPEG_SIZES:
            return JPEG_SIZE.unpack_from(content, segment + 5)
        segment += 2 + int.from_bytes(content[segment + 2 : segment + 4])
    return ()


def _decoded(content: bytes) -> Frames:
    import torch  # here, so that processes that never decode JPEG start at once
    from torchvision.io import decode_jpeg

    return decode_jpeg(torch.frombuffer(bytearray(content), dtype=torch.uint8)).permute(1, 2, 0).numpy()

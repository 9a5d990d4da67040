"""Folders of numbered pictures, in which data sets keep videos that they have taken apart."""

import math
import os
import re
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b, sha256
from itertools import accumulate, pairwise
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from rcn_bench.data.frames import Frames
from rcn_bench.data.media.claims import FEW, MISSING_SHARE
from rcn_bench.data.media.medium import NOT_THERE, Medium, Stamp, TimedPictures, UnreadableVideo
from rcn_bench.errors import reason
from rcn_bench.files import file_hash

SUFFIXES = (".jpg", ".jpeg", ".png")
NUMBERED = re.compile(r"(.*?)(\d+)(\D*)", re.DOTALL)  # what stands around the last number of a name
LEFT_OUT = (".", "flow_")  # hidden ones; the optical flow that TSN's and mmaction2's tools write beside the pictures


class Pictures(Medium):
    """A folder whose JPEG and PNG pictures are a video's frames, in the order of the number in their names.

    Other files in it are left out. Pictures are shown as EXIF says they are to be held, as players and OpenCV do.
    """

    has_clock = False
    absence = "a folder without numbered JPEG or PNG pictures"

    @classmethod
    def takes(cls, source: str | Path) -> bool:
        return os.path.isdir(source)

    def stamp(self) -> Stamp:
        """Their bytes and, in place of a time, a digest of their names, sizes and times; without any, NOT_THERE."""
        if not self._pictures:
            return NOT_THERE
        known = [(one.name, one.bytes, one.modified) for one in self._pictures]
        digest = blake2b(repr(known).encode(errors="surrogateescape"), digest_size=7).digest()
        return sum(one.bytes for one in self._pictures), int.from_bytes(digest)

    def sha256(self) -> str:
        hashes = [file_hash(Path(self.source, one.name)) for one in self._pictures]
        return sha256("".join(hashes).encode()).hexdigest()

    def frames(self) -> TimedPictures:
        pictures = self._pictures
        _require_one_sequence(pictures)
        places = _places(pictures)
        for place, one in zip(places, pictures, strict=True):
            yield place / self.rate if self.rate else math.nan, _read(Path(self.source, one.name))
        self.claimed = places[-1] + 1
        if missing := self.claimed - len(pictures):
            before = next(one for at, one in enumerate(pictures) if places[at + 1] > places[at] + 1)
            self.complaint = f"{missing} of {self.claimed} pictures are missing, the first behind {before.name}"
        if missing > max(FEW, MISSING_SHARE * self.claimed):
            raise UnreadableVideo(self.complaint, "truncated")

    @cached_property
    def _pictures(self) -> list["_Listed"]:
        """In order; none, if the folder cannot be read."""
        try:
            with os.scandir(self.source) as entries:
                return sorted(filter(None, map(_listed, entries)))
        except OSError:
            return []


@dataclass(frozen=True, slots=True, order=True)
class _Listed:
    """A numbered picture in a folder. around: its name without the number and the suffix."""

    number: int
    name: str
    around: str
    bytes: int
    modified: int


def _listed(entry: os.DirEntry[str]) -> _Listed | None:
    stem, suffix = os.path.splitext(entry.name)
    name = NUMBERED.fullmatch(stem)
    if name is None or suffix.lower() not in SUFFIXES or entry.name.startswith(LEFT_OUT) or not entry.is_file():
        return None
    before, number, behind = name.groups()
    status = entry.stat()
    return _Listed(int(number), entry.name, before + "#" + behind, status.st_size, status.st_mtime_ns)


def _require_one_sequence(pictures: list[_Listed]) -> None:
    if not pictures:
        raise UnreadableVideo(Pictures.absence)
    sequences = sorted({one.around for one in pictures})
    if len(sequences) > 1:
        raise UnreadableVideo(f"pictures of {len(sequences)} sequences, {', '.join(sequences[:3])}; keep one of them")
    for one, after in pairwise(pictures):
        if one.number == after.number:
            raise UnreadableVideo(f"{one.name} and {after.name} have the same number; keep one of them")


def _places(pictures: list[_Listed]) -> list[int]:
    """Where each stands in the video, from 0 on, so that those that are missing leave gaps.

    Numbers may rise by more than 1 where only some of a video's frames were written.
    """
    steps = [after.number - one.number for one, after in pairwise(pictures)]
    return [0, *accumulate(round(step / min(steps)) for step in steps)]


@dataclass(frozen=True, slots=True)
class ReadPicture:
    """A picture in memory, upright."""

    image: Image.Image

    @property
    def height(self) -> int:
        return self.image.height

    @property
    def width(self) -> int:
        return self.image.width

    def rgb(self, short_side: int | None = None) -> Frames:
        image = self.image.convert("RGB")
        if short_side is not None and min(image.size) != short_side:
            scale = short_side / min(image.size)
            size = round(image.width * scale), round(image.height * scale)
            image = image.resize(size, Image.Resampling.BILINEAR)
        return np.array(image)


def _read(path: Path) -> ReadPicture:
    """Errors: UnreadableVideo that names the picture; OSError if the disk fails."""
    try:
        with Image.open(path) as image:
            if image.mode.startswith(("I", "F")):
                raise UnreadableVideo(f"{path.name}: pixels of more than 8 bits")
            return ReadPicture(ImageOps.exif_transpose(image))
    except Image.UnidentifiedImageError as error:
        raise UnreadableVideo(f"{path.name}: not a picture") from error
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise OSError(error.errno, f"{path.name}: {error.strerror}") from error
        raise UnreadableVideo(f"{path.name}: {reason(error)}") from error

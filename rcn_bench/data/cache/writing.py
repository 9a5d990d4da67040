"""Writing shards: videos decoded, checked and stored. Apart from reading them, so that no edit here trains anew."""

import hashlib
import io
import json
import os
import zlib
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from rcn_bench.data.cache.shard import MARK, TABLE_ROW, TAIL, VERSION, Storage
from rcn_bench.data.examine import OF_DIFFERENT_SIZES, examine_and_use
from rcn_bench.data.findings import Finding
from rcn_bench.data.frames import Frames
from rcn_bench.data.judge import at_frame_rate
from rcn_bench.data.media.footage import Footage
from rcn_bench.data.media.medium import Picture, UnreadableVideo


class StoredVideo(NamedTuple):
    """The frames of a video as they are stored, and their height and width."""

    frames: list[bytes]
    height: int
    width: int


def examine_and_store(video: str | Footage, storage: Storage) -> tuple[Finding, StoredVideo | None]:
    """Decode a video once: what the check finds of it, and its frames to be stored if they can be used.

    Errors: InputError for pictures whose rate is needed and not known.
    """
    return examine_and_use(video, lambda pictures: _stored(pictures, storage), storage.frame_rate is not None)


def _stored(pictures: Iterable[tuple[float, Picture]], storage: Storage) -> StoredVideo:
    encoded, shapes = [], {(0, 0)}
    for _, picture in at_frame_rate(pictures, storage.frame_rate):
        image = picture.rgb(storage.short_side)
        shapes.add(image.shape[:2])
        encoded.append(image.tobytes() if storage.jpeg_quality is None else _jpeg(image, storage.jpeg_quality))
    if len(shapes) > 2:
        raise UnreadableVideo(OF_DIFFERENT_SIZES)
    return StoredVideo(encoded, *max(shapes))


def _jpeg(image: Frames, quality: int) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def write_shard(path: Path, storage: Storage, videos: Iterable[tuple[Finding, StoredVideo | None]], root: Path) -> None:
    """Write the frames of all videos that have any, and the findings of all, their paths from ``root`` on."""
    rows: list[tuple[int, int, int]] = []
    entries: list[dict[str, Any]] = []
    checksum = hashlib.sha256()
    with path.open("wb") as file:
        for finding, stored in videos:
            entry = asdict(finding) | {
                "path": os.path.relpath(finding.path, root),
                "first": len(rows),
                "stored": (0, 0, 0),
            }
            if stored is not None:
                entry["stored"] = len(stored.frames), stored.height, stored.width
                for frame in stored.frames:
                    rows.append((file.tell(), len(frame), zlib.crc32(frame)))
                    checksum.update(frame)
                    file.write(frame)
            entries.append(entry)
        table = np.array(rows, TABLE_ROW).tobytes()
        content = {"version": VERSION, "storage": asdict(storage), "frames_sha256": checksum.hexdigest()}
        index = json.dumps(content | {"videos": entries}).encode()
        file.write(table + index + TAIL.pack(len(table), len(index), zlib.crc32(table + index), MARK))

"""The cache: every video of a split decoded once, as one flat uint8 file with an index, shared by all runs."""

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rcn_bench.data.annotations import Video, read_annotations, video_path
from rcn_bench.data.check import Finding, too_many
from rcn_bench.data.video import Frames, UnreadableVideo, decode
from rcn_bench.errors import InputError
from rcn_bench.files import read_json, replacing


@dataclass(frozen=True)
class CachedVideo:
    """Where a video's frames lie in the cache file: shape (T, H, W, 3) from byte ``offset`` on."""

    id: str
    label: str
    group: str
    offset: int
    shape: tuple[int, int, int, int]


@dataclass(frozen=True)
class Skipped:
    """A video that is annotated but not used, and why."""

    id: str
    reason: str


def build_cache(
    annotations: Path,
    root: Path,
    output: Path,
    *,
    short_side: int | None = None,
    frame_rate: float | None = None,
    max_bad: float = 0.0,
    findings: Iterable[Finding] = (),
    progress: Callable[[str], None] = print,
) -> None:
    """Decode all annotated videos into ``output`` (.bin) and write its index beside it (.json), the index last.

    short_side, frame_rate: of the cached frames; None: those of the files. max_bad: the share of videos (0 to 1) that
    may be missing or bad; they are skipped and listed. findings: of an earlier check, whose bad videos are not decoded
    again.
    Errors: InputError if the folder is missing or more videos than that are bad, naming the last; OSError if the
    disk is full. On an error nothing is left at ``output``.
    """
    if not root.is_dir():
        raise InputError(f"{root}: no such video folder; check data.videos")
    videos = read_annotations(annotations, root)
    known = {finding.id: f"{finding.path}: {finding.reason}" for finding in findings if not finding.usable}
    skipped: list[Skipped] = []
    cached: list[CachedVideo] = []
    checksum = hashlib.sha256()
    with replacing(index_path(output)) as index, replacing(output) as temporary:
        with temporary.open("wb") as file:
            for video in videos:
                frames = None
                if video.id in known:
                    skipped.append(Skipped(video.id, known[video.id]))
                else:
                    frames = _decode_or_skip(root, video, skipped, short_side=short_side, frame_rate=frame_rate)
                if frames is None:
                    _refuse_if_too_many_bad(skipped, len(videos), max_bad, annotations, root)
                    continue
                cached.append(CachedVideo(video.id, video.label, video.group, file.tell(), frames.shape))
                content = frames.tobytes()
                checksum.update(content)
                file.write(content)
        if not cached:
            raise InputError(f"{annotations}: none of its videos can be used; {skipped[0].id}: {skipped[0].reason}")
        entries = {
            "annotations": str(annotations),
            "sha256": checksum.hexdigest(),
            "labels": sorted({video.label for video in videos}),
            "videos": [asdict(video) for video in cached],
            "skipped": [asdict(video) for video in skipped],
        }
        index.write_text(json.dumps(entries, indent=2) + "\n")
        index_path(output).unlink(missing_ok=True)  # an old index must never describe the new frames
    progress(f"{len(cached)} videos in {output}, {len(skipped)} skipped")


def _decode_or_skip(root: Path, video: Video, skipped: list[Skipped], **size: Any) -> Frames | None:
    path = video_path(root, video)
    try:
        if path.is_file():
            return decode(path, **size)
        reason = f"no file {path}"
    except UnreadableVideo as error:
        reason = f"{path}: {error}"
    skipped.append(Skipped(video.id, reason))
    return None


def _refuse_if_too_many_bad(skipped: list[Skipped], total: int, max_bad: float, annotations: Path, root: Path) -> None:
    if too_many(len(skipped), total, max_bad):
        raise InputError(
            f"{annotations}: {skipped[-1].id}: {skipped[-1].reason}; {len(skipped)} of {total} videos are bad so far, "
            f"more than data.max_bad = {max_bad:g} allows"
        )


def index_path(cache: Path) -> Path:
    return cache.with_suffix(".json")


class Cache:
    """Random access to the frames of a built cache.

    Attributes: videos, skipped, labels (sorted; a label's place is its class), fingerprint (sha256 of all frames).
    Errors: InputError if the cache is not there or shorter than its index says.
    """

    def __init__(self, path: Path) -> None:
        if not index_path(path).is_file():
            raise InputError(f"{path}: no cache here; run `rcn-bench data cache` first")
        self._path = path
        try:
            index = read_json(index_path(path))
            self._bytes: NDArray[np.uint8] = np.memmap(path, np.uint8, "r")
        except (OSError, ValueError) as error:
            raise InputError(f"{path}: damaged cache ({error}); delete it and build it again") from error
        self.videos = [CachedVideo(**{**video, "shape": tuple(video["shape"])}) for video in index["videos"]]
        self.skipped = [Skipped(**video) for video in index["skipped"]]
        self.labels: list[str] = index["labels"]
        self.fingerprint: str = index["sha256"]
        end = max((video.offset + int(np.prod(video.shape)) for video in self.videos), default=0)
        if len(self._bytes) < end:
            raise InputError(f"{path}: {len(self._bytes)} bytes, its index needs {end}; delete it and build it again")

    def __getstate__(self) -> dict[str, Any]:
        """A worker process maps the file itself, instead of being sent a copy of it."""
        return {**self.__dict__, "_bytes": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__ |= state
        self._bytes = np.memmap(self._path, np.uint8, "r")

    def frames(self, video: CachedVideo) -> Frames:
        """All frames of a video, (T, H, W, 3), as a view of the file."""
        size = int(np.prod(video.shape))
        return self._bytes[video.offset : video.offset + size].reshape(video.shape)

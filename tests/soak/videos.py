"""Five small videos, and where a cache of theirs is to lie."""

from pathlib import Path

import numpy as np

from rcn_bench.data.cache.source import Source
from rcn_bench.data.media.files import write_lossless

NAMES = "abcde"


def write_videos(folder: Path) -> None:
    for seed, name in enumerate(NAMES):
        frames = np.random.default_rng(seed).integers(0, 256, (5 + seed, 16, 16), np.uint8)
        write_lossless(folder / f"{name}.mp4", frames, 8)


def source(videos: Path, cache: Path, names: str = NAMES) -> Source:
    """Two of the videos a shard; their list lies beside them."""
    listed = videos.parent / f"{names}.csv"
    if not listed.exists():
        listed.write_text("path,label\n" + "".join(f"{name}.mp4,label {name}\n" for name in names))
    return Source(listed, videos, cache / "cache" / "all.json", cache / "check.csv", shard_videos=2)


def silent(line: str) -> None:
    pass

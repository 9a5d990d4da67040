"""A folder of five videos and the cache that is made of it."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from rcn_bench.data.cache.build import build_cache
from rcn_bench.data.cache.index import Cache
from rcn_bench.data.cache.source import Source
from rcn_bench.data.media.files import write_lossless

NAMES = "abcde"


LOST = r"would lose frames of 1 videos .*the first is c\.mp4; .* move 00001-\w+\.shard elsewhere"


def silent(line: str) -> None:
    pass


def video(seed: int, frames: int, height: int = 16, width: int = 24) -> np.ndarray:
    """Coarse noise, which JPEG keeps nearly as it is."""
    coarse = np.random.default_rng(seed).integers(0, 256, (frames, height // 8, width // 8))
    return np.kron(coarse, np.ones((1, 8, 8))).astype(np.uint8)


class Folder:
    """Five videos, of 5 to 9 frames, in shards of two, labelled up, down, up, down, up."""

    def __init__(self, root: Path) -> None:
        self.root, self.videos = root, root / "videos"
        self.videos.mkdir()
        for seed, name in enumerate(NAMES):
            write_lossless(self.path(name), video(seed, 5 + seed), 8)
        self.list()
        self.source = Source(
            root / "all.csv", self.videos, root / "cache" / "all.json", root / "check.csv", max_bad=0.8
        )
        self.source = replace(self.source, shard_videos=2)

    def list(self, names: str = NAMES, **changes: str) -> None:
        """Write the list of videos. changes: other labels, by name."""
        labels = {name: "up" if i % 2 == 0 else "down" for i, name in enumerate(NAMES)} | changes
        rows = "".join(f"{name}.mp4,{labels[name]},group of {name}\n" for name in names)
        (self.root / "all.csv").write_text(f"path,label,group\n{rows}")

    def path(self, name: str) -> Path:
        return self.videos / f"{name}.mp4"

    def build(self, **changes) -> Cache:
        build_cache(replace(self.source, **changes), progress=silent)
        return Cache(self.source.index)

    def shards(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in sorted(self.source.folder.glob("*.shard"))}


def change_a_byte(path: Path, place: int) -> None:
    content = bytearray(path.read_bytes())
    content[place] ^= 255
    path.write_bytes(content)


def shard_file(folder: Folder, number: int) -> Path:
    return next(folder.source.folder.glob(f"{number:05d}-*.shard"))

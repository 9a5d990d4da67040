"""Caches written from frames, without videos, for tests of what reads them."""

from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

import numpy as np

from rcn_bench.data.cache.index import CachedVideo, CacheIndex, ShardFile
from rcn_bench.data.cache.shard import ShardIndex, Storage
from rcn_bench.data.cache.writing import StoredVideo, write_shard
from rcn_bench.data.findings import Finding


def write_cache(index: Path, videos: Iterable[tuple[str, np.ndarray]], times: int = 1) -> CacheIndex:
    """A cache of labelled frames (T, H, W, 3), in one shard; every video stands in its index so many times."""
    labels: list[str] = []

    def stored():
        for number, (label, frames) in enumerate(videos):
            labels.append(label)
            finding = Finding(str(number), label, "ok", f"{index.parent}/{number}", "ok")
            yield finding, StoredVideo([frame.tobytes() for frame in frames], *frames.shape[1:3])

    path = index.with_suffix("") / "00000-0.shard"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_shard(path, Storage(), stored(), index.parent)
    shard = ShardIndex.read(path)
    cached = [
        CachedVideo(f"{entry['id']} {i}", label, entry["id"], 0, entry["first"], (*entry["stored"], 3))
        for i in range(times)
        for entry, label in zip(shard.videos, labels, strict=True)
    ]
    file = ShardFile(path.name, path.stat().st_size, shard.table_at, shard.frames_sha256)
    content = CacheIndex(asdict(Storage()), sorted(set(labels)), [file], cached, [])
    content.write(index)
    return content

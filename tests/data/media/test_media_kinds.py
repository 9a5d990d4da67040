"""A medium of another kind reaches all users of videos without a change to any of them."""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from timed import frames_in_order

from rcn_bench.data.cache.build import build_cache
from rcn_bench.data.cache.index import Cache
from rcn_bench.data.cache.source import Source
from rcn_bench.data.check import check_videos
from rcn_bench.data.examine import decode
from rcn_bench.data.media import kinds
from rcn_bench.data.media.files import VideoFile, write_lossless
from rcn_bench.data.media.medium import Medium, UnreadableVideo
from rcn_bench.lists.formats import read_list

RATE = 12


@dataclass
class StillPicture:
    pixels: np.ndarray

    @property
    def height(self):
        return self.pixels.shape[0]

    @property
    def width(self):
        return self.pixels.shape[1]

    def rgb(self, short_side=None):
        return self.pixels


class FrameFolder(Medium):
    """A folder of numbered pictures, as of Jester and of Something-Something."""

    @classmethod
    def takes(cls, source):
        return os.path.isdir(source)

    def files(self):
        return sorted(Path(self.source).iterdir())

    def stamp(self):
        status = [file.stat() for file in self.files()]
        return sum(one.st_size for one in status), max(one.st_mtime_ns for one in status)

    def sha256(self):
        return "".join(str(file.read_bytes()) for file in self.files())

    def frames(self):
        for number, file in enumerate(self.files()):
            yield number / RATE, StillPicture(np.array(Image.open(file)))
        if number < 3:
            raise UnreadableVideo(f"{number + 1} pictures", "truncated")


@pytest.fixture
def mixed(tmp_path, monkeypatch):
    """A folder of six pictures, one of two, and a file; the list that names them."""
    monkeypatch.setattr(kinds, "KINDS", (FrameFolder, VideoFile))
    rng = np.random.default_rng(0)
    for name, count in (("whole", 6), ("cut", 2)):
        (tmp_path / name).mkdir()
        for number in range(count):
            pixels = rng.integers(0, 256, (16, 24, 3)).astype(np.uint8)
            Image.fromarray(pixels).save(tmp_path / name / f"{number:05d}.png")
    write_lossless(tmp_path / "file.mp4", rng.integers(0, 256, (5, 16, 24)).astype(np.uint8), RATE)
    (tmp_path / "all.csv").write_text("path,label\nwhole,up\ncut,up\nfile.mp4,down\n")
    return tmp_path


def test_it_is_decoded_at_any_rate_and_judged(mixed):
    pictures = np.stack([np.array(Image.open(file)) for file in sorted((mixed / "whole").iterdir())])
    np.testing.assert_array_equal(decode(mixed / "whole"), pictures)
    np.testing.assert_array_equal(decode(mixed / "whole", frame_rate=RATE / 2), pictures[::2])
    assert [time for time, _ in frames_in_order(mixed / "whole")] == [number / RATE for number in range(6)]
    with pytest.raises(UnreadableVideo, match=r"truncated \(2 pictures\)"):
        decode(mixed / "cut")


def test_it_is_checked_and_cached(mixed):
    found = check_videos(read_list(mixed / "all.csv", mixed), mixed, mixed / "check.csv", workers=0)
    assert [(one.verdict, one.frames) for one in found] == [("ok", 6), ("truncated", 2), ("ok", 5)]
    source = Source(mixed / "all.csv", mixed, mixed / "cache.json", mixed / "report.csv", max_bad=0.5)
    build_cache(source, progress=lambda line: None)
    cache = Cache(source.index)
    assert [video.id for video in cache.videos] == ["whole", "file.mp4"]
    np.testing.assert_array_equal(cache.frames(cache.videos[0]), decode(mixed / "whole"))
    (mixed / "whole" / "00005.png").unlink()
    build_cache(source, progress=lambda line: None)  # known by its stamp to have changed
    assert Cache(source.index).videos[0].shape[0] == 5

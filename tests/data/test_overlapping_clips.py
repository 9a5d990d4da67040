"""Clips of an evaluation that overlap: the same as each by itself, though no frame is read twice."""

import numpy as np
import pytest
from caches import write_cache
from hypothesis import given
from hypothesis import strategies as st

from rcn_bench.data.cache.index import Cache
from rcn_bench.data.clips import EvaluationClips
from rcn_bench.data.crops import spread_crops
from rcn_bench.data.frames import ClipLayout

CROP = 4
FRAMES = 12, 17, 30  # of each video


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    index, rng = tmp_path_factory.mktemp("overlap") / "val.json", np.random.default_rng(0)
    write_cache(index, [("a label", rng.integers(0, 256, (frames, 6, 9, 3), np.uint8)) for frames in FRAMES])
    return Cache(index)


@given(
    layout=st.builds(ClipLayout, frames=st.integers(1, 6), stride=st.integers(1, 2)),
    clips=st.integers(1, 8),
    crop=st.sampled_from([CROP, None]),
    crops=st.sampled_from([1, 3]),
)
def test_clips_are_the_same_whether_they_overlap_or_not(cache, layout, clips, crop, crops):
    videos = EvaluationClips(cache, layout, crop, clips, crops)
    for index, video in enumerate(videos.videos):
        alone = [cache.frames(video, start, start + layout.span, layout.stride) for start in videos.starts[index]]
        expected = alone if crop is None else [view for clip in alone for view in spread_crops(clip, crop, crops)]
        assert np.array_equal(videos[index], np.stack(expected))


@pytest.mark.parametrize(("clips", "read_of_30"), [(3, 12), (7, 28), (8, 30), (10, 30)])
def test_no_frame_is_read_twice_where_clips_of_four_overlap(cache, monkeypatch, clips, read_of_30):
    videos, read, frames = EvaluationClips(cache, ClipLayout(4, 1), CROP, clips), [], Cache.frames
    monkeypatch.setattr(Cache, "frames", lambda *wanted: read.append(frames(*wanted)) or read[-1])
    assert len(videos[2]) == clips
    assert sum(map(len, read)) == read_of_30

"""Clip sampling and transforms: reproducible, the same for all frames of a clip, symmetric in evaluation."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch.utils.data import DataLoader

from rcn_bench.data.cache import Cache, build_cache
from rcn_bench.data.clips import ClipLayout, EvaluationClips, TrainingClips, evaluation_starts
from rcn_bench.data.transforms import MEAN, STD, evaluation_transform, training_transform
from rcn_bench.data.video import write_lossless
from rcn_bench.errors import InputError

AUGMENT = {"flip": 0.5, "rotate": 10, "translate": 0.1, "scale": [0.8, 1.2]}
STILL = {"flip": 0.0, "rotate": 0, "translate": 0.0, "scale": [1.0, 1.0]}
SIDE, CROP = 20, 16
FOUR = ClipLayout(frames=4, stride=2)


def make_cache(folder: Path, videos: dict[str, np.ndarray]) -> Cache:
    """videos: grey frames by name. Labels are the names' first letters."""
    rows = ["label,youtube_id,time_start,time_end,split"]
    for name, frames in videos.items():
        path = folder / "videos" / "val" / f"{name}_000000_000001.mp4"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_lossless(path, frames, 8)
        rows.append(f"{name[0]},{name},0,1,val")
    (folder / "val.csv").write_text("\n".join(rows) + "\n")
    build_cache(folder / "val.csv", folder / "videos", folder / "val.bin", progress=lambda line: None)
    return Cache(folder / "val.bin")


def noise(seed: int, frames: int, side: int = SIDE) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (frames, side, side)).astype(np.uint8)


def numbered(frames: int) -> np.ndarray:
    """Frame i has the grey level 4 i."""
    return np.broadcast_to((4 * np.arange(frames, dtype=np.uint8))[:, None, None], (frames, SIDE, SIDE))


def frame_numbers(clip: torch.Tensor) -> list[int]:
    """Of an untransformed clip (T, C, H, W) of a numbered video."""
    return (clip.float().mean((1, 2, 3)) / 4).round().int().tolist()


def untransformed(clip: torch.Tensor) -> torch.Tensor:
    return clip


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """a: noise; b: the reversal of a; c: numbered frames; d: one noise image that stands still; 12 frames each."""
    still = np.broadcast_to(noise(1, 1), (12, SIDE, SIDE))
    videos = {"a": noise(0, 12), "b": noise(0, 12)[::-1], "c": numbered(12), "d": still}
    return make_cache(tmp_path_factory.mktemp("clips"), videos)


# Evaluation starts

LENGTHS = {"frames": st.integers(1, 400), "span": st.integers(1, 64), "clips": st.integers(1, 12)}


@given(**LENGTHS)
def test_starts_are_distinct_sorted_and_within_the_video(frames, span, clips):
    assume(frames - span >= clips - 1)
    starts = evaluation_starts(frames, span, clips)
    assert len(starts) == clips
    assert starts == sorted(set(starts))
    assert starts[0] >= 0
    assert starts[-1] + span <= frames


@given(**LENGTHS)
def test_clips_of_the_reversed_video_are_the_reversed_clips(frames, span, clips):
    room = frames - span
    assume(room >= clips - 1)
    assume(clips % 2 == 0 or room % 2 == 0)  # else the middle clip would have to start at half a frame
    starts = evaluation_starts(frames, span, clips)
    assert starts == [room - start for start in reversed(starts)]


@given(**LENGTHS)
def test_starts_are_evenly_spread_from_the_first_frame_to_the_last(frames, span, clips):
    assume(clips >= 2)
    assume(frames - span >= clips - 1)
    starts = evaluation_starts(frames, span, clips)
    assert (starts[0], starts[-1] + span) == (0, frames)
    even = (frames - span) / (clips - 1)
    assert all(abs(b - a - even) < 2 for a, b in pairwise(starts))


@given(span=st.integers(1, 64), clips=st.integers(1, 12), data=st.data())
def test_too_few_frames_for_that_many_clips_are_an_error(span, clips, data):
    enough = span + clips - 1
    frames = data.draw(st.integers(1, enough))
    if frames == enough:
        assert evaluation_starts(frames, span, clips) == list(range(clips))
    else:
        with pytest.raises(ValueError, match=f"{frames} frames"):
            evaluation_starts(frames, span, clips)


@pytest.mark.parametrize(("frames", "stride", "span"), [(8, 2, 15), (1, 4, 1), (16, 1, 16)])
def test_span_reaches_from_the_first_frame_to_the_last(frames, stride, span):
    assert ClipLayout(frames, stride).span == span


# Training clips


def training_clips(cache: Cache, seed: int = 0, epoch: int = 0, transform=None) -> TrainingClips:
    clips = TrainingClips(cache, FOUR, transform or training_transform(CROP, AUGMENT), seed)
    clips.epoch = epoch
    return clips


def test_training_clips_do_not_depend_on_the_workers(cache):
    clips = training_clips(cache, epoch=3)
    alone, shared = (list(DataLoader(clips, 2, num_workers=workers)) for workers in (0, 2))
    assert len(alone) == len(shared) == 2
    for (inputs, classes), (same_inputs, same_classes) in zip(alone, shared, strict=True):
        assert torch.equal(inputs, same_inputs)
        assert torch.equal(classes, same_classes)


def test_training_clips_do_not_depend_on_the_order_or_the_global_generator(cache):
    clips = training_clips(cache)
    forwards = [clips[i][0] for i in range(4)]
    torch.manual_seed(123)
    backwards = [clips[i][0] for i in reversed(range(4))]
    assert all(torch.equal(a, b) for a, b in zip(forwards, reversed(backwards), strict=True))


def test_training_clips_leave_the_global_generator_alone(cache):
    torch.manual_seed(123)
    before = torch.get_rng_state()
    training_clips(cache)[0]
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("change", [{"epoch": 1}, {"seed": 1}])
def test_other_epoch_or_seed_gives_other_training_clips(cache, change):
    before, after = training_clips(cache), training_clips(cache, **change)
    assert not any(torch.equal(before[i][0], after[i][0]) for i in range(4))


def test_training_clips_are_normalised_floats_with_their_class(cache):
    clip, label = training_clips(cache)[2]
    assert (clip.shape, clip.dtype) == ((3, 4, CROP, CROP), torch.float32)
    assert label == cache.labels.index("c")


def test_training_clip_is_every_second_frame_from_any_possible_start(cache):
    clips = training_clips(cache, transform=untransformed)
    starts = set()
    for clips.epoch in range(60):
        numbers = frame_numbers(clips[2][0])
        assert np.diff(numbers).tolist() == [2, 2, 2]
        starts.add(numbers[0])
    assert starts == set(range(12 - FOUR.span + 1))


def test_one_transform_for_all_frames_of_a_clip_and_another_every_epoch(cache):
    clips = training_clips(cache)
    shown = []
    for clips.epoch in range(5):
        clip = clips[3][0]
        assert (clip == clip[:, :1]).all()
        shown.append(clip)
    assert not any(torch.equal(shown[0], other) for other in shown[1:])


# Evaluation clips


@pytest.mark.parametrize("clips", [2, 4])
def test_clips_of_a_twin_are_the_exact_reversal(cache, clips):
    videos = EvaluationClips(cache, FOUR, evaluation_transform(CROP), clips)
    a, b = videos[0], videos[1]
    assert torch.equal(a.flip(0, 2), b)  # the order of the clips, and of the frames in each
    assert not torch.equal(a, b)


def test_evaluation_clips_start_where_evaluation_starts_says(cache):
    videos = EvaluationClips(cache, FOUR, untransformed, 4)
    shown = videos[2]
    assert [frame_numbers(clip)[0] for clip in shown] == videos.starts[2] == evaluation_starts(12, FOUR.span, 4)
    assert all(np.diff(frame_numbers(clip)).tolist() == [2, 2, 2] for clip in shown)


def test_evaluation_clips_are_the_normalised_centre(cache):
    videos = EvaluationClips(cache, FOUR, evaluation_transform(CROP), 2)
    clips = videos[3]
    edge = (SIDE - CROP) // 2
    image = torch.from_numpy(cache.frames(cache.videos[3])[0, edge:-edge, edge:-edge].copy()).permute(2, 0, 1)
    expected = (image / 255 - torch.tensor(MEAN)[:, None, None]) / torch.tensor(STD)[:, None, None]
    assert clips.shape == (2, 3, 4, CROP, CROP)
    torch.testing.assert_close(clips, expected[None, :, None].expand_as(clips))


# Videos that are too short


@pytest.fixture(scope="module")
def uneven(tmp_path_factory):
    """Videos of 6, 7, 9 and 10 frames; a clip of FOUR needs 7, three different ones 9."""
    return make_cache(tmp_path_factory.mktemp("uneven"), {f"v{n}": noise(n, n) for n in (6, 7, 9, 10)})


def test_videos_too_short_for_training_are_skipped_and_listed(uneven):
    clips = training_clips(uneven)
    assert [video.shape[0] for video in clips.videos] == [7, 9, 10]
    assert len(clips) == 3
    assert [(video.id, video.reason) for video in clips.skipped] == [("v6_000000_000001", "6 frames, a clip needs 7")]


def test_videos_too_short_for_evaluation_are_skipped_and_listed(uneven):
    videos = EvaluationClips(uneven, FOUR, evaluation_transform(CROP), 3)
    assert [video.shape[0] for video in videos.videos] == [9, 10]
    assert len(videos) == len(videos.starts) == 2
    assert [video.id for video in videos.skipped] == ["v6_000000_000001", "v7_000000_000001"]
    assert all("too few" in video.reason for video in videos.skipped)


def test_videos_that_the_cache_skipped_stay_listed(uneven, tmp_path):
    rows = "label,youtube_id,time_start,time_end,split\nv,here,0,1,val\nv,gone,0,1,val\n"
    (tmp_path / "val.csv").write_text(rows)
    (tmp_path / "videos" / "val").mkdir(parents=True)
    write_lossless(tmp_path / "videos" / "val" / "here_000000_000001.mp4", noise(0, 12), 8)
    build_cache(tmp_path / "val.csv", tmp_path / "videos", tmp_path / "val.bin", max_bad=0.5)
    cache = Cache(tmp_path / "val.bin")
    assert [video.id for video in training_clips(cache).skipped] == ["gone_000000_000001"]
    assert [video.id for video in EvaluationClips(cache, FOUR, untransformed, 2).skipped] == ["gone_000000_000001"]


def test_no_video_long_enough_is_an_error(uneven):
    long = ClipLayout(frames=8, stride=2)
    with pytest.raises(InputError, match="15 frames"):
        TrainingClips(uneven, long, untransformed, 0)
    with pytest.raises(InputError, match="15 frames"):
        EvaluationClips(uneven, long, untransformed, 1)


# Transforms


@settings(deadline=None, max_examples=30)
@given(
    frames=st.integers(1, 5),
    height=st.integers(CROP, 30),
    width=st.integers(CROP, 30),
    crop=st.integers(1, CROP),
    flip=st.sampled_from([0.0, 0.5, 1.0]),
    seed=st.integers(0, 2**32),
)
def test_training_transform_gives_crops_and_treats_frames_alike(frames, height, width, crop, flip, seed):
    torch.manual_seed(seed)
    image = torch.randint(256, (1, 3, height, width), dtype=torch.uint8)
    clip = training_transform(crop, AUGMENT | {"flip": flip})(image.expand(frames, -1, -1, -1))
    assert (clip.shape, clip.dtype) == ((3, frames, crop, crop), torch.float32)
    assert (clip == clip[:, :1]).all()


@pytest.mark.parametrize("flip", [0.0, 1.0])
def test_flip_mirrors_the_images_and_keeps_the_order_of_frames(flip):
    clip = torch.randint(256, (4, 3, CROP, CROP), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    plain = evaluation_transform(CROP)(clip)
    shown = training_transform(CROP, STILL | {"flip": flip})(clip)
    torch.testing.assert_close(shown, plain.flip(-1) if flip else plain)


def test_random_crop_moves_between_clips():
    clip = torch.arange(SIDE, dtype=torch.uint8).expand(2, 3, SIDE, SIDE)
    transform = training_transform(CROP, STILL)
    torch.manual_seed(0)
    assert len({transform(clip)[0, 0, 0, 0].item() for _ in range(60)}) == SIDE - CROP + 1

"""Clip sampling and transforms: reproducible, the same for all frames of a clip, symmetric in evaluation."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.data import DataLoader
from torchvision.transforms import v2

from rcn_bench.data.cache.build import build_cache
from rcn_bench.data.cache.index import Cache
from rcn_bench.data.cache.source import Source
from rcn_bench.data.clips import EpochOrder, EvaluationClips, TrainingClips, together
from rcn_bench.data.crops import MEAN, STD, centre_crop, cut
from rcn_bench.data.frames import ClipLayout, evaluation_starts
from rcn_bench.data.media.files import write_lossless
from rcn_bench.data.transforms import Augmentation, to_input, warp
from rcn_bench.errors import InputError
from rcn_bench.records.runs import Skipped

SIDE, CROP = 20, 16
AUGMENTATION = Augmentation(CROP, flip=0.5, rotate=10, translate=0.1, scale=(0.8, 1.2))
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
    return cached(folder)


def cached(folder: Path, **options) -> Cache:
    """The cache of the CSV and the videos in a folder."""
    source = Source(folder / "val.csv", folder / "videos", folder / "val.json", folder / "check.csv", **options)
    build_cache(source, progress=lambda line: None)
    return Cache(folder / "val.json")


def noise(seed: int, frames: int, side: int = SIDE) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (frames, side, side)).astype(np.uint8)


def numbered(frames: int) -> np.ndarray:
    """Frame i has the grey level 4 i."""
    return np.broadcast_to((4 * np.arange(frames, dtype=np.uint8))[:, None, None], (frames, SIDE, SIDE))


def frame_numbers(clip: torch.Tensor) -> list[int]:
    """Of a clip (T, H, W, 3) of a numbered video, by its middle pixel."""
    middle = clip.shape[1] // 2
    return (clip[:, middle, middle, 0].float() / 4).round().int().tolist()


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """a: noise; b: the reversal of a; c: numbered frames; d: one noise image that stands still; 12 frames each."""
    still = np.broadcast_to(noise(1, 1), (12, SIDE, SIDE))
    videos = {"a": noise(0, 12), "b": noise(0, 12)[::-1], "c": numbered(12), "d": still}
    return make_cache(tmp_path_factory.mktemp("clips"), videos)


# Training clips


def training_clips(cache: Cache, seed: int = 0) -> TrainingClips:
    return TrainingClips(cache, FOUR, AUGMENTATION, seed)


def views(clips: TrainingClips, epoch: int = 0) -> list[torch.Tensor]:
    """What a network is given of each: (3, T, crop, crop)."""
    items = [clips[epoch, index] for index in range(len(clips))]
    return [warp(box[None], view[None], CROP)[0] for box, view, _ in items]


def test_training_clips_do_not_depend_on_the_workers(cache):
    order = EpochOrder(training_clips(cache))
    alone, shared = (
        DataLoader(order.clips, 2, sampler=order, num_workers=workers, persistent_workers=workers > 0)
        for workers in (0, 2)
    )
    for order.epoch in (3, 4):  # the second from workers that live on
        batches = list(zip(alone, shared, strict=True))
        assert len(batches) == 2
        for batch, same in batches:
            assert len(batch) == 3
            assert all(torch.equal(part, other) for part, other in zip(batch, same, strict=True))


@pytest.mark.parametrize("lead", [1, 2, 7])
def test_clips_before_one_are_those_of_the_video_in_a_loop_and_change_nothing_else(cache, lead):
    clips, longer = training_clips(cache), TrainingClips(cache, FOUR, AUGMENTATION, 0, lead=lead)
    for epoch in range(3):
        for index in range(len(clips)):
            (box, view, label), (long_box, long_view, long_label) = clips[epoch, index], longer[epoch, index]
            assert torch.equal(long_box[-len(box) :], box)
            assert torch.equal(long_view, view)
            assert long_label == label
        assert long_box.shape == ((lead + 1) * FOUR.frames, *box.shape[1:])
        shown, before = frame_numbers(longer[epoch, 2][0]), lead * FOUR.frames
        assert shown == [(shown[before] + FOUR.stride * step) % 12 for step in range(-before, FOUR.frames)]


def test_training_clips_do_not_depend_on_the_order_or_the_global_generators(cache):
    clips = training_clips(cache)
    forwards = [clips[0, i] for i in range(4)]
    torch.manual_seed(123)
    np.random.seed(123)
    backwards = [clips[0, i] for i in reversed(range(4))]
    for (box, view, _), (same_box, same_view, _) in zip(forwards, reversed(backwards), strict=True):
        assert torch.equal(box, same_box)
        assert torch.equal(view, same_view)


def test_training_clips_leave_the_global_generator_alone(cache):
    torch.manual_seed(123)
    before = torch.get_rng_state()
    training_clips(cache)[0, 0]
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(("seed", "epoch"), [(0, 1), (1, 0)])
def test_other_epoch_or_seed_gives_other_training_clips(cache, seed, epoch):
    before, after = views(training_clips(cache)), views(training_clips(cache, seed), epoch)
    assert not any(torch.equal(clip, other) for clip, other in zip(before, after, strict=True))


def test_an_epoch_shows_every_clip_once_in_an_order_of_its_own(cache):
    order, orders = EpochOrder(training_clips(cache)), set()
    for order.epoch in range(20):
        epochs, indices = zip(*order, strict=True)
        assert set(epochs) == {order.epoch}
        assert sorted(indices) == list(range(len(order)))
        assert tuple(order) == tuple(zip(epochs, indices, strict=True))
        orders.add(indices)
    assert len(orders) > 10


def test_training_clips_are_boxes_of_bytes_a_map_and_their_class(cache):
    box, view, label = training_clips(cache)[0, 2]
    assert (box.shape, box.dtype) == ((4, AUGMENTATION.box, AUGMENTATION.box, 3), torch.uint8)
    assert (view.shape, view.dtype) == ((2, 3), torch.float32)
    assert label == cache.labels.index("c")


def test_training_clip_is_every_second_frame_from_any_possible_start(cache):
    clips = training_clips(cache)
    starts = set()
    for epoch in range(60):
        numbers = frame_numbers(clips[epoch, 2][0])
        assert np.diff(numbers).tolist() == [2, 2, 2]
        starts.add(numbers[0])
    assert starts == set(range(12 - FOUR.span + 1))


def test_one_transform_for_all_frames_of_a_clip_and_another_every_epoch(cache):
    shown = [views(training_clips(cache), epoch)[3] for epoch in range(5)]
    assert all((clip == clip[:, :1]).all() for clip in shown)
    assert not any(torch.equal(shown[0], other) for other in shown[1:])


# Evaluation clips


@pytest.mark.parametrize("clips", [2, 4])
def test_clips_of_a_twin_are_the_exact_reversal(cache, clips):
    videos = EvaluationClips(cache, FOUR, CROP, clips)
    a, b = videos[0], videos[1]
    assert torch.equal(a.flip(0, 1), b)  # the order of the clips, and of the frames in each
    assert not torch.equal(a, b)


def test_evaluation_clips_start_where_evaluation_starts_says(cache):
    videos = EvaluationClips(cache, FOUR, CROP, 4)
    shown = videos[2]
    assert [frame_numbers(clip)[0] for clip in shown] == videos.starts[2] == evaluation_starts(12, FOUR.span, 4)
    assert all(np.diff(frame_numbers(clip)).tolist() == [2, 2, 2] for clip in shown)


def test_evaluation_clips_are_the_centre(cache):
    clips = EvaluationClips(cache, FOUR, CROP, 2)[3]
    edge = (SIDE - CROP) // 2
    expected = torch.from_numpy(cache.frames(cache.videos[3])[0, edge:-edge, edge:-edge].copy())
    assert (clips.shape, clips.dtype) == ((2, 4, CROP, CROP, 3), torch.uint8)
    assert torch.equal(clips, expected.expand_as(clips))


# Videos that are too short


@pytest.fixture(scope="module")
def uneven(tmp_path_factory):
    """Videos of 6, 7, 9 and 10 frames; a clip of FOUR needs 7, three different ones 9."""
    return make_cache(tmp_path_factory.mktemp("uneven"), {f"v{n}": noise(n, n) for n in (6, 7, 9, 10)})


def test_videos_too_short_for_training_are_skipped_and_listed(uneven):
    clips = training_clips(uneven)
    assert [video.shape[0] for video in clips.videos] == [7, 9, 10]
    assert len(clips) == 3
    assert clips.counts.videos_skipped == [Skipped("v6_000000_000001", "6 frames, a clip needs 7")]


def test_videos_too_short_for_all_evaluation_clips_give_as_many_as_fit(uneven):
    videos = EvaluationClips(uneven, FOUR, CROP, 3)
    assert [video.shape[0] for video in videos.videos] == [7, 9, 10]
    assert videos.starts == [[0], [0, 1, 2], [0, 1, 3]]
    assert [videos[index].shape[0] for index in range(len(videos))] == [1, 3, 3]
    assert videos.counts.videos_skipped == [Skipped("v6_000000_000001", "6 frames, a clip needs 7")]


def test_a_batch_holds_the_clips_of_its_videos_one_after_the_other(uneven):
    videos = EvaluationClips(uneven, FOUR, CROP, 3)
    for workers in (0, 2):
        (clips, counts), (last, of_last) = DataLoader(videos, 2, num_workers=workers, collate_fn=together)
        assert (counts, of_last) == ([1, 3], [3])
        assert torch.equal(clips, torch.cat([videos[0], videos[1]]))
        assert torch.equal(last, videos[2])


def test_the_videos_of_a_list_are_counted_by_what_became_of_them(uneven):
    for clips in (training_clips(uneven), EvaluationClips(uneven, FOUR, CROP, 3)):
        counts = clips.counts
        assert (counts.videos_listed, counts.videos_usable, counts.videos_used) == (4, 4, 3)
        assert counts.left_out() == "1 of 4 listed videos left out: 1 too short for a clip"


def test_videos_that_the_cache_skipped_stay_listed(uneven, tmp_path):
    rows = "label,youtube_id,time_start,time_end,split\nv,here,0,1,val\nv,gone,0,1,val\n"
    (tmp_path / "val.csv").write_text(rows)
    (tmp_path / "videos" / "val").mkdir(parents=True)
    write_lossless(tmp_path / "videos" / "val" / "here_000000_000001.mp4", noise(0, 12), 8)
    cache = cached(tmp_path, max_bad=0.5)
    assert training_clips(cache).counts.left_out() == "1 of 2 listed videos left out: 1 unusable"
    assert [video.id for video in training_clips(cache).counts.videos_skipped] == ["gone_000000_000001"]
    assert [video.id for video in EvaluationClips(cache, FOUR, CROP, 2).counts.videos_skipped] == ["gone_000000_000001"]


def test_no_video_long_enough_is_an_error(uneven):
    long = ClipLayout(frames=8, stride=2)
    with pytest.raises(InputError, match="15 frames"):
        TrainingClips(uneven, long, AUGMENTATION, 0)
    with pytest.raises(InputError, match="15 frames"):
        EvaluationClips(uneven, long, CROP, 1)


# Cutting, normalising and warping


@given(
    size=st.tuples(st.integers(1, 12), st.integers(1, 12)),
    left=st.integers(-15, 15),
    top=st.integers(-15, 15),
    side=st.integers(1, 14),
)
def test_a_square_is_cut_with_the_mean_colour_around_the_frame(size, left, top, side):
    height, width = size
    frames = np.random.default_rng(0).integers(0, 256, (2, height, width, 3)).astype(np.uint8)
    surrounded = np.empty((2, height + 60, width + 60, 3), np.uint8)
    surrounded[:] = [round(255 * mean) for mean in MEAN]
    surrounded[:, 30:-30, 30:-30] = frames
    expected = surrounded[:, 30 + top : 30 + top + side, 30 + left : 30 + left + side]
    assert np.array_equal(cut(frames, left, top, side), expected)


def test_a_cut_is_a_copy():
    frames = np.zeros((1, 8, 8, 3), np.uint8)
    centre_crop(frames, 8)[:] = 1
    assert not frames.any()


def test_input_is_normalised_with_channels_first():
    frames = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (2, 3, 5, 4, 3)).astype(np.uint8))
    expected = (frames.double() / 255 - torch.tensor(MEAN)) / torch.tensor(STD)
    result = to_input(frames)
    assert (result.shape, result.dtype) == ((2, 3, 3, 5, 4), torch.float32)
    torch.testing.assert_close(result.double(), expected.permute(0, 4, 1, 2, 3), rtol=1e-5, atol=1e-5)


AUGMENTATIONS = st.builds(
    lambda crop, flip, rotate, translate, low, more: Augmentation(crop, flip, rotate, translate, (low, low + more)),
    crop=st.integers(1, 24),
    flip=st.sampled_from([0.0, 0.5, 1.0]),
    rotate=st.floats(0, 180),
    translate=st.floats(0, 0.3),
    low=st.floats(0.5, 1.5),
    more=st.floats(0, 0.5),
)


def corners(view, augmentation: Augmentation) -> np.ndarray:
    """The four outermost pixel centres of a view in pixels of its box: (4, 2)."""
    edge = 1 - 1 / augmentation.crop
    points = np.array([[x, y, 1] for x in (-edge, edge) for y in (-edge, edge)])
    return (points @ view.map.T + 1) / 2 * augmentation.box - 0.5


@given(augmentation=AUGMENTATIONS, height=st.integers(24, 40), width=st.integers(24, 40), seed=st.integers(0, 2**32))
def test_the_box_holds_all_pixels_that_a_view_is_mixed_from(augmentation, height, width, seed):
    view = augmentation.draw(height, width, np.random.default_rng(seed))
    assert corners(view, augmentation).min() > -1e-3
    assert corners(view, augmentation).max() < augmentation.box - 1 + 1e-3


@given(augmentation=AUGMENTATIONS, seed=st.integers(0, 2**32))
def test_a_view_is_turned_and_scaled_as_asked(augmentation, seed):
    view = augmentation.draw(30, 40, np.random.default_rng(seed))
    matrix = view.map[:, :2].astype(float) * augmentation.box / augmentation.crop
    lowest, highest = augmentation.scale
    scale = 1 / np.sqrt(abs(np.linalg.det(matrix)))
    assert lowest - 1e-5 <= scale <= highest + 1e-5
    np.testing.assert_allclose(matrix @ matrix.T, np.eye(2) / scale**2, atol=1e-5)
    angle = np.degrees(np.arctan2(-matrix[0, 1], matrix[1, 1]))
    assert abs(angle) <= augmentation.rotate + 1e-3
    flipped = np.linalg.det(matrix) < 0
    assert flipped == (augmentation.flip == 1) or augmentation.flip == 0.5


@given(
    crop=st.integers(1, CROP),
    height=st.integers(CROP, 30),
    width=st.integers(CROP, 30),
    flip=st.booleans(),
    seed=st.integers(0, 2**32),
)
@settings(max_examples=50)
def test_without_turning_a_view_is_a_crop_mirrored_or_not(crop, height, width, flip, seed):
    rng = np.random.default_rng(seed)
    frames = rng.integers(0, 256, (2, height, width, 3)).astype(np.uint8)
    augmentation = Augmentation(crop, float(flip), rotate=0, translate=0, scale=(1, 1))
    view = augmentation.draw(height, width, rng)
    box = cut(frames, view.left, view.top, augmentation.box)
    shown = warp(torch.from_numpy(box)[None], torch.from_numpy(view.map)[None], crop)[0]
    crops = [
        cut(frames, left, top, crop) for left in range(width - crop + 1) for top in range(height - crop + 1)
    ]  # fmt: skip
    inputs = to_input(torch.from_numpy(np.stack(crops)))
    difference = (inputs - (shown.flip(-1) if flip else shown)).abs().amax((1, 2, 3, 4))
    assert difference.min() < 1e-3


@given(seed=st.integers(0, 2**32))
@settings(max_examples=30)
def test_a_view_is_torchvisions_affine_map_then_crop_then_flip(seed):
    height, width, crop = 40, 48, 14
    augmentation = Augmentation(crop, flip=0.5, rotate=40, translate=0.15, scale=(0.7, 1.3))
    view, rng = augmentation.draw(height, width, np.random.default_rng(seed)), np.random.default_rng(seed)
    angle, scale, flipped = rng.uniform(-40, 40), rng.uniform(0.7, 1.3), rng.uniform() < 0.5
    left, top = rng.integers(0, (width - crop + 1, height - crop + 1))
    shift = (rng.uniform(-0.15, 0.15, 2) * (width, height)).tolist()

    columns, rows = np.meshgrid(5 * np.arange(width), 5 * np.arange(height))  # a pixel tells where it comes from
    image = np.stack([columns, rows, np.full_like(rows, 255)], axis=2).astype(np.uint8)
    box = cut(image[None], view.left, view.top, augmentation.box)
    shown = warp(torch.from_numpy(box)[None], torch.from_numpy(view.map)[None], crop)[0, :, 0]
    shown = (shown * torch.tensor(STD)[:, None, None] + torch.tensor(MEAN)[:, None, None]) * 255

    mapped = v2.functional.affine(
        torch.from_numpy(image).permute(2, 0, 1).float(),
        -angle,
        shift,
        scale,
        [0.0, 0.0],
        v2.InterpolationMode.BILINEAR,
    )[:, top : top + crop, left : left + crop]
    mapped = mapped.flip(-1) if flipped else mapped
    inside = mapped[2] > 254.9  # elsewhere torchvision mixes in black, and the box the mean colour
    torch.testing.assert_close(shown[:2, inside], mapped[:2, inside], rtol=0, atol=0.05)


def test_every_crop_is_drawn():
    augmentation = Augmentation(CROP, flip=0.0, rotate=0, translate=0, scale=(1, 1))
    rng = np.random.default_rng(0)
    drawn = [augmentation.draw(SIDE, SIDE + 1, rng) for _ in range(400)]
    assert len({view.top for view in drawn}) == SIDE - CROP + 1
    assert len({view.left for view in drawn}) == SIDE - CROP + 2


def test_a_quarter_turn_turns_the_image():
    image = np.random.default_rng(0).integers(0, 256, (1, CROP, CROP, 3)).astype(np.uint8)
    turn = torch.tensor([[[0.0, -1.0, 0.0], [1.0, 0.0, 0.0]]])
    shown = warp(torch.from_numpy(image)[None], turn, CROP)[0]
    torch.testing.assert_close(shown, to_input(torch.from_numpy(image)[None])[0].rot90(1, (2, 3)), rtol=0, atol=1e-4)


def test_frames_smaller_than_the_view_are_surrounded_by_the_mean_colour():
    view = AUGMENTATION.draw(4, 6, np.random.default_rng(0))
    frames = np.full((1, 4, 6, 3), 255, np.uint8)
    box = cut(frames, view.left, view.top, AUGMENTATION.box)
    shown = warp(torch.from_numpy(box)[None], torch.from_numpy(view.map)[None], CROP)
    assert shown.abs().min() < 0.02
    assert shown.max() > 2

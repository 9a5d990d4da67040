"""What scores come to, against the plainest sums of it."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import softmax as reference

from rcn_bench.predictions import Videos, predictions
from rcn_bench.softmax import softmax

CLASSES = ["up", "down", "left", "right", "still", "turn"]
MOST = 4


def made(seed, clips):
    """Random scores of videos with so many clips, of which each has a group of its own with the next."""
    rng = np.random.default_rng(seed)
    scores = rng.normal(scale=3, size=(sum(clips), len(CLASSES))).astype(np.float16)
    count = len(clips)
    names, groups = [f"v{i}" for i in range(count)], [f"g{i // 2}" for i in range(count)]
    return scores, Videos(names, groups, list(rng.choice(CLASSES, count)), clips, MOST)


@settings(max_examples=50)
@given(seed=st.integers(0, 2**32 - 1), clips=st.lists(st.integers(1, MOST), min_size=1, max_size=20))
def test_predictions_are_those_of_the_mean_softmax(seed, clips):
    scores, videos = made(seed, clips)
    found = predictions(scores, CLASSES, videos)
    first, right, clips_right = 0, 0, 0
    for number, count in enumerate(clips):
        shares = reference(scores[first : first + count].astype(np.float64), axis=1)
        first += count
        row, mean = {name: column[number] for name, column in found.rows.items()}, shares.mean(0)
        order = [CLASSES[best] for best in np.argsort(-mean, kind="stable")]
        assert (row["video"], row["label"], row["clips"]) == (videos.names[number], videos.labels[number], count)
        assert row["predicted"] == order[0]
        assert row["score"] == pytest.approx(mean.max(), abs=5.1e-5)
        assert row["rank"] == order.index(row["label"]) + 1
        assert row["clips_correct"] == sum(CLASSES[best] == row["label"] for best in shares.argmax(1))
        right, clips_right = right + (row["rank"] == 1), clips_right + row["clips_correct"]
    accuracies = found.accuracies()
    assert accuracies["video_accuracy"] == pytest.approx(right / len(clips))
    assert accuracies["clip_accuracy"] == pytest.approx(clips_right / sum(clips))


@pytest.mark.parametrize("crops", [1, 3])
def test_a_clip_is_as_its_crops_are_together(crops):
    clips = [3, 1, 4, 2]
    scores, videos = made(0, [count * crops for count in clips])
    found = predictions(scores, CLASSES, replace(videos, clips=clips, crops=crops)).rows
    shares = reference(scores.astype(np.float64), axis=1).reshape(sum(clips), crops, -1).mean(1)
    of_videos = np.split(shares, np.cumsum(clips)[:-1])
    true = [CLASSES.index(label) for label in videos.labels]
    assert found["clips"] == clips
    assert found["clips_correct"] == [(s.argmax(1) == best).sum() for s, best in zip(of_videos, true, strict=True)]
    assert found["score"] == pytest.approx([s.mean(0).max() for s in of_videos], abs=5.1e-5)


def test_of_equal_classes_the_first_is_better():
    scores = np.zeros((2, 3), np.float16)
    videos = Videos(["a", "b"], ["a", "b"], ["down", "up"], [1, 1], 1)
    rows = predictions(scores, CLASSES[:3], videos).rows
    assert (rows["predicted"], rows["rank"], rows["clips_correct"]) == (["up", "up"], [2, 1], [0, 1])


def test_the_largest_scores_that_are_kept_have_a_softmax():
    shares = softmax(np.array([[65504, -65504, 65504], [-65504, -65504, 0]], np.float16))
    np.testing.assert_array_equal(shares, [[0.5, 0, 0.5], [0, 0, 1]])


def test_scores_of_other_clips_are_no_predictions():
    scores, videos = made(0, [2, 3])
    with pytest.raises(ValueError, match="5 clips x 1, but 4 rows of scores"):
        predictions(scores[1:], CLASSES, videos)
    with pytest.raises(ValueError, match="5 clips x 3, but 5 rows of scores"):
        predictions(scores, CLASSES, replace(videos, crops=3))

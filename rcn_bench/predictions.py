"""What the scores of clips come to: a prediction of every video, and accuracies. All from the scores as they are kept.

So anybody who has the scores of an evaluation comes to the same numbers, without weights, videos or a GPU.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rcn_bench.intervals import Scores
from rcn_bench.softmax import ClassScores, shares_of_clips


@dataclass(frozen=True)
class Videos:
    """Those that are evaluated, in one order.

    names, groups, labels, clips: of each its name, what it hangs together with, its true label, and how many clips of
    it are scored. clips_per_video: the most that one has. crops: of every clip.
    """

    names: Sequence[str]
    groups: Sequence[str]
    labels: Sequence[str]
    clips: Sequence[int]
    clips_per_video: int
    crops: int = 1


@dataclass(frozen=True)
class Predictions:
    """What an evaluation says of its videos.

    rows: the columns of predictions.csv, a value a video. of_clips, of_videos: how much of each video is right.
    """

    rows: dict[str, Sequence[Any]]
    of_clips: Scores
    of_videos: Scores

    def accuracies(self) -> dict[str, Any]:
        """By the names that the record of an evaluation has for them: from 0 to 1, with 95 % intervals."""
        return {
            "clip_accuracy": sum(self.rows["clips_correct"]) / sum(self.rows["clips"]),
            "clip_interval": self.of_clips.interval(),
            "video_accuracy": self.of_videos.accuracy,
            "video_interval": self.of_videos.interval(),
        }


def predictions(scores: ClassScores, classes: Sequence[str], videos: Videos) -> Predictions:
    """A video's prediction is the best class by the mean softmax of its clips; a clip's, by that of its crops.

    classes: the labels of the scores' columns. Of classes with the same score the first is better.
    Errors: ValueError if the scores are of more or fewer clips than the videos have.
    """
    if sum(videos.clips) * videos.crops != len(scores):
        raise ValueError(f"{sum(videos.clips)} clips x {videos.crops}, but {len(scores)} rows of scores")
    column = {label: index for index, label in enumerate(classes)}
    predicted, score, rank, clips_correct = [], [], [], []
    of_videos = np.split(scores, np.cumsum(videos.clips)[:-1] * videos.crops)
    for of_video, label in zip(of_videos, videos.labels, strict=True):
        of_clips, true = shares_of_clips(of_video, videos.crops), column[label]
        mean = of_clips.mean(0)
        best = int(mean.argmax())
        predicted.append(classes[best])
        score.append(round(float(mean[best]), 4))
        rank.append(int((mean > mean[true]).sum() + (mean[:true] == mean[true]).sum()) + 1)
        clips_correct.append(int((of_clips.argmax(1) == true).sum()))
    named = {"video": videos.names, "group": videos.groups, "label": videos.labels, "predicted": predicted}
    counted = {"rank": rank, "clips_correct": clips_correct, "clips": videos.clips}
    return Predictions(
        rows={**named, "score": score, **counted},
        of_clips=Scores.of_clips(clips_correct, videos.clips, videos.clips_per_video, videos.groups),
        of_videos=Scores.of_videos(np.asarray(rank) == 1, videos.groups),
    )


def views(clips: int, crops: int) -> str:
    """Such as 10 clips x 3 crops: how often a network sees a video."""
    return f"{clips} clip{'s' * (clips != 1)} x {crops} crop{'s' * (crops != 1)}"

"""Which frames make a clip, and the data sets of training and evaluation clips."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from rcn_bench.data.cache import Cache, CachedVideo, Skipped
from rcn_bench.errors import InputError

Transform = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class ClipLayout:
    """A clip is ``frames`` frames, every ``stride``-th one of the video."""

    frames: int
    stride: int

    @property
    def span(self) -> int:
        """Frames of the video from a clip's first to its last."""
        return (self.frames - 1) * self.stride + 1


def evaluation_starts(video_frames: int, span: int, clips: int) -> list[int]:
    """First frames of ``clips`` clips spread evenly over a video, all different.

    The clips of a video, reversed, are the clips of the reversed video: start i and start (last - i) lie equally far
    from the two ends. Only with an odd number of clips and odd room for them the middle one is half a frame off.
    Errors: ValueError if the video is too short for that many different clips.
    """
    room = video_frames - span
    # Round the first half down and mirror it; round() alone would break the symmetry at halves.
    first_half = [i * room // max(clips - 1, 1) for i in range(clips // 2)]
    middle = [room // 2] if clips % 2 else []
    starts = first_half + middle + [room - start for start in reversed(first_half)]
    if room < 0 or len(set(starts)) < clips:
        raise ValueError(f"{video_frames} frames, too few for {clips} different clips of {span}")
    return starts


class TrainingClips(Dataset):
    """One randomly placed, augmented clip of every video (temporal jitter); (C, T, H, W) float and its class.

    The clip of a video depends only on (seed, epoch, its index), not on the order or number of workers.
    Errors: InputError if no video is long enough. ``skipped`` lists the ones that are not.
    """

    def __init__(self, cache: Cache, layout: ClipLayout, transform: Transform, seed: int) -> None:
        self.cache, self.layout, self.transform, self.seed, self.epoch = cache, layout, transform, seed, 0
        self.videos = [video for video in cache.videos if video.shape[0] >= layout.span]
        self.skipped = cache.skipped + [
            Skipped(v.id, f"{v.shape[0]} frames, a clip needs {layout.span}")
            for v in cache.videos
            if v.shape[0] < layout.span
        ]
        if not self.videos:
            raise InputError(f"no training video has the {layout.span} frames that a clip needs")
        self._classes = {label: i for i, label in enumerate(cache.labels)}

    def __len__(self) -> int:
        return len(self.videos)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        video = self.videos[index]
        key = np.random.SeedSequence([self.seed, self.epoch, index]).generate_state(1, np.uint64)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(key[0]))
            start = int(torch.randint(video.shape[0] - self.layout.span + 1, ()))
            clip = self.transform(_read_clip(self.cache, video, self.layout, start))
        return clip, self._classes[video.label]


class EvaluationClips(Dataset):
    """Evenly spread clips of every video: (clips, C, T, H, W) float, in the order of ``videos``.

    ``skipped`` lists the videos too short for that many different clips. Errors: InputError if all are.
    """

    def __init__(self, cache: Cache, layout: ClipLayout, transform: Transform, clips: int) -> None:
        self.cache, self.layout, self.transform = cache, layout, transform
        self.videos: list[CachedVideo] = []
        self.starts: list[list[int]] = []
        self.skipped = list(cache.skipped)
        for video in cache.videos:
            try:
                self.starts.append(evaluation_starts(video.shape[0], layout.span, clips))
                self.videos.append(video)
            except ValueError as error:
                self.skipped.append(Skipped(video.id, str(error)))
        if not self.videos:
            raise InputError(f"no validation video is long enough for {clips} different clips of {layout.span} frames")

    def __len__(self) -> int:
        return len(self.videos)

    def __getitem__(self, index: int) -> Tensor:
        video = self.videos[index]
        clips = [self.transform(_read_clip(self.cache, video, self.layout, start)) for start in self.starts[index]]
        return torch.stack(clips)


def _read_clip(cache: Cache, video: CachedVideo, layout: ClipLayout, start: int) -> Tensor:
    """uint8 (T, C, H, W)."""
    frames = cache.frames(video)[start : start + layout.span : layout.stride]
    return torch.from_numpy(frames.copy()).permute(0, 3, 1, 2)

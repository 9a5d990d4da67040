"""Which frames make a clip, and the data sets of training and evaluation clips."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from rcn_bench.data.cache import Cache, CachedVideo, Skipped
from rcn_bench.data.transforms import Augmentation, centre_crop, cut
from rcn_bench.data.video import Frames
from rcn_bench.errors import InputError


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
    """One randomly placed clip of every video (temporal jitter), and how it is to be augmented on the device.

    An item, asked for by (epoch, index), is the box of pixels around the clip's random view, uint8 (T, S, S, 3), the
    map (2, 3) of that view for ``transforms.warp``, and the class.
    It depends only on (seed, epoch, index), not on the order or number of workers.
    Errors: InputError if no video is long enough. ``skipped`` lists the ones that are not.
    """

    def __init__(self, cache: Cache, layout: ClipLayout, augmentation: Augmentation, seed: int) -> None:
        self.cache, self.layout, self.augmentation, self.seed = cache, layout, augmentation, seed
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

    def __getitem__(self, key: tuple[int, int]) -> tuple[Tensor, Tensor, int]:
        epoch, index = key
        video, rng = self.videos[index], np.random.default_rng([self.seed, epoch, index])
        start = int(rng.integers(video.shape[0] - self.layout.span + 1))
        view = self.augmentation.draw(video.shape[1], video.shape[2], rng)
        box = cut(_clip(self.cache, video, self.layout, start), view.left, view.top, self.augmentation.box)
        return torch.from_numpy(box), torch.from_numpy(view.map), self._classes[video.label]


class EpochOrder(Sampler[tuple[int, int]]):
    """The keys of all training clips in an epoch's random order, which depends only on (seed, epoch)."""

    def __init__(self, clips: TrainingClips) -> None:
        self.clips, self.epoch = clips, 0

    def __len__(self) -> int:
        return len(self.clips)

    def __iter__(self) -> Iterator[tuple[int, int]]:
        order = np.random.default_rng([self.clips.seed, self.epoch]).permutation(len(self.clips))
        return ((self.epoch, int(index)) for index in order)


class EvaluationClips(Dataset):
    """Evenly spread clips of every video, their centres: uint8 (clips, T, crop, crop, 3), in the order of ``videos``.

    crop: None for whole frames. ``skipped`` lists the videos too short for that many different clips.
    Errors: InputError if all are.
    """

    def __init__(self, cache: Cache, layout: ClipLayout, crop: int | None, clips: int) -> None:
        self.cache, self.layout, self.crop = cache, layout, crop
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
        clips = [_clip(self.cache, video, self.layout, start) for start in self.starts[index]]
        if self.crop is not None:
            clips = [centre_crop(clip, self.crop) for clip in clips]
        return torch.from_numpy(np.stack(clips))


def _clip(cache: Cache, video: CachedVideo, layout: ClipLayout, start: int) -> Frames:
    """(T, H, W, 3)."""
    return cache.frames(video, start, start + layout.span, layout.stride)

"""The data sets of training and evaluation clips."""

import copy
from collections.abc import Iterable, Iterator

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset, Sampler, default_collate

from rcn_bench.data.cache.index import Cache, CachedVideo
from rcn_bench.data.crops import cut, spread_crops
from rcn_bench.data.frames import ClipLayout, Frames, evaluation_starts, too_narrow
from rcn_bench.data.long_enough import long_enough
from rcn_bench.data.transforms import Augmentation
from rcn_bench.errors import InputError


class TrainingClips(Dataset):
    """One randomly placed clip of every video (temporal jitter), and how it is to be augmented on the device.

    lead: clips before it that are shown too, as if the video ran in a loop; the item is then that much longer.
    An item, asked for by (epoch, index), is the box of pixels around the clip's random view, uint8 (T, S, S, 3), the
    map (2, 3) of that view for ``transforms.warp``, and the class.
    It depends only on (seed, epoch, index), not on the order or number of workers.
    Errors: InputError if no video is long enough. ``counts``: of how many videos, with those that are not.
    """

    def __init__(
        self, cache: Cache, layout: ClipLayout, augmentation: Augmentation, seed: int, *, lead: int = 0
    ) -> None:
        self.cache, self.layout, self.augmentation, self.seed, self.lead = cache, layout, augmentation, seed, lead
        self.videos, self.counts = long_enough(cache, layout)
        self._classes = {label: i for i, label in enumerate(cache.labels)}

    def __len__(self) -> int:
        return len(self.videos)

    def __getitem__(self, key: tuple[int, int]) -> tuple[Tensor, Tensor, int]:
        epoch, index = key
        video, rng = self.videos[index], np.random.default_rng([self.seed, epoch, index])
        start = int(rng.integers(video.shape[0] - self.layout.span + 1))
        view = self.augmentation.draw(video.shape[1], video.shape[2], rng)
        box = cut(self._shown(video, start), view.left, view.top, self.augmentation.box)
        return torch.from_numpy(box), torch.from_numpy(view.map), self._classes[video.label]

    def _shown(self, video: CachedVideo, start: int) -> Frames:
        """The clip that starts there, with those before it."""
        clip, stride = _clip(self.cache, video, self.layout, start), self.layout.stride
        if not self.lead:
            return clip
        before = (start - stride * np.arange(self.lead * self.layout.frames, 0, -1)) % video.shape[0]
        parts = np.split(before, np.flatnonzero(np.diff(before) != stride) + 1)  # of the video, one after the other
        frames = [self.cache.frames(video, int(part[0]), int(part[-1]) + 1, stride) for part in parts]
        return np.concatenate([*frames, clip])


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
    """Evenly spread clips of every video: uint8 (clips x crops, T, crop, crop, 3), in the order of ``videos``.

    clips: the most of a video; one too short for as many different ones gives as many as fit. crop: None for whole
    frames. crops: of each clip, behind each other: its centre, or so many along the longer side.
    ``counts``: as for training. ``largest``: bytes of the clips of the video that has most.
    Errors: InputError if all videos are too short, or one's frames hold no such crops that differ.
    """

    def __init__(self, cache: Cache, layout: ClipLayout, crop: int | None, clips: int, crops: int = 1) -> None:
        self.cache, self.layout, self.crop, self.most, self.crops = cache, layout, crop, clips, crops
        self.videos, self.counts = long_enough(cache, layout)
        self.starts = [evaluation_starts(video.shape[0], layout.span, clips) for video in self.videos]
        if crop is not None:
            _require_different_crops(cache, self.videos, crop, crops)
        pixels = [crops * crop**2 if crop else video.shape[1] * video.shape[2] for video in self.videos]
        self.largest = 3 * layout.frames * max(len(s) * p for s, p in zip(self.starts, pixels, strict=True))

    def __len__(self) -> int:
        return len(self.videos)

    def shared(self, rank: int, world: int) -> "EvaluationClips":
        """Those of every ``world``-th video from the ``rank``-th on."""
        share = copy.copy(self)
        share.videos, share.starts = self.videos[rank::world], self.starts[rank::world]
        return share

    def __getitem__(self, index: int) -> Tensor:
        clips = self._whole(self.videos[index], self.starts[index])
        if self.crop is not None:
            clips = [view for clip in clips for view in spread_crops(clip, self.crop, self.crops)]
        return torch.from_numpy(np.stack(clips))

    def _whole(self, video: CachedVideo, starts: list[int]) -> list[Frames]:
        """The clips that start there, not yet cropped; where they overlap, the video is read and decoded once."""
        if len(starts) * self.layout.frames <= video.shape[0]:
            return [_clip(self.cache, video, self.layout, start) for start in starts]
        return self.layout.clips(self.cache.frames(video), starts)


def _require_different_crops(cache: Cache, videos: Iterable[CachedVideo], crop: int, crops: int) -> None:
    for video in videos:
        if narrow := too_narrow(video.shape[1], video.shape[2], crop, crops):
            raise InputError(f"{cache.path}: {video.id}: {narrow}; set clip.evaluation_crops to 1")


def together(items: list[Tensor]) -> tuple[Tensor, list[int]]:
    """For a loader of EvaluationClips: the clips of a batch, video after video, and how many each video has.

    ``default_collate`` puts a worker's into shared memory at once: the thread that would do so later tells nobody of
    its errors, and the clips would be waited for for ever.
    """
    return default_collate([clip for item in items for clip in item]), [len(item) for item in items]


def _clip(cache: Cache, video: CachedVideo, layout: ClipLayout, start: int) -> Frames:
    """(T, H, W, 3)."""
    return cache.frames(video, start, start + layout.span, layout.stride)

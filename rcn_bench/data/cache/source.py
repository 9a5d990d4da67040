"""What the cache of a split is made of, and where."""

from collections.abc import Collection
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from rcn_bench.data.cache.shard import Storage
from rcn_bench.data.media.footage import Footage
from rcn_bench.data.media.kinds import stamp
from rcn_bench.errors import InputError
from rcn_bench.lists.formats import VideoList, read_list
from rcn_bench.lists.lookup import Lookup
from rcn_bench.lists.spelling import require_one_spelling
from rcn_bench.lists.video import Video
from rcn_bench.plan.experiment import Experiment
from rcn_bench.plan.stages import cached_from

PLAIN = Storage()


@dataclass(frozen=True)
class Source:
    """annotations: the list of videos, whose files lie below root.

    index: the file that the cache is known by. report: what was found of every video, a CSV. labels: those that are
    known; None: all. max_bad: the share of videos (0 to 1) that may be unusable, which are then skipped and listed.
    follow_links: whether links may lead out of root. listed: the videos of the list, where it has been read before.
    made_from: the values of the config that decide what the cache holds.
    """

    annotations: Path
    root: Path
    index: Path
    report: Path
    storage: Storage = PLAIN
    shard_videos: int = 500
    labels: Collection[str] | None = None
    max_bad: float = 0.0
    follow_links: bool = True
    listed: VideoList | None = None
    made_from: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, experiment: Experiment, split: str) -> "Source":
        """That of an experiment's split.

        Errors: InputError if its list or that of training cannot be read, or if they spell a class in two ways.
        """
        dataset, data = experiment.dataset, experiment.data
        trained, listed = dataset.listed("train"), dataset.listed(split)
        require_one_spelling(trained.first_places, listed.first_places)
        return cls(
            dataset.annotations(split),
            dataset.videos,
            experiment.paths.cache(split),
            experiment.paths.check(split),
            Storage(dataset.short_side, dataset.frame_rate, data.jpeg_quality, dataset.pictures_per_second),
            data.shard_videos,
            # A validation video of a class that was not trained could not be right.
            {video.label for video in trained},
            data.max_bad,
            data.follow_links,
            listed,
            cached_from(experiment, split),
        )

    @property
    def folder(self) -> Path:
        """Of the shards."""
        return self.index.with_suffix("")

    @cached_property
    def videos(self) -> VideoList:
        """All of the list. Errors: InputError for one that cannot be read."""
        return read_list(self.annotations, self.root) if self.listed is None else self.listed

    @cached_property
    def shards(self) -> list[list[Video]]:
        """The videos of each shard. Errors: InputError for a missing folder, or a list that cannot be read."""
        if not self.root.is_dir():
            raise InputError(f"{self.root}: no such video folder; check data.videos")
        starts = range(0, len(self.videos), self.shard_videos)
        return [self.videos[start : start + self.shard_videos] for start in starts]

    @cached_property
    def lookup(self) -> Lookup:
        return Lookup(self.root, self.videos, follow_links=self.follow_links)

    def path(self, video: Video) -> Path:
        return self.lookup.path(video)

    def footage(self, video: Video) -> Footage:
        return Footage(str(self.path(video)), video.span, self.storage.pictures_per_second)

    def is_gone(self, video: Video) -> bool:
        return stamp(self.path(video)) == (0, 0)

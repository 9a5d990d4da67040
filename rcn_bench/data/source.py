"""What the cache of a split is made of, and where."""

from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from rcn_bench.data.annotations import Video, read_annotations, video_path
from rcn_bench.data.check import stamp
from rcn_bench.data.shard import Storage
from rcn_bench.errors import InputError
from rcn_bench.experiment import Config, shard_videos, stored_frames
from rcn_bench.layout import Layout

PLAIN = Storage()


@dataclass(frozen=True)
class Source:
    """annotations: the list of videos, whose files lie below root.

    index: the file that the cache is known by. report: what was found of every video, a CSV. labels: those that are
    known; None: all. max_bad: the share of videos (0 to 1) that may be unusable, which are then skipped and listed.
    """

    annotations: Path
    root: Path
    index: Path
    report: Path
    storage: Storage = PLAIN
    shard_videos: int = 500
    labels: Collection[str] | None = None
    max_bad: float = 0.0

    @classmethod
    def of(cls, config: Config, layout: Layout, split: str) -> "Source":
        """That of an experiment's split. Errors: InputError if its list or that of training cannot be read."""
        annotations, root = layout.annotations(config, split), layout.videos(config)
        # A validation video of a class that was not trained could not be right.
        labels = {video.label for video in read_annotations(layout.annotations(config, "train"), root)}
        return cls(
            annotations,
            root,
            layout.cache(split),
            layout.check(split),
            Storage(**stored_frames(config), jpeg_quality=config["data"].get("jpeg_quality")),
            shard_videos(config),
            labels,
            config["data"]["max_bad"],
        )

    @property
    def folder(self) -> Path:
        """Of the shards."""
        return self.index.with_suffix("")

    @cached_property
    def shards(self) -> list[list[Video]]:
        """The videos of each shard. Errors: InputError for a missing folder, or a list that cannot be read."""
        if not self.root.is_dir():
            raise InputError(f"{self.root}: no such video folder; check data.videos")
        videos = read_annotations(self.annotations, self.root)
        return [videos[start : start + self.shard_videos] for start in range(0, len(videos), self.shard_videos)]

    def path(self, video: Video) -> Path:
        return video_path(self.root, video)

    def is_gone(self, video: Video) -> bool:
        return stamp(self.path(video)) == (0, 0)

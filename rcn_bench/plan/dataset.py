"""The videos of an experiment: where their lists and files lie, and how their frames are kept."""

from abc import ABC, abstractmethod
from functools import cached_property
from pathlib import Path

from rcn_bench.code import load_plugins
from rcn_bench.lists.formats import VideoList, list_files, read_list
from rcn_bench.plan.paths import Paths
from rcn_bench.plan.sections import Data, Digits


class DataSet(ABC):
    """What the rest asks of any data set, so that nothing else need know which it is.

    videos: the folder that its lists' paths start from. short_side, frame_rate: as frames are kept in the cache.
    pictures_per_second: of videos that are folders of pictures, if it is known.
    twins: every evaluation video stands beside its exact reversal, in another class. formats: modules that register
    list formats of the user's own. format: the name of that of the lists; None: it is guessed.
    """

    videos: Path
    short_side: int | None
    frame_rate: float | None
    pictures_per_second: float | None
    twins: bool
    formats: tuple[str, ...] = ()
    format: str | None = None

    @abstractmethod
    def annotations(self, split: str) -> Path:
        """The list of a split's videos."""

    @abstractmethod
    def count(self, split: str) -> int | None:
        """How many videos a split has; None while its list is not there. Errors: InputError for a bad list."""

    def files(self, split: str) -> list[Path]:
        """Those that a split's list is read from; none, if it is not there or is a folder. Errors: as from listed."""
        load_plugins(self.formats)
        return list_files(self.annotations(split), self.format, self.formats)

    def is_there(self, split: str) -> bool:
        """Whether a split has a list, or a folder of class folders."""
        return self.annotations(split).is_dir() or bool(self.files(split))

    def listed(self, split: str) -> VideoList:
        """The videos of a split; its list is read once. Errors: InputError for a bad list."""
        return self.read(self.annotations(split))

    def read(self, source: Path) -> VideoList:
        """The videos of a list or of a folder of class folders, which is read once."""
        if source not in self._lists_read:
            load_plugins(self.formats)
            self._lists_read[source] = read_list(source, self.videos, self.format, self.formats)
        return self._lists_read[source]

    @cached_property
    def _lists_read(self) -> dict[Path, VideoList]:
        return {}


class EmbeddedDigits(DataSet):
    """The moving digits, which a job of the workflow writes."""

    frame_rate = None
    pictures_per_second = None
    twins = True

    def __init__(self, digits: Digits, paths: Paths) -> None:
        self.digits, self.folder = digits, paths.data
        self.videos, self.short_side = paths.data / "videos", digits.canvas

    def annotations(self, split: str) -> Path:
        return self.folder / "annotations" / f"{split}.csv"

    def count(self, split: str) -> int:
        return {"train": self.digits.train_videos, "val": self.digits.val_videos}[split]


class OwnVideos(DataSet):
    """Videos of the user's, which nothing here writes."""

    twins = False

    def __init__(self, data: Data, formats: tuple[str, ...]) -> None:
        assert data.annotations is not None  # the config's check asks for both
        assert data.videos is not None
        self._lists = {"train": Path(data.annotations.train), "val": Path(data.annotations.val)}
        self.videos, self.short_side, self.frame_rate = Path(data.videos), data.short_side, data.frame_rate
        self.pictures_per_second = data.pictures_per_second
        self.formats, self.format = formats, data.format

    def annotations(self, split: str) -> Path:
        return self._lists[split]

    def count(self, split: str) -> int | None:
        return len(self.listed(split)) if self.is_there(split) else None

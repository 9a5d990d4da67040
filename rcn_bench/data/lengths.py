"""How long a list says that its videos are, against how long they are."""

from collections.abc import Iterable

from rcn_bench.lists.clips import claimed_seconds
from rcn_bench.lists.video import Video

# A video lacks something if it is shorter by more than this share, and more than a few seconds: lists count in whole
# seconds, copies are cut by many tools, and some videos end before their clips do.
MISSING_SHARE, FEW_SECONDS = 1 / 3, 1.0
MANY = 10  # videos that a list says the length of: where most of so many lack something the list means another cut


class Lengths:
    """What is missing of the videos of a list, by what it says.

    remark: a line, where the list is not believed; else "".
    """

    def __init__(self, videos: Iterable[tuple[Video, float]]) -> None:
        """videos: each with its seconds; 0 for one that cannot be used or has no times."""
        known = [(claimed_seconds(video), seconds) for video, seconds in videos if seconds]
        said = [_lacks(seconds, claimed) for claimed, seconds in known if claimed is not None]
        self.remark = ""
        if len(said) >= MANY and 2 * sum(said) > len(said):
            self.remark = f"{sum(said)} of {len(said)} videos are far shorter than the list says, so it is not believed"

    def missing(self, video: Video, seconds: float) -> str:
        """In words; empty if nothing is, as far as is known."""
        claimed = claimed_seconds(video)
        if self.remark or claimed is None or not _lacks(seconds, claimed):
            return ""
        return f"{seconds:.1f} s of the {claimed:g} that its list says"


def _lacks(seconds: float, claimed: float) -> bool:
    return 0 < seconds < claimed - max(FEW_SECONDS, MISSING_SHARE * claimed)

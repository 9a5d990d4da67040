"""How long a list says that a video is."""

import re
from pathlib import PurePosixPath

from rcn_bench.lists.clips import ClipName
from rcn_bench.lists.video import Video

OF_KINETICS = re.compile(r"[\w-]{11}_\d{6}_\d{6}\.\w+", re.ASCII)  # YouTube's id, and from when to when in its video


def claimed_seconds(video: Video) -> float | None:
    """By the times in the name of a clip, ID_START_END.mp4; None where its list or its name says nothing.

    A list of files may have names of any meaning: there only one that is spelled just as those of Kinetics counts.
    """
    name = PurePosixPath(video.paths[0]).name
    times = ClipName.of(name).times
    if times is None or video.span is not None or not (video.loose or OF_KINETICS.fullmatch(name)):
        return None
    start, end = times
    return end - start if end > start else None

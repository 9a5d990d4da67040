"""Cameras of this machine (Video4Linux)."""

from pathlib import Path

import av

from rcn_bench.data.media.clock import NEW_RECORDING, Clock
from rcn_bench.data.media.files import failure, time_of
from rcn_bench.data.media.medium import Medium, TimedPictures, UnreadableVideo
from rcn_bench.data.media.shown import Screen


class Camera(Medium):
    """source: its number, as text."""

    is_live = True

    @classmethod
    def takes(cls, source: str | Path) -> bool:
        return isinstance(source, str) and source.isdecimal()

    def frames(self) -> TimedPictures:
        name = f"/dev/video{self.source}"
        try:
            with av.open(name, format="v4l2") as container:
                video = container.streams.video[0]
                video.thread_type = "NONE"  # threads would hold frames back
                screen, clock = Screen(video), Clock(longest_gap=NEW_RECORDING)
                for frame in container.decode(video):
                    yield clock.time(time_of(frame)), screen.picture(frame)
        except av.FFmpegError as error:
            raise UnreadableVideo(f"camera {name}, {failure(error)}") from error

"""Cameras of this machine (Video4Linux)."""

from collections.abc import Iterator
from pathlib import Path

import av

from rcn_bench.data.media.files import DecodedPicture, failure, time_of
from rcn_bench.data.media.medium import Medium, Picture, UnreadableVideo


class Camera(Medium):
    """source: its number, as text."""

    @classmethod
    def takes(cls, source: str | Path) -> bool:
        return isinstance(source, str) and source.isdecimal()

    def frames(self) -> Iterator[tuple[float, Picture]]:
        name = f"/dev/video{self.source}"
        try:
            with av.open(name, format="v4l2") as container:
                container.streams.video[0].thread_type = "NONE"  # threads would hold frames back
                for frame in container.decode(video=0):
                    yield time_of(frame), DecodedPicture(frame)
        except av.FFmpegError as error:
            raise UnreadableVideo(f"camera {name}, {failure(error)}") from error

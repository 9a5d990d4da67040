"""Cameras of this machine (Video4Linux)."""

from pathlib import Path

import av
from av.container import InputContainer

from rcn_bench.data.media.live import Live
from rcn_bench.data.media.medium import TimedPictures, UnreadableVideo


class Camera(Live):
    """source: its number, as text."""

    returns = True

    @classmethod
    def takes(cls, source: str | Path) -> bool:
        return isinstance(source, str) and source.isdecimal()

    def connected(self) -> InputContainer:
        return av.open(self._device, format="v4l2")

    def frames(self) -> TimedPictures:
        try:
            yield from super().frames()
        except UnreadableVideo as error:
            raise UnreadableVideo(f"camera {self._device}, {error}") from error
        raise UnreadableVideo(f"camera {self._device}, no more frames")  # no camera ends by itself

    @property
    def _device(self) -> str:
        return f"/dev/video{self.source}"

"""The kinds of media that there are."""

from pathlib import Path

from rcn_bench.data.media.address import Address, Http, Rtsp
from rcn_bench.data.media.camera import Camera
from rcn_bench.data.media.files import VideoFile
from rcn_bench.data.media.medium import Medium, Stamp
from rcn_bench.data.media.pictures import Pictures
from rcn_bench.data.media.pipe import Pipe

# The first that takes a source opens it; the last takes any.
KINDS: tuple[type[Medium], ...] = (Camera, Pipe, Rtsp, Http, Address, Pictures, VideoFile)


def medium_of(source: str | Path, rate: float | None = None) -> Medium:
    """source: a path or, as text, whatever the user may give for one, such as the number of a camera.

    rate: frames a second, for one that has no clock of its own.
    """
    return next(kind for kind in KINDS if kind.takes(source))(source, rate)


def stamp(path: Path) -> Stamp:
    """By which a video is known again; NOT_THERE if it is not."""
    return medium_of(path).stamp()

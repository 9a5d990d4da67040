"""The kinds of media that there are."""

from pathlib import Path

from rcn_bench.data.media.camera import Camera
from rcn_bench.data.media.files import VideoFile
from rcn_bench.data.media.medium import Medium, Stamp

KINDS: tuple[type[Medium], ...] = (Camera, VideoFile)  # the first that takes a source opens it; the last takes any


def medium_of(source: str | Path) -> Medium:
    """source: a path or, as text, whatever the user may give for one, such as the number of a camera."""
    return next(kind for kind in KINDS if kind.takes(source))(source)


def stamp(path: Path) -> Stamp:
    """By which a video is known again; NOT_THERE if it is not."""
    return medium_of(path).stamp()

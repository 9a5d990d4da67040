"""What any video is to the rest: frames with their times, in order, and a stamp by which it is known again."""

from abc import ABC, abstractmethod
from collections.abc import Generator
from pathlib import Path
from typing import Protocol

from rcn_bench.data.frames import Frames
from rcn_bench.errors import InputError

Stamp = tuple[int, int]  # bytes, and time of the last change in ns
NOT_THERE: Stamp = (0, 0)
NO_VIDEO = "not a video"  # the kind of reason for what nobody can have meant, such as a text beside the videos


class UnreadableVideo(Exception):
    """A video that cannot be used; the message is the reason without the path.

    decoding: the kind of reason, a word or two, as in a finding. detail: more of it.
    """

    def __init__(self, detail: str, decoding: str = "unreadable") -> None:
        super().__init__(detail if decoding == "unreadable" else reason_of(decoding, detail))
        self.decoding, self.detail = decoding, detail


def reason_of(decoding: str, detail: str) -> str:
    return f"{decoding} ({detail})" if detail else decoding


class Picture(Protocol):
    """A frame that is turned into bytes only where it is asked for."""

    @property
    def height(self) -> int: ...

    @property
    def width(self) -> int: ...

    def rgb(self, short_side: int | None = None) -> Frames:
        """(H, W, 3), upright, scaled so that the shorter side has so many pixels. Errors: UnreadableVideo."""


TimedPictures = Generator[tuple[float, Picture], None, None]  # to be closed by who does not read it to the end


class Medium(ABC):
    """A video of one kind: a file, a camera, a folder of pictures.

    rate: frames a second of one that has no clock of its own, if it is known.
    Once its frames are read to the end, or as far as somebody wanted them, complaint says what was odd about it, though
    it can be used; claimed, how many frames it should have by its own account, 0 if it has none. absence: what more
    there is to say of one that is not there.
    """

    complaint: str = ""
    claimed: int = 0
    absence: str = ""
    has_clock: bool = True
    patience: float = 10.0  # seconds without a frame after which a connection is lost
    returns: bool = False  # whether a connection that is lost can be made again

    def __init__(self, source: str | Path, rate: float | None = None) -> None:
        self.source, self.rate = source, rate

    @property
    def name(self) -> str:
        """By which messages call it."""
        return str(self.source)

    @property
    def is_live(self) -> bool:
        """Whether frames go by while nobody reads them. Errors: UnreadableVideo where that has to be asked."""
        return False

    def require_times(self) -> None:
        """Before its frames are chosen by their times.

        Errors: InputError for a kind without a clock whose rate is not given: all of a data set would fail alike.
        """
        if not self.has_clock and self.rate is None:
            raise InputError(
                f"{self.source}: a folder of pictures does not say how many a second; set data.pictures_per_second or, "
                "without a config, --pictures-per-second"
            )

    @classmethod
    @abstractmethod
    def takes(cls, source: str | Path) -> bool:
        """Whether a source, a path or the text given for one, is of this kind."""

    @abstractmethod
    def frames(self) -> TimedPictures:
        """Each frame with its time in seconds (NaN if it has none), from the first to the last, as they come.

        Errors: UnreadableVideo, after the last frame too: if there should be more, or if there was none.
        """

    def stamp(self) -> Stamp:
        """By which a later look sees whether it is the same; NOT_THERE also for what can be looked at only once."""
        return NOT_THERE

    def sha256(self) -> str:
        """Of its content, by which copies are found; empty for what can be looked at only once. Errors: OSError."""
        return ""

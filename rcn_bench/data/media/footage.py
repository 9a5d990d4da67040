"""What is decoded for a video of a list: a file or a folder of pictures, or a span of it."""

import math
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from rcn_bench.data.media.claims import FEW, MISSING_SHARE
from rcn_bench.data.media.clock import Clock
from rcn_bench.data.media.kinds import medium_of
from rcn_bench.data.media.medium import Medium, TimedPictures, UnreadableVideo
from rcn_bench.lists.video import Span

SLACK = 5e-4  # seconds by which a frame may miss an end of its span: lists and clocks are rounded to milliseconds


@dataclass(frozen=True, slots=True)
class Footage:
    """path: of the file or the folder. span: the part that is meant; None: all of it.

    rate: pictures a second of a folder of pictures, if it is known.
    """

    path: str
    span: Span | None = None
    rate: float | None = None

    @classmethod
    def of(cls, source: "str | Path | Footage") -> "Footage":
        """All of a path; footage as it is."""
        return source if isinstance(source, Footage) else cls(str(source))

    @property
    def part(self) -> str:
        """The span in words, the same for the same span alone; empty for all of the file."""
        return str(self.span or "")

    def medium(self, by_times: bool = False) -> Medium:
        """by_times: whether its frames will be chosen by their times, as those of a span in seconds always are.

        Errors: InputError for pictures that have none.
        """
        medium = medium_of(Path(self.path), self.rate)
        if by_times or (self.span is not None and not self.span.in_frames):
            medium.require_times()
        return medium


def frames_of(medium: Medium, span: Span | None) -> TimedPictures:
    """A medium's frames or those of a span, with their times.

    The medium is read from its first frame on, as far as the span reaches: what comes behind it is not judged.
    Errors: UnreadableVideo, also for a span that holds nothing or reaches beyond the end.
    """
    return medium.frames() if span is None else _within(medium, span)


def _within(medium: Medium, span: Span) -> TimedPictures:
    if not 0 <= span.start < span.stop:
        raise UnreadableVideo(f"nothing lies in {span}", "too short")
    clock, slack = Clock(), 0.0 if span.in_frames else SLACK
    first, at, number, inside = math.nan, 0.0, 0, 0
    with closing(medium.frames()) as frames:
        for number, (time, picture) in enumerate(frames):
            passed = clock.time(time)
            first = passed if number == 0 else first
            at = number if span.in_frames else passed - first
            if math.isnan(at):
                raise UnreadableVideo("no time stamps")
            if at + slack >= span.stop:
                break
            if at + slack >= span.start:
                inside += 1
                yield time, picture
        else:
            _require_reached(medium, span, at + (1 if span.in_frames else at / max(number, 1)), number + 1)
    if not inside:
        raise UnreadableVideo(f"no frame lies in {span}", "too short")


def _require_reached(medium: Medium, span: Span, end: float, frames: int) -> None:
    """Of a medium that ended; if only a little is missing of its span, that is a complaint.

    end: of the medium, in the unit of the span. frames: that it has.
    """
    wanted, step = span.start if span.end is None else span.end, end / frames
    missing = f"ends after {end:.5g} {'frames' if span.in_frames else 'seconds'}, its span is {span}"
    if wanted - end > max(FEW * step, MISSING_SHARE * (wanted - span.start)):
        raise UnreadableVideo(missing, "truncated")
    if wanted - end > step / 2:
        medium.complaint = medium.complaint or missing

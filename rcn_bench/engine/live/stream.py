"""Predictions on video as its frames arrive, by a network that carries a state from frame to frame."""

import time
from dataclasses import dataclass

import numpy as np

from rcn_bench.data.media.kinds import medium_of
from rcn_bench.data.media.live import Live
from rcn_bench.data.media.medium import Medium, UnreadableVideo
from rcn_bench.engine.live.due import Due, Event, due_frames
from rcn_bench.engine.live.network import LiveNetwork, Network, model_frame
from rcn_bench.engine.live.report import JsonReport, Sums, TextReport
from rcn_bench.engine.live.seen import Seen
from rcn_bench.errors import InputError, warn


@dataclass(frozen=True)
class Source:
    """What a user gives: a video file, a folder of numbered pictures, an address, "-", or the number of a camera.

    pictures_per_second: of a folder. timeout: seconds without a frame after which a live source counts as lost;
    give_up: those after which it is not waited for any more. None of all: not said.
    """

    name: str
    pictures_per_second: float | None = None
    timeout: float | None = None
    give_up: float | None = None

    def medium(self) -> Medium:
        """Errors: InputError for what does not go with this kind of source."""
        medium = medium_of(self.name, self.pictures_per_second)
        if self.pictures_per_second is not None and medium.has_clock:
            raise InputError(f"{medium.name}: has a clock of its own; leave --pictures-per-second out")
        for option, value in (("--timeout", self.timeout), ("--give-up", self.give_up)):
            if value is not None and not isinstance(medium, Live):
                raise InputError(f"{medium.name}: is there as a whole; leave {option} out")
        medium.patience = medium.patience if self.timeout is None else self.timeout
        return medium


GIVE_UP = 60.0  # seconds


def stream(
    source: Source,
    network: Network,
    top: int,
    last: int | None,
    restart: int | None,
    as_json: bool = False,
    seen: Seen | None = None,
) -> None:
    """Print the best labels after every frame that the network takes, and sums at the end.

    Where a live source's frames come faster than the network takes them it is shown the newest, and the ticks that it
    missed are counted. Where such a source is lost it is tried again, and the network begins anew; Ctrl-C ends it.
    Frames are taken at the stride, size and crop that the run was trained with. The score of a label is the softmax
    of the mean of the frames' logits, over the ``last`` frames or over all: after a clip's frames, the clip's score.
    last, restart: as of LiveNetwork. seen: told of every answer.
    Errors: InputError, also for a source that cannot be read or is given up.
    """
    looking = LiveNetwork(network, last, restart)
    medium = source.medium()
    if looking.card.frame_rate is not None:
        medium.require_times()
    report, sums, reason = (JsonReport if as_json else TextReport)(medium.name), Sums(), "the source ended"
    give_up = GIVE_UP if source.give_up is None else source.give_up
    try:
        for each in due_frames(medium, looking.card.frame_rate, looking.card.stride, give_up):
            if isinstance(each, Due):
                _answer(each, looking, top, report, sums, seen)
            else:
                _tell(each, looking, give_up, report, sums)
    except UnreadableVideo as error:
        if sums.frames:
            report.end(sums, str(error))
        raise InputError(f"{medium.name}: {error}") from error
    except KeyboardInterrupt:
        if sums.frames == 0:
            raise
        reason = "interrupted"
    report.end(sums, reason)
    if medium.is_live and medium.complaint:
        warn(f"{medium.name}: {medium.complaint}")


def _answer(due: Due, network: LiveNetwork, top: int, report: TextReport, sums: Sums, seen: Seen | None) -> None:
    labels = network.card.labels
    frame = model_frame(due.picture, network.card)
    before = time.perf_counter()
    shares = network.probabilities(frame, f"{report.name} at {due.at:.2f} s")
    best = np.argsort(-shares, kind="stable")[:top]
    sums.add(due, time.perf_counter() - before)
    if seen:
        seen.add(due.at, frame, shares)
    report.answer(due, [(labels[each], float(shares[each])) for each in best])


def _tell(event: Event, network: LiveNetwork, give_up: float, report: TextReport, sums: Sums) -> None:
    if event.kind == "restarted":
        network.begin()
    if event.kind == "lost":
        sums.lost += 1
        event = Event(event.kind, {**event.facts, "give_up_s": give_up})
    report.event(event)

"""What live video costs with every model of the league, measured by turns in one process, so that they compare."""

import os
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from rcn_bench.analysis.cost import count_gmacs, count_step_gmacs
from rcn_bench.analysis.energy import EnergyCounter
from rcn_bench.analysis.others import watched_cores
from rcn_bench.analysis.timing import live_step, step_seconds
from rcn_bench.analysis.variants import Variant
from rcn_bench.code import load_plugins
from rcn_bench.engine.live.fastest import as_streamed
from rcn_bench.engine.room import room_for
from rcn_bench.engine.windows import frames_between_windows
from rcn_bench.errors import InputError, reason
from rcn_bench.models import model_options
from rcn_bench.models.frames import FrameNet
from rcn_bench.plan.experiment import Experiment
from rcn_bench.plan.products.league import league_of
from rcn_bench.process import Process
from rcn_bench.records.league import Batch, LeagueCosts, LiveCost
from rcn_bench.records.origins import begin

TURNS = 5  # of each model with each number of videos, so that all meet the machine as it is at several times
LEAST_OF_ONE, LEAST = 20, 3  # steps a turn: of one video for a 99th percentile, of several for a median
LONGEST = 5.0  # seconds of a step; what would take longer with so many videos at once is not measured


def measure_league(experiment: Experiment, threads: int) -> None:
    """Write latency, frames a second, GMACs, state and energy of every model of the league, in float32, at the crop.

    Networks are as streamed: made for inference, and on a GPU replayed as CUDA graphs.
    Errors: InputError without a league in the config, or for a model that cannot take its clips.
    """
    league = league_of(experiment)
    if league is None:
        raise InputError("tables.league: not there; it says which models run on live video")
    load_plugins(experiment.plugins)
    torch.set_num_threads(min(threads, os.cpu_count() or 1))
    origin, device = begin(experiment, "league"), Process.alone().device
    players = [_Player.of(model, league.frames, experiment, device) for model in league.costed]
    with watched_cores(torch.get_num_threads() if device.type == "cpu" else 1) as cores:
        for videos in [1, *sorted(league.videos)]:
            for _ in range(TURNS):
                for player in players:
                    player.take_turn(videos, experiment.profile.seconds / TURNS)
            for player in players:
                print(f"{player.model}, {player.told(videos)}", flush=True)
    rows = [player.cost() for player in players]
    LeagueCosts(origin=origin, rows=rows, cores_lacking=cores.lacking).write(experiment.paths.league)


@dataclass
class _Timed:
    """The turns of a model with so many videos. why_not: it has none more."""

    seconds: list[Tensor] = field(default_factory=list)
    joules: list[float] = field(default_factory=list)
    steps_of_joules: int = 0
    why_not: str | None = None

    @property
    def median(self) -> float:
        return float(torch.cat(self.seconds).quantile(0.5))


@dataclass
class _Player:
    """A model as it is streamed, and what its turns came to, by the number of videos."""

    model: str
    frames: int
    size: int
    network: nn.Module
    gmacs: float
    state_bytes: int
    device: torch.device
    energy: EnergyCounter
    turns: dict[int, _Timed] = field(default_factory=dict)

    @classmethod
    def of(cls, name: str, frames: int, experiment: Experiment, device: torch.device) -> "_Player":
        stem_pool = experiment.stem_pool if "stem_pool" in model_options(name) else None
        model = Variant(name, frames, stem_pool).build(experiment.profile.num_classes).eval()
        size = experiment.clip.crop
        try:
            with room_for(f"{name} on live video", "lower clip.crop"):
                gmacs, state_bytes = _counted(model, torch.zeros(1, 3, frames, size, size))
                network = as_streamed(model, device)
        except RuntimeError as error:
            what = f"{name}: cannot take {frames} frames of {size}x{size} ({reason(error)})"
            raise InputError(f"{what}; raise clip.crop, or leave it out of tables.league.models") from error
        return cls(name, frames, size, network, gmacs, state_bytes, device, EnergyCounter(device))

    @property
    def has_state(self) -> bool:
        return isinstance(self.network, FrameNet)

    @property
    def frames_per_answer(self) -> int:
        return 1 if self.has_state else frames_between_windows(self.frames)

    def take_turn(self, videos: int, seconds: float) -> None:
        """Answer again and again for so many seconds, unless so many videos are too many for this machine."""
        timed = self.turns.setdefault(videos, _Timed())
        if timed.why_not is None and not timed.seconds:
            timed.why_not = self._too_long(videos)
        if timed.why_not is None:
            try:
                with room_for(f"{self.model} on {_live(videos)}", "ask for fewer in tables.league.videos"):
                    self._answer(timed, videos, seconds)
            except InputError as error:
                timed.why_not = str(error)

    def _too_long(self, videos: int) -> str | None:
        """By the last number of videos, of which each takes at least as long as of more at once."""
        fewer = max((each for each in self.turns if each < videos), default=None)
        if fewer is None:
            return None
        if self.turns[fewer].why_not:
            return f"{fewer} videos are too many already"
        expected = self.turns[fewer].median * videos / fewer
        return f"a step would take about {expected:.0f} s" if expected > LONGEST else None

    def _answer(self, timed: _Timed, videos: int, seconds: float) -> None:
        # A step of a network with a state sees a frame, so that two do for a video.
        clip = torch.randn(videos, 3, 2 if self.has_state else self.frames, self.size, self.size, device=self.device)
        step = live_step(self.network, clip)
        step()
        before = self.energy.joules()
        times = step_seconds(step, seconds, self.device, LEAST_OF_ONE if videos == 1 else LEAST)
        after = self.energy.joules()
        timed.seconds.append(times)
        if before is not None and after is not None:
            timed.joules.append(after - before)
            timed.steps_of_joules += len(times) + 1  # and one to warm up

    def cost(self) -> LiveCost:
        times = self._timed_alone()
        p50, p99 = (1000 * times.quantile(times.new_tensor([0.5, 0.99]))).tolist()
        return LiveCost(
            model=self.model,
            by="state" if self.has_state else "window",
            frames=self.frames,
            frames_per_answer=self.frames_per_answer,
            size=self.size,
            gmacs_per_frame=self.gmacs / self.frames_per_answer,
            state_bytes=self.state_bytes,
            latency_p50_ms=round(p50, 4),
            latency_p99_ms=round(p99, 4),
            steps=len(times),
            alone=self._batch(1),
            several=[self._batch(videos) for videos in self.turns if videos > 1],
        )

    def _timed_alone(self) -> Tensor:
        """Errors: InputError if not even one video could be shown."""
        alone = self.turns[1]
        if alone.why_not:
            raise InputError(alone.why_not)
        return torch.cat(alone.seconds)

    def _batch(self, videos: int) -> Batch:
        timed = self.turns[videos]
        if timed.why_not:
            return Batch(videos, None, None, timed.why_not)
        frames = videos * self.frames_per_answer
        joules = sum(timed.joules) / timed.steps_of_joules / frames if any(timed.joules) else None  # it may stand still
        return Batch(videos, round(frames / timed.median, 2), None if joules is None else round(joules, 6), None)

    def told(self, videos: int) -> str:
        batch = self._batch(videos)
        what = _live(videos)
        if batch.frames_per_second is None:
            return f"{what}: not measured, since {batch.why_not}"
        energy = "" if batch.joules_per_frame is None else f", {batch.joules_per_frame:.3g} J a frame"
        return f"{what}: {1000 * self.turns[videos].median:.3f} ms a step, {batch.frames_per_second} frames/s{energy}"


def _live(videos: int) -> str:
    return f"{videos} live video{'s' if videos > 1 else ''}"


@torch.inference_mode()
def _counted(model: nn.Module, clip: Tensor) -> tuple[float, int]:
    """GMACs of an answer, and the bytes that are kept for the next: the state, or the frames of a window but one."""
    if not isinstance(model, FrameNet):
        return count_gmacs(model, clip), clip[:, :, 1:].numel() * clip.element_size()
    _, state = model.step(clip[:, :, 0], model.initial_state(1))
    return count_step_gmacs(model, clip), state.nbytes

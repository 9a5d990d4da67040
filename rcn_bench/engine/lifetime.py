"""State lifetime: how well a network recognises a video by frames long after its state last began anew."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from rcn_bench.data.crops import centre_crop
from rcn_bench.data.scenes import LongVideo, labels_of, long_videos
from rcn_bench.data.transforms import to_input
from rcn_bench.engine.device import place
from rcn_bench.engine.room import room_for
from rcn_bench.engine.scores import require_finite_scores
from rcn_bench.engine.step import Autocast
from rcn_bench.engine.trained import trained_weights
from rcn_bench.errors import InputError
from rcn_bench.models.frames import FrameNet
from rcn_bench.plan.experiment import Experiment
from rcn_bench.plan.run import Run
from rcn_bench.process import Process
from rcn_bench.records.lifetime import Lifetime, lifetime_columns
from rcn_bench.records.origins import begin
from rcn_bench.records.rows import write_rows
from rcn_bench.records.weights import Card

VIDEOS_PER_BATCH, FRAMES_AT_ONCE = 16, 32  # that lie in memory

View = Callable[[int, int], Tensor]  # the network's input from one frame of some videos to another, (N, 3, T, H, W)


def measure_lifetime(runs: Sequence[Run], experiment: Experiment) -> None:
    """Show trained runs long videos of the embedded kind, none seen before; writes a lifetime.csv and .json of each.

    A row a video and way: video, group, label, way, then for each age, in frames since the state began anew, 1 if the
    run is right, 0 if it is wrong, empty if it cannot tell. An age is the only thing that differs along a row of way
    ``last``: as much is seen at each, the frames of a clip of training that end there (of younger ages, all so far),
    and motions wrap, so that those are as hard at the end of a video as at its start. Ways of a network with a state:
    the mean of the logits of the ``last`` frames; of ``all`` frames so far, as ``stream --restart 0`` shows it; and of
    the last frames with the state ``restarted`` before them, which shows what those frames are worth without any age.
    Of any other network ``windows`` alone: its clips, which have no age and must be as good everywhere.
    A state that has grown beyond all numbers is wrong from then on. All runs see the same videos, which are drawn once;
    a run's file is what it would be if measured alone.
    Errors: InputError if the experiment has no lifetime or digits, if the weights are missing or of another config or
    of other digits, if scores of clips are not finite, or if there is too little memory; of several runs, those that
    can be are measured before.
    """
    crop, names = experiment.clip.crop, " ".join(run.name for run in runs)
    what = f"the lifetime of {names}, {VIDEOS_PER_BATCH} videos by {FRAMES_AT_ONCE} frames of {crop}x{crop}"
    with room_for(what, "lower clip.crop"):
        _measure(runs, experiment)


def ages_of(clip_frames: int, frames: int) -> list[int]:
    """Powers of two, and the frames of a training clip times those, as far as a video goes."""
    powers = [2**power for power in range(frames.bit_length())]
    return sorted({age for power in powers for age in (power, power * clip_frames) if age <= frames})


def _measure(runs: Sequence[Run], experiment: Experiment) -> None:
    digits, lifetime = experiment.lifetime_of(max(runs, key=lambda run: run.frames))
    torch.set_num_threads(experiment.train.threads)
    measurements = [_Measurement(run, experiment, labels_of(digits), lifetime.frames) for run in runs]
    refused: list[str] = []
    drawn = long_videos(digits, lifetime.videos, lifetime.frames, experiment.clip.stride)
    while measurements and (videos := list(islice(drawn, VIDEOS_PER_BATCH))):
        for measurement in measurements.copy():
            try:
                measurement.show(videos)
            except InputError as error:
                measurements.remove(measurement)
                refused.append(f"{measurement.run.name}: {error}")
    for measurement in measurements:
        measurement.write()
    if refused:
        raise InputError("; ".join(refused))


class _Measurement:
    """That of one run: its network, and the rows of the videos shown to it so far."""

    def __init__(self, run: Run, experiment: Experiment, labels: Sequence[str], frames: int) -> None:
        """labels, frames: of the long videos."""
        self.run, self.process, paths = run, Process.alone(), experiment.paths
        model, self.card, self.weights_sha256 = trained_weights(run, experiment)
        self.file = paths.lifetime(run)
        self.origin = begin(experiment, "lifetime", run.name, [(paths.weights(run), self.weights_sha256)])
        self.model = place(model, self.process.device).eval()
        self.autocast = Autocast(experiment.train.autocast, self.process.device)
        self.ages = ages_of(self.card.frames, frames)
        self.rows: list[dict[str, object]] = []
        _require_labels(labels, self.card, paths.weights(run))

    def show(self, videos: Sequence[LongVideo]) -> None:
        card, kind = self.card, self.autocast.kind
        require_finite = partial(require_finite_scores, videos=[video.id for video in videos], autocast=kind)
        view = partial(_view, videos, card.crop, self.process.device)
        with torch.inference_mode(), self.autocast.context():
            scores = scores_by_age(self.model, view, self.ages, card.frames, require_finite)
        classes = torch.tensor([card.labels.index(video.label) for video in videos])
        for way, of_videos in scores.items():
            score = of_videos.cpu()
            right = ((score.argmax(2) == classes[:, None]) & score.isfinite().all(2)).double()
            right = right.where(~score.isnan().any(2), torch.nan)
            for video, of_video in zip(videos, right.tolist(), strict=True):
                by_age = dict(zip(map(str, self.ages), of_video, strict=True))
                self.rows.append({"video": video.id, "group": video.group, "label": video.label, "way": way, **by_age})

    def write(self) -> None:
        table = pd.DataFrame(self.rows)
        columns = {str(name): table[name] for name in table}
        sha256 = write_rows(self.file, lifetime_columns(self.ages), columns)
        Lifetime(
            origin=self.origin,
            run=self.run.name,
            ways=list(table["way"].unique()),
            ages=self.ages,
            clip_frames=self.card.frames,
            videos=table["video"].nunique(),
            groups=table["group"].nunique(),
            weights_sha256=self.weights_sha256,
            lifetime_sha256=sha256,
        ).write(self.file.with_suffix(".json"))
        for shown, of_way in table.groupby("way"):
            ages = [age for age in self.ages if of_way[str(age)].notna().any()]
            told = " ".join(f"{age} {of_way[str(age)].mean():.1%}" for age in ages)
            self.process.print(f"{self.run.name}, {shown}: right at an age of {told} of {len(of_way)} videos")


def _require_labels(labels: Sequence[str], card: Card, weights: Path) -> None:
    for label in labels:
        if label not in card.labels:
            raise InputError(f"{weights}: label {label!r} is not one of the weights' own; train again")


def _view(videos: Sequence[LongVideo], crop: int, device: torch.device, start: int, stop: int) -> Tensor:
    """As evaluation shows its clips."""
    frames = np.stack([centre_crop(video.frames(start, stop), crop) for video in videos])
    return to_input(torch.from_numpy(frames).to(device))


def scores_by_age(
    model: nn.Module, view: View, ages: Sequence[int], clip_frames: int, require_finite: Callable[[Tensor], None]
) -> dict[str, Tensor]:
    """Class scores of N videos at every age in every way, (N, ages, K); NaN where a network cannot tell yet.

    Infinite, all of them, where a state has grown beyond all numbers.
    ages: rising. require_finite: refuses the scores of clips, (N, ...).
    """
    spans = [(max(age - clip_frames, 0), age) for age in ages]
    alone = _scores_of_clips(model, view, spans, clip_frames, require_finite)
    if not isinstance(model, FrameNet) or not _has_state(model, view(0, 1)):
        return {"windows": alone}
    logits = torch.cat(list(_carried(model, view, ages[-1])), 1)
    last = torch.stack([logits[:, start:age].mean(1) for start, age in spans], 1)
    of_all = torch.stack([logits[:, :age].mean(1) for age in ages], 1)
    return {"last": _infinite_where_not_finite(last), "all": _infinite_where_not_finite(of_all), "restarted": alone}


def _infinite_where_not_finite(scores: Tensor) -> Tensor:
    return scores.where(scores.isfinite().all(2, keepdim=True), torch.inf)


def _scores_of_clips(
    model: nn.Module,
    view: View,
    spans: Sequence[tuple[int, int]],
    clip_frames: int,
    require_finite: Callable[[Tensor], None],
) -> Tensor:
    """Of clips by themselves, (N, spans, K); NaN for one that is too short for a network of windows."""
    told = [isinstance(model, FrameNet) or stop - start == clip_frames for start, stop in spans]
    logits = torch.stack([model(view(*span)).float() for span, can in zip(spans, told, strict=True) if can], 1)
    require_finite(logits)
    scores = logits.new_full((len(logits), len(spans), logits.shape[2]), torch.nan)
    scores[:, torch.tensor(told)] = logits
    return scores


def _has_state(model: FrameNet, frame: Tensor) -> bool:
    """frame: (N, 3, 1, H, W)."""
    _, state = model.frame_logits(frame, model.initial_state(len(frame)))
    return bool(state.units)


def _carried(model: FrameNet, view: View, frames: int) -> Iterator[Tensor]:
    """The logits of frames, (N, T, K) some at a time, of a state that never begins anew."""
    state = None
    for start in range(0, frames, FRAMES_AT_ONCE):
        shown = view(start, min(start + FRAMES_AT_ONCE, frames))
        logits, state = model.frame_logits(shown, state or model.initial_state(len(shown)))
        yield logits

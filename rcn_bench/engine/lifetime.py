"""State lifetime: how well a network recognises a video by frames long after its state last began anew."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from rcn_bench.data.scenes import LongVideo, labels_of, long_videos
from rcn_bench.data.transforms import centre_crop, to_input
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


def measure_lifetime(run: Run, experiment: Experiment) -> None:
    """Show a trained run long videos of the embedded kind, none of them seen before; writes lifetime.csv and .json.

    A row a video and way: video, group, label, way, then for each age, in frames since the state began anew, 1 if the
    run is right, 0 if it is wrong, empty if it cannot tell. An age is the only thing that differs along a row of way
    ``last``: as much is seen at each, the frames of a clip of training that end there (of younger ages, all so far),
    and motions wrap, so that those are as hard at the end of a video as at its start. Ways of a network with a state:
    the mean of the logits of the ``last`` frames; of ``all`` frames so far, as ``stream --restart 0`` shows it; and of
    the last frames with the state ``restarted`` before them, which shows what those frames are worth without any age.
    Of any other network ``windows`` alone: its clips, which have no age and must be as good everywhere.
    Errors: InputError if the experiment has no lifetime or digits, if the weights are missing or of another config or
    of other digits, if scores are not finite, or if there is too little memory.
    """
    crop = experiment.clip.crop
    what = f"the lifetime of {run.name}, {VIDEOS_PER_BATCH} videos by {FRAMES_AT_ONCE} frames of {crop}x{crop}"
    with room_for(what, "lower clip.crop"):
        _measure(run, experiment)


def ages_of(clip_frames: int, frames: int) -> list[int]:
    """Powers of two, and the frames of a training clip times those, as far as a video goes."""
    powers = [2**power for power in range(frames.bit_length())]
    return sorted({age for power in powers for age in (power, power * clip_frames) if age <= frames})


def _measure(run: Run, experiment: Experiment) -> None:
    digits, lifetime = experiment.lifetime_of(run)
    process, paths = Process.alone(), experiment.paths
    torch.set_num_threads(experiment.train.threads)
    model, card, weights_sha256 = trained_weights(run, experiment)
    origin = begin(experiment, "lifetime", run.name, [(paths.weights(run), weights_sha256)])
    model = place(model, process.device).eval()
    autocast, ages = Autocast(experiment.train.autocast, process.device), ages_of(card.frames, lifetime.frames)

    rows: list[dict[str, object]] = []
    _require_labels(labels_of(digits), card, paths.weights(run))
    drawn = long_videos(digits, lifetime.videos, lifetime.frames, card.stride)
    while videos := list(islice(drawn, VIDEOS_PER_BATCH)):
        require_finite = partial(require_finite_scores, videos=[video.id for video in videos], autocast=autocast.kind)
        view = partial(_view, videos, card.crop, process.device)
        with torch.inference_mode(), autocast.context():
            scores = scores_by_age(model, view, ages, card.frames, require_finite)
        classes = torch.tensor([card.labels.index(video.label) for video in videos])
        for way, of_videos in scores.items():
            right = of_videos.cpu()
            right = (right.argmax(2) == classes[:, None]).double().where(right.isfinite().all(2), torch.nan)
            for video, of_video in zip(videos, right.tolist(), strict=True):
                by_age = dict(zip(map(str, ages), of_video, strict=True))
                rows.append({"video": video.id, "group": video.group, "label": video.label, "way": way, **by_age})
    table = pd.DataFrame(rows)
    sha256 = write_rows(paths.lifetime(run), lifetime_columns(ages), {str(name): table[name] for name in table})
    Lifetime(
        origin=origin,
        run=run.name,
        ways=list(table["way"].unique()),
        ages=ages,
        clip_frames=card.frames,
        videos=table["video"].nunique(),
        groups=table["group"].nunique(),
        weights_sha256=weights_sha256,
        lifetime_sha256=sha256,
    ).write(paths.lifetime(run).with_suffix(".json"))
    for shown, of_way in table.groupby("way"):
        told = " ".join(f"{age} {of_way[str(age)].mean():.1%}" for age in ages if of_way[str(age)].notna().any())
        process.print(f"{run.name}, {shown}: right at an age of {told} of {len(of_way)} videos")


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

    ages: rising. require_finite: refuses the network's own scores, (N, ...).
    """
    spans = [(max(age - clip_frames, 0), age) for age in ages]
    alone = _scores_of_clips(model, view, spans, clip_frames, require_finite)
    if not isinstance(model, FrameNet) or not _has_state(model, view(0, 1)):
        return {"windows": alone}
    logits = torch.cat(list(_carried(model, view, ages[-1])), 1)
    require_finite(logits)
    last = torch.stack([logits[:, start:age].mean(1) for start, age in spans], 1)
    of_all = torch.stack([logits[:, :age].mean(1) for age in ages], 1)
    return {"last": last, "all": of_all, "restarted": alone}


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

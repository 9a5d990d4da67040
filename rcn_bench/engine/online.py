"""Online accuracy: how well a model has recognised a video when it has seen a part of it."""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import groupby

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from rcn_bench.data.cache.index import CachedVideo
from rcn_bench.data.crops import centre_crop
from rcn_bench.data.frames import ClipLayout
from rcn_bench.data.long_enough import long_enough
from rcn_bench.data.transforms import to_input
from rcn_bench.engine.device import place
from rcn_bench.engine.room import room_for
from rcn_bench.engine.scores import require_finite_scores
from rcn_bench.engine.step import Autocast
from rcn_bench.engine.trained import overlap_with_training, trained_weights, validation_cache
from rcn_bench.engine.windows import scores_of_windows
from rcn_bench.models.frames import FrameNet, StreamState
from rcn_bench.plan.experiment import Experiment
from rcn_bench.plan.run import Run
from rcn_bench.process import Process
from rcn_bench.records.origins import begin
from rcn_bench.records.overlap import overlap_notes
from rcn_bench.records.rows import write_rows
from rcn_bench.records.runs import Online, online_columns

SHARES = [tenth / 10 for tenth in range(1, 11)]
VIDEOS_PER_BATCH = 8


def evaluate_online(run: Run, experiment: Experiment) -> None:
    """Show a trained run every validation video from its start; writes online.csv and, last, online.json.

    A row a video and way: video, group, label, way, then for each tenth of the video 1 if the model was right by then,
    0 if wrong, empty if it had not had enough frames to say. Ways: a network with a state gets frame after frame and
    averages the logits so far, with its state ``carried`` through the video, and ``restarted`` after every clip length;
    a network of single ``frames`` the same without a state; any other gets ``windows`` of its clip length, half
    overlapping, and averages the softmax of those complete.
    Errors: InputError if weights or cache are missing, or do not fit each other or the config, if all videos are
    shorter than a clip, if more of them are trained on than data.max_overlap allows, if scores are not finite, or if
    there is too little memory.
    """
    crop = experiment.clip.crop
    what = f"the online accuracy of {run.name}, {VIDEOS_PER_BATCH} whole videos of {crop}x{crop} at a time"
    with room_for(what, "lower clip.crop or data.frame_rate, or cut the longest videos into parts"):
        _evaluate_online(run, experiment)


def _evaluate_online(run: Run, experiment: Experiment) -> None:
    process, paths = Process.alone(), experiment.paths
    torch.set_num_threads(experiment.train.threads)
    model, card, weights_sha256 = trained_weights(run, experiment)
    cache = validation_cache(experiment, card)
    overlap = overlap_with_training(run, experiment, card)
    read = [(paths.weights(run), weights_sha256), (paths.cache("val"), cache.fingerprint)]
    origin = begin(experiment, "online", run.name, read)
    model = place(model, process.device).eval()
    autocast = Autocast(experiment.train.autocast, process.device)

    rows: list[dict[str, object]] = []
    layout = ClipLayout(card.frames, card.stride)
    used, counts = long_enough(cache, layout)
    for videos in _alike(used):
        frames = np.stack([centre_crop(cache.frames(video, step=card.stride), card.crop) for video in videos])
        clips = to_input(torch.from_numpy(frames).to(process.device))
        with torch.inference_mode(), autocast.context():
            require_finite = partial(
                require_finite_scores, videos=[video.id for video in videos], autocast=autocast.kind
            )
            scores = _scores_by_frame(model, clips, card.frames, require_finite)
        for way, of_videos in scores.items():
            for video, score in zip(videos, of_videos.cpu(), strict=True):
                right = _right_at_shares(score, card.labels.index(video.label))
                rows.append({"video": video.id, "group": video.group, "label": video.label, "way": way, **right})
    table = pd.DataFrame(rows)
    online_sha256 = write_rows(paths.online(run), online_columns(SHARES), {str(name): table[name] for name in table})
    Online(
        origin=origin,
        run=run.name,
        ways=list(table["way"].unique()),
        **vars(counts),
        shares=SHARES,
        overlap=overlap,
        data_fingerprint=cache.fingerprint,
        weights_sha256=weights_sha256,
        online_sha256=online_sha256,
    ).write(paths.online(run).with_suffix(".json"))
    for line in overlap_notes(overlap):
        process.print(f"{run.name}: {line}")
    for shown, of_way in table.groupby("way"):
        told = " ".join(f"{share:.0%} {_told(of_way[f'{share:.0%}'])}" for share in SHARES)
        if left_out := counts.left_out(of_way[f"{SHARES[-1]:.0%}"].mean()):
            process.print(f"{run.name}, {shown}: {left_out}")
        process.print(f"{run.name}, {shown}: right after {told} of {len(of_way)} videos")


def _told(right: pd.Series) -> str:
    """Accuracy of those that can be told, and of how many, where it is not all."""
    if not (known := int(right.notna().sum())):
        return "-"
    return f"{right.mean():.1%}" + (f" (of {known})" if known < len(right) else "")


def _alike(videos: list[CachedVideo]) -> Iterator[list[CachedVideo]]:
    """Batches of neighbours of one shape."""
    for _, same in groupby(videos, key=lambda video: video.shape):
        shaped = list(same)
        for start in range(0, len(shaped), VIDEOS_PER_BATCH):
            yield shaped[start : start + VIDEOS_PER_BATCH]


def _scores_by_frame(
    model: nn.Module, clips: Tensor, window: int, require_finite: Callable[[Tensor], None]
) -> dict[str, Tensor]:
    """Class scores after each frame in every way, (N, T, K) from clips (N, 3, T, H, W); NaN before they can be told.

    require_finite: refuses the network's own scores, (N, ...).
    """
    if not isinstance(model, FrameNet):
        return {"windows": scores_of_windows(model, clips, window, require_finite)}
    carried, state = _scores_of_state(model, clips, window, restart=False)
    require_finite(carried)
    if not state.units:
        return {"frames": carried}
    restarted, _ = _scores_of_state(model, clips, window, restart=True)
    require_finite(restarted)
    return {"carried": carried, "restarted": restarted}


def _scores_of_state(model: FrameNet, clips: Tensor, window: int, *, restart: bool) -> tuple[Tensor, StreamState]:
    state, logits = model.initial_state(len(clips)), []
    for chunk in clips.split(window, dim=2):
        if restart:
            state = model.initial_state(len(clips))
        chunk_logits, state = model.frame_logits(chunk, state)
        logits.append(chunk_logits)
    seen = torch.arange(1, clips.shape[2] + 1, device=clips.device).view(1, -1, 1)
    return torch.cat(logits, 1).cumsum(1) / seen, state


def _right_at_shares(scores: Tensor, true_class: int) -> dict[str, float]:
    row = {}
    for share in SHARES:
        score = scores[int(np.ceil(share * len(scores))) - 1]
        row[f"{share:.0%}"] = torch.nan if score.isnan().any() else float(score.argmax() == true_class)
    return row

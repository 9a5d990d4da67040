"""Online accuracy: how well a model has recognised a video when it has seen a part of it."""

from collections.abc import Iterator
from itertools import groupby

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from rcn_bench.data.cache import Cache, CachedVideo
from rcn_bench.data.transforms import centre_crop, to_input
from rcn_bench.engine.build import trained_model
from rcn_bench.engine.device import pick_device, place
from rcn_bench.engine.evaluate import model_labels
from rcn_bench.engine.training_step import Autocast
from rcn_bench.errors import InputError
from rcn_bench.experiment import Config, Run
from rcn_bench.files import replacing
from rcn_bench.layout import Layout
from rcn_bench.models.frames import FrameNet, StreamState

SHARES = [tenth / 10 for tenth in range(1, 11)]
VIDEOS_PER_BATCH = 8


def evaluate_online(run: Run, config: Config, layout: Layout) -> None:
    """Show a trained run every validation video from its start; writes online.csv.

    A row a video and way: video, group, label, way, then for each tenth of the video 1 if the model was right by then,
    0 if wrong, empty if it had not had enough frames to say. Ways: a network with a state gets frame after frame and
    averages the logits so far, with its state ``carried`` through the video, and ``restarted`` after every clip length;
    a network of single ``frames`` the same without a state; any other gets ``windows`` of its clip length, half
    overlapping, and averages the softmax of those complete.
    Errors: InputError if weights or cache are missing, or all videos are shorter than a clip.
    """
    device = pick_device()
    torch.set_num_threads(config["train"]["threads"])
    cache = Cache(layout.cache("val"))
    labels = model_labels(cache, layout)
    model = place(trained_model(run, config, layout.weights(run), len(labels)), device).eval()
    autocast = Autocast(config["train"]["autocast"], device)
    crop, stride = config["clip"]["crop"], config["clip"]["stride"]

    rows = []
    for videos in _alike(cache.videos):
        frames = np.stack([centre_crop(cache.frames(video, step=stride), crop) for video in videos])
        if frames.shape[1] < run.frames:
            continue
        clips = to_input(torch.from_numpy(frames).to(device))
        with torch.inference_mode(), autocast.context():
            scores = _scores_by_frame(model, clips, run.frames)
        for way, of_videos in scores.items():
            for video, score in zip(videos, of_videos.cpu(), strict=True):
                rows.append(
                    {"video": video.id, "group": video.group, "label": video.label, "way": way}
                    | _right_at_shares(score, labels.index(video.label))
                )
    if not rows:
        raise InputError(f"{layout.cache('val')}: no video has the {run.frames} frames of a clip")
    table = pd.DataFrame(rows)
    with replacing(layout.online(run)) as temporary:
        table.to_csv(temporary, index=False, float_format="%.0f", errors="surrogateescape")
    for name, of_way in table.groupby("way"):
        shares = " ".join(f"{share:.0%} {of_way[f'{share:.0%}'].mean():.1%}" for share in SHARES)
        print(f"{run.name}, {name}: right after {shares} of {len(of_way)} videos")


def _alike(videos: list[CachedVideo]) -> Iterator[list[CachedVideo]]:
    """Batches of neighbours of one shape."""
    for _, same in groupby(videos, key=lambda video: video.shape):
        shaped = list(same)
        for start in range(0, len(shaped), VIDEOS_PER_BATCH):
            yield shaped[start : start + VIDEOS_PER_BATCH]


def _scores_by_frame(model: nn.Module, clips: Tensor, window: int) -> dict[str, Tensor]:
    """Class scores after each frame in every way, (N, T, K) from clips (N, 3, T, H, W); NaN before they can be told."""
    if not isinstance(model, FrameNet):
        return {"windows": _scores_of_windows(model, clips, window)}
    carried, state = _scores_of_state(model, clips, window, restart=False)
    if not state.units:
        return {"frames": carried}
    return {"carried": carried, "restarted": _scores_of_state(model, clips, window, restart=True)[0]}


def _scores_of_state(model: FrameNet, clips: Tensor, window: int, *, restart: bool) -> tuple[Tensor, StreamState]:
    state, logits = model.initial_state(len(clips)), []
    for chunk in clips.split(window, dim=2):
        if restart:
            state = model.initial_state(len(clips))
        chunk_logits, state = model.frame_logits(chunk, state)
        logits.append(chunk_logits)
    seen = torch.arange(1, clips.shape[2] + 1, device=clips.device).view(1, -1, 1)
    return torch.cat(logits, 1).cumsum(1) / seen, state


def _scores_of_windows(model: nn.Module, clips: Tensor, window: int) -> Tensor:
    steps = clips.shape[2]
    starts = range(0, steps - window + 1, max(window // 2, 1))
    softmax = torch.stack([model(clips[:, :, start : start + window]).float().softmax(1) for start in starts], 1)
    complete = torch.tensor([sum(start + window <= step for start in starts) for step in range(1, steps + 1)])
    so_far = softmax.cumsum(1) / torch.arange(1, len(starts) + 1, device=clips.device).view(1, -1, 1)
    return torch.cat([torch.full_like(so_far[:, :1], torch.nan), so_far], 1)[:, complete]


def _right_at_shares(scores: Tensor, true_class: int) -> dict[str, float]:
    row = {}
    for share in SHARES:
        score = scores[int(np.ceil(share * len(scores))) - 1]
        row[f"{share:.0%}"] = torch.nan if score.isnan().any() else float(score.argmax() == true_class)
    return row

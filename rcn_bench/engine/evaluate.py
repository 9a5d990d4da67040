"""Clip and video accuracy of a trained run."""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from rcn_bench.data.cache import Cache
from rcn_bench.data.clips import ClipLayout, EvaluationClips
from rcn_bench.data.transforms import to_input
from rcn_bench.engine.build import trained_model
from rcn_bench.engine.device import pick_device, place
from rcn_bench.engine.training_step import Autocast
from rcn_bench.errors import InputError
from rcn_bench.experiment import Config, Run
from rcn_bench.files import replacing, write_json
from rcn_bench.intervals import accuracy_interval
from rcn_bench.layout import Layout
from rcn_bench.provenance import provenance

VIDEOS_PER_BATCH = 4


def evaluate(run: Run, config: Config, layout: Layout) -> None:
    """Evaluate a trained run on the validation videos; writes predictions.csv and, last, eval.json.

    Clip accuracy counts every clip of every video; video accuracy takes the mean softmax over a video's clips, which
    are evenly spread and all different. Intervals (95 %) resample groups of videos, so that twins stay together.
    Errors: InputError if the weights or the cache are missing.
    """
    device = pick_device()
    torch.set_num_threads(config["train"]["threads"])
    videos = EvaluationClips(
        Cache(layout.cache("val")),
        ClipLayout(run.frames, config["clip"]["stride"]),
        config["clip"]["crop"],
        config["clip"]["evaluation_clips"],
    )
    labels = model_labels(videos.cache, layout)
    model = place(trained_model(run, config, layout.weights(run), len(labels)), device).eval()
    autocast = Autocast(config["train"]["autocast"], device)
    loader = DataLoader(videos, VIDEOS_PER_BATCH, num_workers=config["train"]["workers"])
    started = time.perf_counter()
    clip_best, video_best, score = best_classes(clip_probabilities(model, loader, to_input, autocast))
    seconds = time.perf_counter() - started

    classes = np.array([labels.index(video.label) for video in videos.videos])
    clip_correct, video_correct = clip_best == classes[:, None], video_best == classes
    groups = [video.group for video in videos.videos]
    predictions = pd.DataFrame(
        {
            "video": [video.id for video in videos.videos],
            "group": groups,
            "label": [video.label for video in videos.videos],
            "predicted": [labels[best] for best in video_best],
            "score": score.round(4),
            "clips_correct": clip_correct.sum(1),
        }
    )
    with replacing(layout.predictions(run)) as temporary:
        predictions.to_csv(temporary, index=False, errors="surrogateescape")
    write_json(
        layout.evaluation(run),
        {
            "run": run.name,
            "clip_accuracy": float(clip_correct.mean()),
            "clip_interval": accuracy_interval(clip_correct.mean(1), groups),
            "video_accuracy": float(video_correct.mean()),
            "video_interval": accuracy_interval(video_correct, groups),
            "videos_used": len(videos),
            "videos_skipped": [asdict(video) for video in videos.skipped],
            "groups": len(set(groups)),
            "clips_per_video": config["clip"]["evaluation_clips"],
            "clip_starts_of_first_video": videos.starts[0],
            "evaluation_seconds": round(seconds, 3),
            "data_fingerprint": videos.cache.fingerprint,
            **provenance(),
        },
    )
    print(f"{run.name}: clip {clip_correct.mean():.1%}, video {video_correct.mean():.1%} of {len(videos)} videos")


def model_labels(validation: Cache, layout: Layout) -> list[str]:
    """The model's classes, those of the training videos. Errors: InputError if a validation video has another."""
    labels = Cache(layout.cache("train")).labels
    for label in sorted({video.label for video in validation.videos}):
        if label not in labels:
            raise InputError(f"{layout.cache('val')}: label {label!r} does not occur in the training videos")
    return labels


@torch.inference_mode()
def clip_probabilities(
    model: nn.Module, loader: Iterable[Tensor], prepare: Callable[[Tensor], Tensor], autocast: Autocast
) -> Iterator[np.ndarray]:
    """Softmax of every clip, (clips, classes), video after video; loader: batches (videos, clips, T, H, W, 3) of bytes.

    prepare: makes the model's input of the bytes of clips, (N, T, H, W, 3), on the device.
    """
    for clips in loader:
        with autocast.context():
            logits = model(prepare(clips.flatten(0, 1).to(autocast.device)))
        yield from logits.float().softmax(1).unflatten(0, clips.shape[:2]).cpu().numpy()


def best_classes(probabilities: Iterable[np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The best class of every clip (videos, clips); by the mean over clips that of every video (videos,), its score."""
    clip_best, video_best, score = [], [], []
    for clips in probabilities:
        mean = clips.mean(0)
        clip_best.append(clips.argmax(1))
        video_best.append(mean.argmax())
        score.append(mean.max())
    return np.array(clip_best), np.array(video_best), np.array(score)

"""Clip and video accuracy of a trained run."""

import time
from dataclasses import asdict

import numpy as np
import pandas as pd
import torch
from torch.utils.data import DataLoader

from rcn_bench.analysis.intervals import accuracy_interval
from rcn_bench.data.cache import Cache
from rcn_bench.data.clips import ClipLayout, EvaluationClips
from rcn_bench.data.transforms import to_input
from rcn_bench.engine.build import trained_model
from rcn_bench.engine.device import pick_device, place
from rcn_bench.engine.training_step import Autocast
from rcn_bench.errors import InputError
from rcn_bench.experiment import Config, Run
from rcn_bench.files import replacing, write_json
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
    started = time.perf_counter()
    probabilities = _clip_probabilities(model, videos, config, device)
    seconds = time.perf_counter() - started

    classes = np.array([labels.index(video.label) for video in videos.videos])
    clip_correct = probabilities.argmax(2) == classes[:, None]
    scores = probabilities.mean(1)
    video_correct = scores.argmax(1) == classes
    groups = [video.group for video in videos.videos]
    predictions = pd.DataFrame(
        {
            "video": [video.id for video in videos.videos],
            "group": groups,
            "label": [video.label for video in videos.videos],
            "predicted": [labels[best] for best in scores.argmax(1)],
            "score": scores.max(1).round(4),
            "clips_correct": clip_correct.sum(1),
        }
    )
    with replacing(layout.predictions(run)) as temporary:
        predictions.to_csv(temporary, index=False)
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
def _clip_probabilities(
    model: torch.nn.Module, videos: EvaluationClips, config: Config, device: torch.device
) -> np.ndarray:
    """Softmax of every clip: (videos, clips, classes)."""
    autocast = Autocast(config["train"]["autocast"], device)
    parts = []
    for clips in DataLoader(videos, VIDEOS_PER_BATCH, num_workers=config["train"]["workers"]):
        with autocast.context():
            logits = model(to_input(clips.flatten(0, 1).to(device)))
        parts.append(logits.float().softmax(1).unflatten(0, clips.shape[:2]).cpu())
    return torch.cat(parts).numpy()

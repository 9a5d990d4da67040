"""Clip and video accuracy of a trained run."""

import time
from collections.abc import Callable, Iterable, Iterator

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from rcn_bench.data.clips import EvaluationClips
from rcn_bench.data.frames import ClipLayout
from rcn_bench.data.transforms import to_input
from rcn_bench.engine.device import place
from rcn_bench.engine.step import Autocast
from rcn_bench.engine.trained import trained_weights, validation_cache
from rcn_bench.intervals import accuracy_interval
from rcn_bench.plan.experiment import Experiment
from rcn_bench.plan.run import Run
from rcn_bench.process import Process
from rcn_bench.records.origins import begin
from rcn_bench.records.rows import write_rows
from rcn_bench.records.runs import PREDICTIONS, Evaluation

VIDEOS_PER_BATCH = 4


def evaluate(run: Run, experiment: Experiment) -> None:
    """Evaluate a trained run on the validation videos; writes predictions.csv and, last, eval.json.

    Clip accuracy counts every clip of every video; video accuracy takes the mean softmax over a video's clips, which
    are evenly spread and all different. Intervals (95 %) resample groups of videos, so that twins stay together.
    Errors: InputError if the weights or the cache are missing, or do not fit each other or the config.
    """
    process, paths = Process.alone(), experiment.paths
    torch.set_num_threads(experiment.train.threads)
    model, card, weights_sha256 = trained_weights(run, experiment)
    cache = validation_cache(experiment, card)
    read = [(paths.weights(run), weights_sha256), (paths.cache("val"), cache.fingerprint)]
    origin = begin(experiment, "evaluate", run.name, read)

    clips_per_video = experiment.clip.evaluation_clips
    videos = EvaluationClips(cache, ClipLayout(card.frames, card.stride), card.crop, clips_per_video)
    model = place(model, process.device).eval()
    loader = DataLoader(videos, VIDEOS_PER_BATCH, num_workers=experiment.train.workers)
    autocast = Autocast(experiment.train.autocast, process.device)
    started = time.perf_counter()
    clip_best, video_best, score = best_classes(clip_probabilities(model, loader, to_input, autocast))
    seconds = time.perf_counter() - started

    labels = card.labels
    classes = np.array([labels.index(video.label) for video in videos.videos])
    clip_correct, video_correct = clip_best == classes[:, None], video_best == classes
    groups = [video.group for video in videos.videos]
    predictions_sha256 = write_rows(
        paths.predictions(run),
        PREDICTIONS,
        {
            "video": [video.id for video in videos.videos],
            "group": groups,
            "label": [video.label for video in videos.videos],
            "predicted": [labels[best] for best in video_best],
            "score": score.round(4),
            "clips_correct": clip_correct.sum(1),
        },
    )
    Evaluation(
        origin=origin,
        run=run.name,
        clip_accuracy=float(clip_correct.mean()),
        clip_interval=accuracy_interval(clip_correct.mean(1), groups),
        video_accuracy=float(video_correct.mean()),
        video_interval=accuracy_interval(video_correct, groups),
        videos_used=len(videos),
        videos_skipped=videos.skipped,
        groups=len(set(groups)),
        clips_per_video=clips_per_video,
        clip_starts_of_first_video=videos.starts[0],
        evaluation_seconds=round(seconds, 3),
        data_fingerprint=cache.fingerprint,
        weights_sha256=weights_sha256,
        predictions_sha256=predictions_sha256,
    ).write(paths.evaluation(run))
    process.print(
        f"{run.name}: clip {clip_correct.mean():.1%}, video {video_correct.mean():.1%} of {len(videos)} videos"
    )


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

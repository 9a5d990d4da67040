"""Clip and video accuracy of a trained run."""

import time
from collections.abc import Callable, Iterable, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from rcn_bench.data.batches import evaluation_batches
from rcn_bench.data.clips import EvaluationClips
from rcn_bench.data.frames import ClipLayout
from rcn_bench.data.transforms import to_input
from rcn_bench.engine.device import place
from rcn_bench.engine.resume import discard_finished
from rcn_bench.engine.room import room_for
from rcn_bench.engine.scores import require_finite_scores, require_kept_scores
from rcn_bench.engine.step import Autocast
from rcn_bench.engine.trained import overlap_with_training, trained_weights, validation_cache
from rcn_bench.plan.experiment import Experiment
from rcn_bench.plan.run import Run
from rcn_bench.predictions import Videos, predictions, views
from rcn_bench.process import Process
from rcn_bench.records.origins import begin
from rcn_bench.records.overlap import overlap_notes
from rcn_bench.records.rows import write_rows
from rcn_bench.records.runs import PREDICTIONS, Evaluation
from rcn_bench.records.scores import write_scores
from rcn_bench.softmax import ClassScores

VIDEOS_PER_BATCH = 4


def evaluate(run: Run, experiment: Experiment) -> None:
    """Evaluate a trained run on the validation videos; writes scores.safetensors, predictions.csv and, last, eval.json.

    A video's clips are evenly spread and all different, at most ``clip.evaluation_clips``, and as many as fit, each in
    ``clip.evaluation_crops`` crops. Clip accuracy counts every clip of every video; video accuracy takes the mean
    softmax over a video's clips. Intervals (95 %) are over groups of videos, since twins hang together. All of it comes
    from the scores as they are kept.
    What a finished training had set aside is removed then.
    Errors: InputError if the weights or the cache are missing, or do not fit each other or the config; if more of the
    videos are trained on than data.max_overlap allows; if scores are not finite, or too large for float16; or if there
    is too little memory.
    """
    clip = experiment.clip
    seen = f"{views(clip.evaluation_clips, clip.evaluation_crops)} of {run.frames} frames of {clip.crop}x{clip.crop}"
    batch, workers = f"{_videos_per_batch(experiment)} videos of {seen}", experiment.train.workers
    what = f"an evaluation of {run.name}, {batch}, with {workers} workers"
    with room_for(what, "lower train.workers, clip.evaluation_clips or clip.crop"):
        _evaluate(run, experiment)


def _evaluate(run: Run, experiment: Experiment) -> None:
    process, paths = Process.alone(), experiment.paths
    torch.set_num_threads(experiment.train.threads)
    model, card, weights_sha256 = trained_weights(run, experiment)
    cache = validation_cache(experiment, card)
    overlap = overlap_with_training(run, experiment, card)
    read = [(paths.weights(run), weights_sha256), (paths.cache("val"), cache.fingerprint)]
    origin = begin(experiment, "evaluate", run.name, read)

    clip = experiment.clip
    layout = ClipLayout(card.frames, card.stride)
    videos = EvaluationClips(cache, layout, card.crop, clip.evaluation_clips, clip.evaluation_crops)
    model = place(model, process.device).eval()
    loader = evaluation_batches(videos, _videos_per_batch(experiment), experiment.train.workers)
    autocast = Autocast(experiment.train.autocast, process.device)
    listed = listed_videos(videos)
    started = time.perf_counter()
    scores = clip_scores(model, loader, to_input, autocast, listed.names)
    seconds = time.perf_counter() - started

    found = predictions(scores, card.labels, listed)
    accuracies = found.accuracies()
    scores_sha256 = write_scores(paths.scores(run), scores)
    predictions_sha256 = write_rows(paths.predictions(run), PREDICTIONS, found.rows)
    Evaluation(
        origin=origin,
        run=run.name,
        **accuracies,
        **vars(videos.counts),
        labels=card.labels,
        groups=len(set(listed.groups)),
        clips=sum(listed.clips),
        clips_per_video=listed.clips_per_video,
        crops=listed.crops,
        clip_starts_of_first_video=videos.starts[0],
        overlap=overlap,
        evaluation_seconds=round(seconds, 3),
        data_fingerprint=cache.fingerprint,
        weights_sha256=weights_sha256,
        scores_sha256=scores_sha256,
        predictions_sha256=predictions_sha256,
    ).write(paths.evaluation(run))
    discard_finished(paths.checkpoint(run))
    for line in overlap_notes(overlap):
        process.print(f"{run.name}: {line}")
    clip_accuracy, video_accuracy = accuracies["clip_accuracy"], accuracies["video_accuracy"]
    told = f"clip {clip_accuracy:.1%} of {sum(listed.clips)} clips, video {video_accuracy:.1%} of {len(videos)} videos"
    process.print("; ".join(filter(None, [f"{run.name}: {told}", videos.counts.left_out(video_accuracy)])))


def _videos_per_batch(experiment: Experiment) -> int:
    """As many views in a batch, whatever is seen of a clip."""
    return max(VIDEOS_PER_BATCH // experiment.clip.evaluation_crops, 1)


def listed_videos(clips: EvaluationClips) -> Videos:
    """Those whose clips are scored, as predictions are made of them."""
    names, groups, labels = zip(*((video.id, video.group, video.label) for video in clips.videos), strict=True)
    return Videos(names, groups, labels, [len(starts) for starts in clips.starts], clips.most, clips.crops)


@torch.inference_mode()
def clip_scores(
    model: nn.Module,
    loader: Iterable[tuple[Tensor, list[int]]],
    prepare: Callable[[Tensor], Tensor],
    autocast: Autocast,
    videos: Sequence[str],
) -> ClassScores:
    """The scores of every clip and crop as they are kept: logits (clips x crops, classes), float16, video after video.

    loader: of bytes (clips x crops, T, H, W, 3), and how many of them each video has. prepare: makes the model's input
    of them on the device. videos: all of their names.
    Errors: InputError that names one whose scores are not finite, or too large for float16.
    """
    names, scores = iter(videos), []
    for clips, counts in loader:
        with autocast.context():
            logits = model(prepare(clips.to(autocast.device))).float()
        of_clips = [name for count in counts for name in [next(names)] * count]
        require_finite_scores(logits, of_clips, autocast.kind)
        require_kept_scores(logits.half(), of_clips)
        scores.append(logits.half().cpu().numpy())
    return np.concatenate(scores)

"""Clip and video accuracy of a trained run."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence

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
from rcn_bench.engine.scores import require_finite_scores
from rcn_bench.engine.step import Autocast
from rcn_bench.engine.trained import overlap_with_training, trained_weights, validation_cache
from rcn_bench.intervals import Scores
from rcn_bench.plan.experiment import Experiment
from rcn_bench.plan.run import Run
from rcn_bench.process import Process
from rcn_bench.records.origins import begin
from rcn_bench.records.overlap import overlap_notes
from rcn_bench.records.rows import write_rows
from rcn_bench.records.runs import PREDICTIONS, Evaluation

VIDEOS_PER_BATCH = 4


def evaluate(run: Run, experiment: Experiment) -> None:
    """Evaluate a trained run on the validation videos; writes predictions.csv and, last, eval.json.

    A video's clips are evenly spread and all different, at most ``clip.evaluation_clips``, and as many as fit. Clip
    accuracy counts every clip of every video; video accuracy takes the mean softmax over a video's clips. Intervals
    (95 %) are over groups of videos, since twins hang together.
    What a finished training had set aside is removed then.
    Errors: InputError if the weights or the cache are missing, or do not fit each other or the config; if more of the
    videos are trained on than data.max_overlap allows; if scores are not finite; or if there is too little memory.
    """
    clip = experiment.clip
    clips = f"{clip.evaluation_clips} clips of {run.frames} frames of {clip.crop}x{clip.crop}"
    what = f"an evaluation of {run.name}, {VIDEOS_PER_BATCH} videos of {clips}, with {experiment.train.workers} workers"
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

    clips_per_video = experiment.clip.evaluation_clips
    videos = EvaluationClips(cache, ClipLayout(card.frames, card.stride), card.crop, clips_per_video)
    model = place(model, process.device).eval()
    loader = evaluation_batches(videos, VIDEOS_PER_BATCH, experiment.train.workers)
    autocast = Autocast(experiment.train.autocast, process.device)
    started = time.perf_counter()
    ids = [video.id for video in videos.videos]
    clip_best, video_best, score = best_classes(clip_probabilities(model, loader, to_input, autocast, ids))
    seconds = time.perf_counter() - started

    labels, groups = card.labels, [video.group for video in videos.videos]
    classes = [labels.index(video.label) for video in videos.videos]
    clips, clips_correct = counted(clip_best, classes)
    clip_accuracy = sum(clips_correct) / sum(clips)
    of_clips = Scores.of_clips(clips_correct, clips, clips_per_video, groups)
    of_videos = Scores.of_videos(video_best == classes, groups)
    predictions_sha256 = write_rows(
        paths.predictions(run),
        PREDICTIONS,
        {
            "video": ids,
            "group": groups,
            "label": [video.label for video in videos.videos],
            "predicted": [labels[best] for best in video_best],
            "score": score.round(4),
            "clips_correct": clips_correct,
            "clips": clips,
        },
    )
    Evaluation(
        origin=origin,
        run=run.name,
        clip_accuracy=clip_accuracy,
        clip_interval=of_clips.interval(),
        video_accuracy=of_videos.accuracy,
        video_interval=of_videos.interval(),
        **vars(videos.counts),
        groups=len(set(groups)),
        clips=sum(clips),
        clips_per_video=clips_per_video,
        clip_starts_of_first_video=videos.starts[0],
        overlap=overlap,
        evaluation_seconds=round(seconds, 3),
        data_fingerprint=cache.fingerprint,
        weights_sha256=weights_sha256,
        predictions_sha256=predictions_sha256,
    ).write(paths.evaluation(run))
    discard_finished(paths.checkpoint(run))
    for line in overlap_notes(overlap):
        process.print(f"{run.name}: {line}")
    told = f"clip {clip_accuracy:.1%} of {sum(clips)} clips, video {of_videos.accuracy:.1%} of {len(videos)} videos"
    process.print("; ".join(filter(None, [f"{run.name}: {told}", videos.counts.left_out(of_videos.accuracy)])))


@torch.inference_mode()
def clip_probabilities(
    model: nn.Module,
    loader: Iterable[tuple[Tensor, list[int]]],
    prepare: Callable[[Tensor], Tensor],
    autocast: Autocast,
    videos: Sequence[str],
) -> Iterator[np.ndarray]:
    """Softmax of every clip, (clips, classes), video after video.

    loader: of bytes (clips, T, H, W, 3), and how many clips each video has of them. prepare: makes the model's input
    of clips on the device. videos: all of their names. Errors: InputError that names one whose scores are not finite.
    """
    names = iter(videos)
    for clips, counts in loader:
        with autocast.context():
            logits = model(prepare(clips.to(autocast.device))).float()
        require_finite_scores(logits, [name for count in counts for name in [next(names)] * count], autocast.kind)
        for of_video in logits.softmax(1).cpu().split(counts):
            yield of_video.numpy()


def best_classes(probabilities: Iterable[np.ndarray]) -> tuple[list[np.ndarray], np.ndarray, np.ndarray]:
    """The best class of every clip, for each video (clips,); by their mean that of every video (videos,), its score."""
    clip_best, video_best, score = [], [], []
    for clips in probabilities:
        mean = clips.mean(0)
        clip_best.append(clips.argmax(1))
        video_best.append(mean.argmax())
        score.append(mean.max())
    return clip_best, np.array(video_best), np.array(score)


def counted(clip_best: Iterable[np.ndarray], classes: Iterable[int]) -> tuple[list[int], list[int]]:
    """Of every video its clips, and how many of them are right by themselves."""
    right = [best == of_video for best, of_video in zip(clip_best, classes, strict=True)]
    return [len(clips) for clips in right], [int(clips.sum()) for clips in right]

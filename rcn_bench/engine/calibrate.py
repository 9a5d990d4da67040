"""A check of the data path: networks with published Kinetics-400 weights, on the validation cache of an experiment."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from rcn_bench.data.batches import evaluation_batches
from rcn_bench.data.cache.index import Cache
from rcn_bench.data.clips import EvaluationClips
from rcn_bench.data.frames import ClipLayout
from rcn_bench.data.transforms import to_input
from rcn_bench.engine.build import require_unchanged, weights_hash
from rcn_bench.engine.device import place
from rcn_bench.engine.evaluate import clip_scores, listed_videos
from rcn_bench.engine.room import room_for
from rcn_bench.engine.step import Autocast
from rcn_bench.errors import InputError
from rcn_bench.intervals import told
from rcn_bench.models.published import AUTHORS, TORCHVISION, authors_model, kinetics400_weights, torchvision_model
from rcn_bench.plan.experiment import Experiment
from rcn_bench.predictions import predictions, views
from rcn_bench.process import Process
from rcn_bench.provenance import named
from rcn_bench.records.origins import begin
from rcn_bench.records.runs import Calibration

CLASSES = 400
FRAME_RATE = 15  # frames a second, of all of torchvision's figures


@dataclass(frozen=True)
class Protocol:
    """How accuracy is taken: clips of so many frames, so many a video, prepared from bytes (N, T, H, W, 3).

    crop: their side; None: whole frames. crops: of each clip. short_side: that the frames must have at least.
    labels: by class; None: those of the training list, in order. published: accuracy in percent; None: not known.
    """

    frames: int
    clips: int
    prepare: Callable[[Tensor], Tensor]
    short_side: int
    crop: int | None = None
    crops: int = 1
    labels: list[str] | None = None
    published: float | None = None


def calibrate(name: str, experiment: Experiment, weights_file: Path | None) -> None:
    """Evaluate published weights and print their accuracy beside the published one; writes a JSON file.

    name: r3d_18, r2plus1d_18 or s3d of torchvision, by the protocol stated with the weights, which has one crop; or
    rcn50, of the paper's authors, by the clips and crops of the experiment, with weights_file.
    Errors: InputError for missing weights or cache, or a cache that the protocol does not fit.
    """
    process, paths = Process.alone(), experiment.paths
    torch.set_num_threads(experiment.train.threads)
    read: list[tuple[Path, str]] = [(weights_file, weights_hash(weights_file))] if weights_file else []
    model = place(_model(name, weights_file), process.device).eval()
    for file, sha256 in read:
        require_unchanged(file, sha256)
    protocol = _authors_protocol(experiment) if name == AUTHORS else _torchvision_protocol(name)
    videos = _videos(name, protocol, experiment)
    origin = begin(experiment, "calibrate", name, [*read, (paths.cache("val"), videos.cache.fingerprint)])
    labels = protocol.labels or _labels_in_order(experiment)
    listed = listed_videos(videos)
    for label in listed.labels:
        _require_known(label, labels, name)
    loader = evaluation_batches(videos, 1, experiment.train.workers)  # frames of videos differ in size
    autocast = Autocast("none", process.device)
    clips_of_video = f"{views(protocol.clips, protocol.crops)} of {protocol.frames} frames"
    what = f"an evaluation of {name}, {clips_of_video}, with {loader.num_workers} workers"
    with room_for(what, "lower train.workers"):
        scores = clip_scores(model, loader, protocol.prepare, autocast, listed.names)
    found = predictions(scores, labels, listed).accuracies()
    accuracy, interval = found["video_accuracy"], found["video_interval"]
    Calibration(
        origin=origin,
        weights=name,
        weights_file=named(weights_file, experiment.results) if weights_file else None,
        published_accuracy=None if protocol.published is None else protocol.published / 100,
        video_accuracy=accuracy,
        video_interval=interval,
        clip_accuracy=found["clip_accuracy"],
        **vars(videos.counts),
        frames=protocol.frames,
        clips=sum(listed.clips),
        clips_per_video=protocol.clips,
        crops=protocol.crops,
        data_fingerprint=videos.cache.fingerprint,
    ).write(paths.calibration(name))
    published = "no published figure" if protocol.published is None else f"published: {protocol.published:.1f} %"
    told_of_videos = f"{accuracy:.1%}{told(interval)} of {len(videos)} videos, {published}"
    of_clips = f"{found['clip_accuracy']:.1%} of {sum(listed.clips)} clips"
    process.print("; ".join(filter(None, [f"{name}: {told_of_videos}", of_clips, videos.counts.left_out(accuracy)])))


def _torchvision_protocol(name: str) -> Protocol:
    weights = kinetics400_weights(name)
    preset = weights.transforms()

    def prepare(clips: Tensor) -> Tensor:
        return preset(clips.permute(0, 1, 4, 2, 3))

    accuracy = weights.meta["_metrics"]["Kinetics-400"]["acc@1"]
    frames, clips = (128, 1) if name == "s3d" else (16, 5)  # as the weights' documentation says
    labels = weights.meta["categories"]
    return Protocol(frames, clips, prepare, min(preset.resize_size), labels=labels, published=accuracy)


def _authors_protocol(experiment: Experiment) -> Protocol:
    """8 frames, 224x224 (the paper's own for RCN-50 is not stated), normalised as ImageNet's weights expect."""
    side, clip = 224, experiment.clip
    return Protocol(8, clip.evaluation_clips, to_input, side, crop=side, crops=clip.evaluation_crops)


def _videos(name: str, protocol: Protocol, experiment: Experiment) -> EvaluationClips:
    rate, stride = experiment.data.frame_rate, experiment.clip.stride
    if name in TORCHVISION:
        if rate is None or rate % FRAME_RATE:
            raise InputError(
                f"data.frame_rate: {rate or 'left out'}; {name} was measured at {FRAME_RATE} frames a second: set it "
                "to that or to a multiple"
            )
        stride = int(rate // FRAME_RATE)
    cache = Cache(experiment.paths.cache("val"))
    cache.require_own(experiment, "val")
    videos = EvaluationClips(cache, ClipLayout(protocol.frames, stride), protocol.crop, protocol.clips, protocol.crops)
    for video in videos.videos:
        if min(video.shape[1:3]) < protocol.short_side:
            raise InputError(
                f"{cache.path}: {video.id} has {min(video.shape[1:3])} pixels on its shorter side; {name} was "
                f"measured at {protocol.short_side}: set data.short_side to that in a config for this check"
            )
    return videos


def _labels_in_order(experiment: Experiment) -> list[str]:
    labels = experiment.dataset.listed("train").labels
    if len(labels) != CLASSES:
        raise InputError(f"data.annotations.train: {len(labels)} labels, the authors' network has {CLASSES} classes")
    return labels


def _require_known(label: str, labels: list[str], name: str) -> None:
    if label not in labels:
        known = f"the {len(labels)} that {name} knows"
        raise InputError(f"data.annotations.val: label {label!r} is none of {known}; rename it there")


def _model(name: str, weights_file: Path | None) -> nn.Module:
    if name in TORCHVISION:
        return torchvision_model(name, weights_file)
    if weights_file is None:
        raise InputError(f"{name}: give --weights-file, the weights of the paper's authors")
    return authors_model(weights_file)

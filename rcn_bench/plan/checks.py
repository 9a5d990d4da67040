"""What a schema cannot say of a config: keys that go together, models that are named twice, clips that fit."""

import difflib
import re
from collections.abc import Iterator

from rcn_bench.errors import InputError
from rcn_bench.plan.experiment import Experiment
from rcn_bench.plan.products import all_runs, products_of
from rcn_bench.plan.run import CARRIED, FRAMES, OPTION_WORDS, Run, base_model, option_words


def check_experiment(experiment: Experiment) -> None:
    """Errors: InputError that names the key and what is wrong with its value."""
    _check_data(experiment)
    _check_ranges(experiment)
    _check_pretraining(experiment)
    for variant in experiment.models:
        _check_variant(experiment, variant)
    products = products_of(experiment).values()
    for product in products:
        product.check()
        for model in (*product.profiled(), *product.timed(), *product.certified()):
            require_model(experiment, model, product.place)
    for run in all_runs(products):
        _check_run(experiment, run)


def leftovers(experiment: Experiment) -> Iterator[str]:
    """A line for every part of a config that nothing uses. Such parts may come from a base, so they are no errors."""
    runs = all_runs(products_of(experiment).values())
    if experiment.pretrain is not None and experiment.pretrained != "stills":
        yield f"pretrain: nothing uses it, since pretrained is {experiment.pretrained or 'left out'}"
    if experiment.train.milestones and experiment.train.schedule != "step":
        yield f"train.milestones: nothing uses them, since train.schedule is {experiment.train.schedule}"
    lengths = {str(run.frames) for run in runs}
    for frames in experiment.train.gpus_by_frames:
        if frames not in lengths:
            yield f"train.gpus_by_frames.{frames}: nothing uses it; no run has clips of {frames} frames"
    used = {experiment.trunk(run.model) for run in runs if run.w_xh == "imagenet"}
    for network in experiment.weights_files:
        if network not in used:
            close = difflib.get_close_matches(network, used, n=1)
            hint = f"did you mean {close[0]}?" if close else f"no run starts from ImageNet weights of {network}"
            yield f"weights_files.{network}: nothing uses it; {hint}"
    shown, pretrained = {run.variant for run in runs}, experiment.pretrained
    for variant, starts in experiment.models.items():
        if variant not in shown:
            yield f"models.{variant}: nothing uses it; no table or figure shows it"
            continue
        for w_xh in starts.w_xh:
            if w_xh not in ("random", pretrained):
                since = f"pretrained is {pretrained or 'left out'}"
                yield f"models.{variant}.w_xh: {w_xh}: nothing uses it, since {since}"


def require_model(experiment: Experiment, model: str, key: str) -> None:
    """Errors: InputError for a model that nothing registers."""
    known = experiment.model_sources
    if model not in known:
        close = difflib.get_close_matches(model, known, n=1)
        hint = f"did you mean {close[0]}?" if close else "`rcn-bench models` lists them; plugins may add some"
        raise InputError(f"{key}: unknown model {model!r}; {hint}")


def _check_data(experiment: Experiment) -> None:
    data = experiment.data
    if data.digits is None:
        if experiment.lifetime is not None:
            raise InputError("lifetime: needs data.digits, of whose motions its long videos are; leave it out")
        if data.annotations is None or data.videos is None:
            raise InputError("data: needs annotations and videos, or digits")
        return
    own = [key for key in ("annotations", "videos", "format") if getattr(data, key) is not None]
    if own:
        raise InputError(f"data.{own[0]}: does not go with data.digits; leave one of the two out")
    for key in ("short_side", "frame_rate", "pictures_per_second", "jpeg_quality"):
        if getattr(data, key) is not None:
            raise InputError(
                f"data.{key}: does not go with data.digits, whose frames are kept as they are: twins must stay "
                "each other's exact reversal"
            )


def _check_ranges(experiment: Experiment) -> None:
    digits, crop = experiment.data.digits, experiment.clip.crop
    side = digits.canvas if digits else experiment.data.short_side or crop
    if crop > side:
        raise InputError(f"clip.crop: {crop} is more than the {side} pixels of a frame's shorter side")
    pairs = {"augment.scale": experiment.augment.scale} | ({"data.digits.speed": digits.speed} if digits else {})
    for key, (lowest, highest) in pairs.items():
        if lowest > highest:
            raise InputError(f"{key}: {[lowest, highest]} must be [lowest, highest]")
    if experiment.train.schedule == "step" and not experiment.train.milestones:
        raise InputError("train.milestones: missing; schedule step needs them")
    if experiment.train.milestones != sorted(set(experiment.train.milestones)):
        raise InputError(f"train.milestones: {experiment.train.milestones} must rise")
    for frames in experiment.train.gpus_by_frames:
        if not re.fullmatch(FRAMES, frames):
            raise InputError(f"train.gpus_by_frames: {frames!r} is no number of frames; give such as 128: 2")
    if digits and digits.train_videos < min(digits.val_videos, 4 * len(digits.digits)):
        raise InputError(
            f"data.digits.train_videos: {digits.train_videos} do not show all classes that validation does; give at "
            f"least {min(digits.val_videos, 4 * len(digits.digits))}"
        )
    if digits and digits.size > 1 and (side := 28 * digits.size) > digits.canvas:
        raise InputError(f"data.digits.size: {digits.size} makes digits of {side} pixels, on frames of {digits.canvas}")
    crops = experiment.clip.evaluation_crops
    if digits and crops > 1 and crop + crops - 1 > digits.canvas:
        raise InputError(
            f"clip.evaluation_crops: {crops} different crops of {crop} need {crop + crops - 1} pixels, "
            f"data.digits.canvas has {digits.canvas}; lower clip.crop, or take 1"
        )
    if digits and experiment.clip.evaluation_clips % 2:
        raise InputError("clip.evaluation_clips: must be even, so that twins get the same clips, reversed")


def _check_pretraining(experiment: Experiment) -> None:
    if experiment.pretrained != "stills":
        return
    digits, pretrain = experiment.data.digits, experiment.pretrain
    if digits is None or pretrain is None:
        raise InputError("pretrained: stills needs the settings pretrain and data.digits")
    if digits.still_classes < 2:
        raise InputError("data.digits.digits: stills of a single digit are one class, which teaches nothing; give more")
    if digits.stills < pretrain.batch_size:
        raise InputError(f"pretrain.batch_size: {pretrain.batch_size} is more than the {digits.stills} stills")


def _check_variant(experiment: Experiment, variant: str) -> None:
    """An ablation must differ from its model."""
    words, starts = option_words(variant), experiment.models[variant]
    require_model(experiment, base_model(variant), f"models.{variant}")
    for word in words:
        if word not in OPTION_WORDS:
            raise InputError(f"models.{variant}: unknown option +{word}; there are {', '.join(OPTION_WORDS)}")
        if words.count(word) > 1:
            raise InputError(f"models.{variant}: +{word} stands there {words.count(word)} times; once is enough")
    if "centre" in words and "random" in starts.w_xh:
        raise InputError(
            f"models.{variant}.w_xh: +centre says how pretrained weights are inflated; from random ones it is the "
            "model itself, so leave random out"
        )
    if "frozen_bn" in words and "random" in starts.w_xh:
        raise InputError(
            f"models.{variant}.w_xh: +frozen_bn keeps the batch norm of pretrained weights, and random ones bring "
            "none; leave random out"
        )
    if CARRIED in words and starts.w_hh is None:
        raise InputError(
            f"models.{variant}.w_hh: missing; +carried is for models with a hidden state, which start from one, such "
            "as identity"
        )
    if "sum" in words and starts.w_hh is not None and "random" in starts.w_hh:
        raise InputError(
            f"models.{variant}.w_hh: +sum goes with identity alone: with a random w_hh the state grows 16-fold in 8 "
            "frames and overflows by 128"
        )


def _check_run(experiment: Experiment, run: Run) -> None:
    """Pretrained weights are known for its network, its clips fit the embedded videos, and the GPUs its batches."""
    if run.w_xh != "random":
        try:
            experiment.trunk(run.model)
        except InputError as error:
            raise InputError(f"models.{error}") from error
    digits, clip = experiment.data.digits, experiment.clip
    span = (run.frames - 1) * clip.stride + 1
    if digits and digits.video_frames - span + 1 < clip.evaluation_clips:
        raise InputError(
            f"data.digits.video_frames: {digits.video_frames} frames are too few for {clip.evaluation_clips} "
            f"different clips of {span}, which {run.name} needs"
        )
    batch = experiment.clips_per_batch(run)
    if batch < 2:
        raise InputError(
            f"train.frames_per_batch: {experiment.train.frames_per_batch} makes batches of fewer than 2 clips of "
            f"{run.frames} frames"
        )
    experiment.clips_per_gpu(run)
    if digits and batch > digits.train_videos:
        raise InputError(
            f"train.frames_per_batch: {experiment.train.frames_per_batch} makes batches of {batch} clips of "
            f"{run.frames} frames; there are {digits.train_videos} training videos"
        )

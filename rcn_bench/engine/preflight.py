"""What would stop a later job, found before the first: what models have to say, beyond the check of the config."""

from collections.abc import Iterator

import torch
from torch import nn

from rcn_bench.code import is_plugin, load_plugins
from rcn_bench.data.batches import batches_under_way
from rcn_bench.data.transforms import Augmentation
from rcn_bench.engine.build import architecture, initial_weights_file
from rcn_bench.engine.room import most_memory
from rcn_bench.errors import InputError
from rcn_bench.files import size_text
from rcn_bench.models import create_model, model_options, shortest_clip
from rcn_bench.models.network2d import has_imagenet_weights
from rcn_bench.models.recompute import can_recompute
from rcn_bench.plan.experiment import Experiment
from rcn_bench.plan.products import all_runs, builder_of, products_of
from rcn_bench.plan.products.base import Product
from rcn_bench.plan.run import OPTION_WORDS, Run, base_model, option_words


def check_runs(experiment: Experiment, source: str | None = None) -> None:
    """Find what would stop a job of an experiment: models, options, inits, clip lengths, plugins, files of the user's.

    source: what messages start with, such as the config's file. Errors: InputError that names the key, run or file.
    """
    try:
        _check_runs(experiment)
    except InputError as error:
        raise InputError(f"{source}: {error}" if source else str(error)) from error


def _check_runs(experiment: Experiment) -> None:
    load_plugins(experiment.plugins)
    products = list(products_of(experiment).values())
    for product in products:
        if is_plugin(type(product).__module__):
            builder_of(product)
    for variant in experiment.models:
        _check_variant(experiment, variant)
    for run in all_runs(products):
        _check_frames(f"models.{run.variant}", run.model, run.frames)
        _check_imagenet(experiment, run)
        _check_batch_memory(experiment, run)
    for key, model, frames in _shown(products):
        _check_frames(key, model, frames)
    if experiment.train.recompute_activations:
        for run in {run.variant: run for run in all_runs(products)}.values():
            _check_recomputing(experiment, run)
    _check_files(experiment)
    if experiment.data.digits is None:
        _check_videos(experiment, products)


def _check_variant(experiment: Experiment, variant: str) -> None:
    """Every option and init that the config names is one that the model has."""
    model, starts, key = base_model(variant), experiment.models[variant], f"models.{variant}"
    options = model_options(model)
    for word in option_words(variant):
        for option in OPTION_WORDS[word]:
            if option not in options:
                raise InputError(f"{key}: {model} has no option {option}, so there is no +{word} of it; leave it out")
    if starts.w_hh is not None and "w_hh" not in options:
        raise InputError(f"{key}.w_hh: {model} has no w_hh to choose; leave it out")
    if "w_xh" not in options and any(w_xh != "random" for w_xh in starts.w_xh):
        raise InputError(f"{key}.w_xh: {model} has no 2D weights to start from; its only w_xh is random")
    if is_plugin(experiment.model_sources[model].module):
        try:
            _without_weights(Run.of(variant, 2, "random", None, 0), experiment.stem_pool)
        except InputError as error:
            raise InputError(f"{key}: {error}") from error


def _check_imagenet(experiment: Experiment, run: Run) -> None:
    if run.w_xh != "imagenet":
        return
    trunk, file = experiment.trunk(run.model), initial_weights_file(run, experiment)
    if file is None and not has_imagenet_weights(trunk):
        raise InputError(
            f"models.{run.variant}.w_xh: no ImageNet weights are known for {trunk}; name a file of them as "
            f"weights_files.{trunk}"
        )
    if file is not None and not file.is_file():
        raise InputError(f"weights_files.{trunk}: {file}: no such weights file")


def _shown(products: list[Product]) -> Iterator[tuple[str, str, int]]:
    """The models whose cost or causality a product shows, each with the product's place and its shortest clip."""
    for product in products:
        for shown in (product.profiled(), product.timed(), product.certified()):
            for model, frames in shown.items():
                yield product.place, model, min(frames)


def _check_frames(key: str, model: str, frames: int) -> None:
    if frames < shortest_clip(model):
        raise InputError(f"{key}: {model} needs clips of {shortest_clip(model)} frames or more, not {frames}")


def _check_recomputing(experiment: Experiment, run: Run) -> None:
    what, net = experiment.train.recompute_activations, _without_weights(run, experiment.stem_pool)
    if not can_recompute(net, what):
        of_norms = "residual blocks whose norms can be computed again"
        blocks = of_norms if what == "norms" else "blocks that can be run twice"
        others = "true or false" if can_recompute(net) else "false"
        raise InputError(f"train.recompute_activations: {run.model} has none of the {blocks}; set it to {others}")


def _without_weights(run: Run, stem_pool: bool) -> nn.Module:
    """The network of a run, on the meta device if its builder can do that, where it takes no time."""
    options = architecture(run, stem_pool)
    if "w_xh" in model_options(run.model):
        options["w_xh"] = "random"
    try:
        with torch.device("meta"):
            return create_model(run.model, 2, **options)
    except Exception:
        return create_model(run.model, 2, **options)


def _check_batch_memory(experiment: Experiment, run: Run) -> None:
    """The batches of a training, in bytes as they are read and in floats, must fit into a machine's memory at least."""
    training, crop, box = experiment.train, experiment.clip.crop, Augmentation.of(experiment).box
    clips = experiment.clips_per_batch(run)
    read = batches_under_way(training.workers) * box**2
    if (needed := 3 * clips * run.frames * (read + 4 * crop**2)) > most_memory():
        raise InputError(
            f"train.frames_per_batch: {clips} clips of {run.frames} frames, read as {box}x{box} pixels for crops of "
            f"{crop}x{crop}, with {training.workers} workers, take {size_text(needed)} for the batches alone; this "
            f"machine has {size_text(most_memory())}; lower it, clip.crop or train.workers, or raise augment.scale"
        )


def _check_videos(experiment: Experiment, products: list[Product]) -> None:
    """The list of training has two classes or more, and a batch of videos for every run."""
    listed = experiment.dataset.listed("train")
    if (classes := len({video.label for video in listed})) < 2:
        raise InputError(f"data.annotations.train: its videos are of {classes} class, which teaches nothing")
    for run in all_runs(products):
        if (clips := experiment.clips_per_batch(run)) > len(listed):
            raise InputError(
                f"train.frames_per_batch: {experiment.train.frames_per_batch} makes batches of {clips} clips of "
                f"{run.frames} frames; data.annotations.train lists {len(listed)} videos"
            )


def _check_files(experiment: Experiment) -> None:
    """Lists and videos of the user's own; embedded ones are made by a job."""
    dataset, data = experiment.dataset, experiment.data
    if data.digits is not None:
        return
    for split in ("train", "val"):
        if not dataset.is_there(split):
            raise InputError(f"data.annotations.{split}: {dataset.annotations(split)}: no such file or folder")
    if not dataset.videos.exists():
        raise InputError(f"data.videos: {dataset.videos}: no such file or folder")

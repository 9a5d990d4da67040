"""A trained run of an experiment and its validation videos, refused where they do not belong together."""

from rcn_bench.data.cache.index import Cache, CacheIndex
from rcn_bench.data.frames import ClipLayout
from rcn_bench.data.overlap import compare_caches, require_apart
from rcn_bench.engine.build import Weights, load_weights
from rcn_bench.errors import InputError
from rcn_bench.plan.experiment import Experiment
from rcn_bench.plan.run import Run
from rcn_bench.records.overlap import Overlap
from rcn_bench.records.runs import Trained
from rcn_bench.records.weights import Card

LABELS_SHOWN = 20  # of the weights' own, in a message


def trained_weights(run: Run, experiment: Experiment) -> Weights:
    """The weights of a run. Errors: InputError if they are missing, another run's, or of another config."""
    path = experiment.paths.weights(run)
    if not path.is_file():
        raise InputError(f"{path}: not there; run `rcn-bench train {run.name}` first")
    weights, again = load_weights(path), f"put its own back, or run `rcn-bench train {run.name}` again"
    if weights.card.run != run.name:
        raise InputError(f"{path}: not the weights of {run.name}, but of {weights.card.run}; {again}")
    if differences := weights.card.differences(_told_by(run, experiment)):
        raise InputError(f"{path}: trained with {', '.join(differences)}; restore it, or train again")
    record = experiment.paths.training(run)
    if record.is_file() and Trained.read_of(record, run.name).weights_sha256 != weights.sha256:
        raise InputError(f"{path}: not the weights that {record} tells of; {again}")
    return weights


def validation_cache(experiment: Experiment, card: Card) -> Cache:
    """The validation videos. Errors: InputError if their frames or their labels are not as the weights know them."""
    cache = Cache(experiment.paths.cache("val"))
    cache.require_own(experiment, "val")
    cache.require_stored(card.short_side, card.frame_rate)
    for label in sorted({video.label for video in cache.videos}):
        if label not in card.labels:
            more = ", ..." if len(card.labels) > LABELS_SHOWN else ""
            raise InputError(
                f"{cache.path}: label {label!r} is not one of the weights' own: "
                f"{', '.join(card.labels[:LABELS_SHOWN])}{more}; rename it in the list, or train again"
            )
    return cache


def overlap_with_training(run: Run, experiment: Experiment, card: Card) -> Overlap | None:
    """What the validation videos have in common with those that a run was trained on; None without a cache of these.

    Errors: InputError if it is more than data.max_overlap allows, or if the run was trained on others than are there.
    """
    path, record = experiment.paths.cache("train"), experiment.paths.training(run)
    if not (path.is_file() and path.with_suffix("").is_dir()):
        return None
    if record.is_file() and Trained.read_of(record, run.name).data_fingerprint != CacheIndex.read(path).fingerprint:
        raise InputError(
            f"{record}: trained on other videos than {path} has now; run `rcn-bench train {run.name}` again"
        )
    overlap = compare_caches(path, experiment.paths.cache("val"), ClipLayout(card.frames, card.stride).span)
    require_apart(overlap, experiment.data.max_overlap)
    return overlap


def _told_by(run: Run, experiment: Experiment) -> dict[str, object]:
    """What the config says of how the network is built and fed, as fields of a card."""
    return {
        "stem_pool": experiment.stem_pool,
        "frames": run.frames,
        "stride": experiment.clip.stride,
        "crop": experiment.clip.crop,
        "short_side": experiment.dataset.short_side,
        "frame_rate": experiment.dataset.frame_rate,
    }

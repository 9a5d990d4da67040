"""The jobs that make an experiment's caches: a shard, the cache of a split, and the look ahead for room."""

from rcn_bench.data.cache.build import build_cache, build_shard, missing_shards, verify_cache
from rcn_bench.data.cache.index import Cache, CacheIndex
from rcn_bench.data.cache.shard import DamagedShard
from rcn_bench.data.cache.source import Source
from rcn_bench.data.cache.space import is_built, need_of, require_room
from rcn_bench.data.overlap import cached_videos, compare_caches, require_apart, require_one_label
from rcn_bench.files import Progress, write_text
from rcn_bench.plan.experiment import Experiment
from rcn_bench.plan.stages import cached_from, changes
from rcn_bench.records.origins import begin
from rcn_bench.records.runs import ShardRecord


def make_shard(experiment: Experiment, split: str, number: int, workers: int) -> None:
    """Make one shard of a split's cache, unless it is there, and write its record. Errors: see build_shard."""
    source = Source.of(experiment, split)
    shard = build_shard(source, number, workers)
    lists = {file for of in (split, "train") for file in experiment.dataset.files(of)}  # labels are those of training
    origin = begin(experiment, "cache", split, sorted(lists), with_torch=False)
    record = ShardRecord(origin=origin, shard=shard.name, bytes=shard.stat().st_size)
    record.write(experiment.paths.shard_record(split, number))


def make_cache(experiment: Experiment, split: str, workers: int) -> None:
    """Make what is missing of a split's cache, and write its fingerprint.

    Errors: see build_cache; InputError too if the other split has been cached before and the two are not apart.
    """
    source = Source.of(experiment, split)
    experiment.paths.fingerprint(split).unlink(missing_ok=True)  # a kill must not leave that of another cache
    build_cache(source, workers)
    _finish(experiment, split, source)


def verify(experiment: Experiment, split: str, workers: int, *, skip_damaged: bool) -> None:
    """Read every shard, make damaged ones anew, and write the cache's fingerprint.

    Errors: see verify_cache, make_cache.
    """
    source = Source.of(experiment, split)
    experiment.paths.fingerprint(split).unlink(missing_ok=True)
    verify_cache(source, skip=skip_damaged, workers=workers)
    _finish(experiment, split, source)


def _finish(experiment: Experiment, split: str, source: Source) -> None:
    """Write the fingerprint, on which training and evaluation wait, unless the splits are not apart.

    Where both are made at a time, the one that ends last finds the index of the other.
    """
    paths, share = experiment.paths, experiment.data.max_overlap
    other, overlap = {"train": "val", "val": "train"}[split], None
    try:
        if _is_current(experiment, other):
            overlap = compare_caches(paths.cache("train"), paths.cache("val"))
    except DamagedShard as error:  # perhaps one that its own job makes anew just now; that will look, and evaluation
        print(f"not compared with {other}: {error}")
    if overlap is None:
        require_one_label(cached_videos(source.index), source.annotations, share)
    else:
        for line in overlap.lines():
            print(line)
        require_apart(overlap, share)
    write_text(experiment.paths.fingerprint(split), Cache(source.index).fingerprint + "\n")


def _is_current(experiment: Experiment, split: str) -> bool:
    """Whether the cache of a split is there and of the videos that are listed now; else its own job will compare."""
    path, dataset = experiment.paths.cache(split), experiment.dataset
    if not (path.is_file() and dataset.is_there(split)):
        return False
    index = CacheIndex.read(path)
    cached = {video.id for video in index.videos} | {video.id for video in index.skipped}
    listed = {video.id for video in dataset.listed(split)}
    return cached == listed and not changes(index.made_from, cached_from(experiment, split))


def require_room_for_caches(experiment: Experiment, progress: Progress) -> None:
    """Say what the caches of a user's own videos still take. Errors: InputError if there is less room."""
    if experiment.data.digits is not None:
        return
    sources = [Source.of(experiment, split) for split in ("train", "val")]
    if needs := [need_of(source, missing_shards(source), 1) for source in sources if not is_built(source)]:
        require_room(experiment.paths.cache("train").parent, needs, progress)

"""The jobs that make an experiment's caches: a shard, the cache of a split, and the look ahead for room."""

from rcn_bench.data.cache.build import build_cache, build_shard, missing_shards, verify_cache
from rcn_bench.data.cache.index import Cache
from rcn_bench.data.cache.source import Source
from rcn_bench.data.cache.space import is_built, need_of, require_room
from rcn_bench.files import Progress, write_text
from rcn_bench.plan.experiment import Experiment
from rcn_bench.records.origins import begin
from rcn_bench.records.runs import ShardRecord


def make_shard(experiment: Experiment, split: str, number: int, workers: int) -> None:
    """Make one shard of a split's cache, unless it is there, and write its record. Errors: see build_shard."""
    source = Source.of(experiment, split)
    shard = build_shard(source, number, workers)
    lists = {experiment.dataset.annotations(of) for of in (split, "train")}  # labels are those of training
    origin = begin(experiment, "cache", split, sorted(path for path in lists if path.is_file()), with_torch=False)
    record = ShardRecord(origin=origin, shard=shard.name, bytes=shard.stat().st_size)
    record.write(experiment.paths.shard_record(split, number))


def make_cache(experiment: Experiment, split: str, workers: int) -> None:
    """Make what is missing of a split's cache, and write its fingerprint. Errors: see build_cache."""
    source = Source.of(experiment, split)
    experiment.paths.fingerprint(split).unlink(missing_ok=True)  # a kill must not leave that of another cache
    build_cache(source, workers)
    _write_fingerprint(experiment, split, source)


def verify(experiment: Experiment, split: str, workers: int, *, skip_damaged: bool) -> None:
    """Read every shard, make damaged ones anew, and write the cache's fingerprint. Errors: see verify_cache."""
    source = Source.of(experiment, split)
    experiment.paths.fingerprint(split).unlink(missing_ok=True)
    verify_cache(source, skip=skip_damaged, workers=workers)
    _write_fingerprint(experiment, split, source)


def _write_fingerprint(experiment: Experiment, split: str, source: Source) -> None:
    write_text(experiment.paths.fingerprint(split), Cache(source.index).fingerprint + "\n")


def require_room_for_caches(experiment: Experiment, progress: Progress) -> None:
    """Say what the caches of a user's own videos still take. Errors: InputError if there is less room."""
    if experiment.data.digits is not None:
        return
    sources = [Source.of(experiment, split) for split in ("train", "val")]
    if needs := [need_of(source, missing_shards(source), 1) for source in sources if not is_built(source)]:
        require_room(experiment.paths.cache("train").parent, needs, progress)

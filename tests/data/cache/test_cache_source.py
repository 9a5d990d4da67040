"""What the cache of an experiment's split is made of."""

from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from five_videos import NAMES

from rcn_bench.data.cache import source
from rcn_bench.data.cache.build import build_cache
from rcn_bench.data.cache.index import Cache, CacheIndex
from rcn_bench.data.cache.shard import Storage
from rcn_bench.data.cache.source import Source
from rcn_bench.errors import InputError
from rcn_bench.lists.formats import read_list
from rcn_bench.plan import dataset
from rcn_bench.plan.config import check_config
from rcn_bench.plan.experiment import Experiment

REPOSITORY = Path(__file__).parents[3]


@pytest.fixture
def experiment(folder) -> Experiment:
    """Trains on all five videos, validates on a and b."""
    folder.list()
    (folder.root / "val.csv").write_text("path,label\na.mp4,up\nb.mp4,sideways\n")
    config = yaml.safe_load((REPOSITORY / "config" / "mini.yaml").read_text())
    lists = {"train": str(folder.root / "all.csv"), "val": str(folder.root / "val.csv")}
    config["data"] = {"annotations": lists, "videos": str(folder.videos), "short_side": 32, "frame_rate": 4}
    config["data"] |= {"jpeg_quality": 90, "shard_videos": 2, "max_bad": 0.25}
    config["models"] = {name: of | {"w_xh": ["random"]} for name, of in config["models"].items()}
    del config["pretrain"], config["pretrained"]
    return check_config(config, "own.yaml", folder.root / "results")


def test_it_is_what_the_experiment_says(folder, experiment):
    val = Source.of(experiment, "val")
    assert (val.annotations, val.root) == (folder.root / "val.csv", folder.videos)
    assert (val.index, val.report) == (experiment.paths.cache("val"), experiment.paths.check("val"))
    assert (val.storage, val.shard_videos, val.max_bad) == (Storage(32, 4, 90), 2, 0.25)
    assert val.labels == {"up", "down"}  # those of training
    assert [[video.id for video in shard] for shard in val.shards] == [["a.mp4", "b.mp4"]]
    train = Source.of(experiment, "train")
    assert [video.id for shard in train.shards for video in shard] == [f"{name}.mp4" for name in NAMES]


def test_a_cache_is_refused_where_it_was_made_with_other_values(experiment):
    experiment = other_data(experiment, max_bad=0.5)
    source = Source.of(experiment, "val")
    build_cache(source, progress=lambda line: None)
    cache = Cache(source.index)
    cache.require_own(experiment, "val")
    cache.require_own(other_data(experiment, shard_videos=7, max_bad=0.75), "val")
    with pytest.raises(InputError) as error:
        cache.require_own(other_data(experiment, short_side=16, frame_rate=None), "val")
    assert str(error.value) == (
        f"{source.index}: cache of other data: data.frame_rate was 4, is left out, data.short_side was 32, is 16; run "
        "`rcn-bench data cache --split val` again"
    )
    with pytest.raises(InputError, match="split was val, is train"):
        cache.require_own(experiment, "train")


def test_a_fingerprint_does_not_depend_on_what_a_cache_was_made_from(experiment):
    experiment = other_data(experiment, max_bad=0.5)
    source = Source.of(experiment, "val")
    build_cache(source, progress=lambda line: None)
    index = CacheIndex.read(source.index)
    assert index.made_from == source.made_from != {}
    assert replace(index, made_from={}).fingerprint == index.fingerprint


def other_data(experiment: Experiment, **data) -> Experiment:
    return replace(experiment, data=replace(experiment.data, **data))


def test_each_list_is_read_once(experiment, monkeypatch):
    read = []

    def counted(source, *rest, **options):
        read.append(source.name)
        return read_list(source, *rest, **options)

    for module in (source, dataset):
        monkeypatch.setattr(module, "read_list", counted)
    for split in ("train", "val"):
        _ = Source.of(experiment, split).shards
    assert read == ["all.csv", "val.csv"]

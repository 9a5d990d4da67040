"""A power cut at every step of a write leaves what was there before or what is new, or a line; and the work goes on."""

import itertools
import shutil

import pytest
import torch
from power import WatchedDisk, lay_out
from safetensors.torch import load_file, save
from torch import nn
from videos import silent, source, write_videos

from rcn_bench.code import Code
from rcn_bench.data.cache.build import build_cache
from rcn_bench.data.cache.index import Cache
from rcn_bench.engine.resume import keep_finished, resume, save_checkpoint
from rcn_bench.errors import InputError
from rcn_bench.files import write_bytes
from rcn_bench.plan.stages import Dependencies
from rcn_bench.records.rows import TEXT, read_rows, write_rows
from rcn_bench.records.runs import Epoch, ShardRecord
from rcn_bench.records.weights import Card, sealed
from results import an_example


@pytest.fixture
def after_cut(tmp_path):
    """Does something to a folder of files; then lays out each state in which a power cut could have left that."""
    disk, numbers = tmp_path / "disk", itertools.count()
    disk.mkdir()

    def after_cut(before, write):
        lay_out(before, disk)
        watched = WatchedDisk(disk)
        with watched.watching():
            write(disk)
        for how, files in watched.states():
            folder = tmp_path / f"state{next(numbers)}"
            folder.mkdir()
            yield how, lay_out(files, folder)
            shutil.rmtree(folder)

    return after_cut


def files_of(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# Checkpoints

IDENTITY = Dependencies({}, Code({}), {})


def trained(epochs):
    """A network, and the lines of as many epochs; its weights tell how many there were."""
    net = nn.Linear(2, 2)
    nn.init.constant_(net.weight, epochs)
    return net, [Epoch(epoch + 1, 0.5, 0.5, 0.1, 8, 1.0) for epoch in range(epochs)]


def save_after(folder, epochs):
    net, lines = trained(epochs)
    save_checkpoint(folder / "checkpoints" / "run.pt", IDENTITY, [], lines, {"model": net})


def resumed(folder):
    """How many epochs a training finds done, by its lines and by its weights."""
    net, _ = trained(0)
    _, epochs = resume(folder / "checkpoints" / "run.pt", IDENTITY, {"model": net})
    assert torch.equal(net.weight, torch.full((2, 2), float(len(epochs))))
    return len(epochs)


@pytest.mark.parametrize("done", [0, 1, 2, 3])
def test_a_training_goes_on_from_this_epoch_or_the_last_one(tmp_path, after_cut, done):
    for epochs in range(1, done + 1):
        save_after(tmp_path / "before", epochs)
    found = set()
    for how, folder in after_cut(files_of(tmp_path / "before"), lambda disk: save_after(disk, done + 1)):
        found.add(resumed(folder))
        assert found <= {done, done + 1}, how
        save_after(folder, 5)
        assert resumed(folder) == 5, how
    assert found == {done, done + 1}


def test_a_damaged_checkpoint_gives_way_to_the_one_before_whatever_happens_meanwhile(tmp_path, after_cut):
    for epochs in (1, 2):
        save_after(tmp_path / "before", epochs)
    files = files_of(tmp_path / "before")
    files["checkpoints/run.pt"] = files["checkpoints/run.pt"][:-1]
    for how, folder in after_cut(files, resumed):
        assert resumed(folder) == 1, how


def test_a_finished_training_keeps_its_last_epoch_until_its_weights_are_there(tmp_path, after_cut):
    for epochs in (1, 2):
        save_after(tmp_path / "before", epochs)

    def finish(disk):
        write_bytes(disk / "runs" / "run" / "model.safetensors", b"weights")
        keep_finished(disk / "checkpoints" / "run.pt")

    for how, folder in after_cut(files_of(tmp_path / "before"), finish):
        weights = folder / "runs" / "run" / "model.safetensors"
        assert not weights.exists() or weights.read_bytes() == b"weights", how
        assert resumed(folder) == 2, how


# Records, tables, weights


def test_a_record_is_the_old_one_or_the_new_one(tmp_path, after_cut):
    old, new = (an_example(ShardRecord, shard=name) for name in ("old", "new"))
    old.write(tmp_path / "before" / "cache" / "record.json")
    found = set()
    for _, folder in after_cut(files_of(tmp_path / "before"), lambda disk: new.write(disk / "cache" / "record.json")):
        found.add(ShardRecord.read(folder / "cache" / "record.json").shard)
    assert found == {"old", "new"}


def test_a_record_in_a_new_folder_is_not_there_or_whole(after_cut):
    new, found = an_example(ShardRecord), set()
    for _, folder in after_cut({}, lambda disk: new.write(disk / "cache" / "val" / "record.json")):
        if (path := folder / "cache" / "val" / "record.json").exists():
            assert ShardRecord.read(path) == new
        found.add(path.exists())
    assert found == {False, True}


def test_rows_are_never_read_with_the_checksum_of_others(tmp_path, after_cut):
    def write(disk, cell):
        sha256 = write_rows(disk / "rows.csv", {"video": TEXT}, {"video": [cell]})
        write_bytes(disk / "rows.sha256", sha256.encode())

    def read(disk):
        try:
            sha256 = (disk / "rows.sha256").read_text()
            return read_rows(disk / "rows.csv", {"video": TEXT}, sha256, "rcn-bench evaluate")["video"][0]
        except InputError:
            return "refused"

    write(tmp_path / "before", "old")
    found = set()
    for _, folder in after_cut(files_of(tmp_path / "before"), lambda disk: write(disk, "new")):
        found.add(read(folder))
    assert found == {"old", "new", "refused"}


def test_weights_are_the_old_ones_or_the_new_ones(tmp_path, after_cut):
    def write(disk, value):
        card = an_example(Card, recurrent_layers=["w"])
        write_bytes(disk / "run.safetensors", sealed(save({"w": torch.tensor([value])}, card.to_metadata())))

    write(tmp_path / "before", 1.0)
    found = set()
    for _, folder in after_cut(files_of(tmp_path / "before"), lambda disk: write(disk, 2.0)):
        Card.of(folder / "run.safetensors")
        found.add(load_file(folder / "run.safetensors")["w"].item())
    assert found == {1.0, 2.0}


# Shards and their index


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("videos") / "videos"
    folder.mkdir()
    write_videos(folder)
    return folder


@pytest.mark.parametrize("listed", [pytest.param("", marks=pytest.mark.slow), "abcde"], ids=["first", "again"])
def test_a_cache_is_the_old_one_or_the_new_one_and_is_built_on(videos, tmp_path, after_cut, listed):
    whole, old = tmp_path / "whole", None
    if listed:
        build_cache(source(videos, whole, listed), progress=silent)
        old = Cache(whole / "cache" / "all.json").fingerprint
    before = files_of(whole)
    build_cache(source(videos, whole, "abce"), progress=silent)  # another second shard, and no third one
    new, found = Cache(whole / "cache" / "all.json").fingerprint, set()
    for how, folder in after_cut(before, lambda disk: build_cache(source(videos, disk, "abce"), progress=silent)):
        after = source(videos, folder, "abce")
        found.add(Cache(after.index).fingerprint if after.index.exists() else None)
        assert found <= {old, new}, how
        build_cache(after, progress=silent)
        assert Cache(after.index).fingerprint == new, how
    assert found == {old, new}

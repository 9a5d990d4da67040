"""Training on a tiny data set: what it leaves behind, and what it refuses."""

import re
import shutil
import time
from dataclasses import replace
from importlib.metadata import version

import pytest
import torch
from safetensors.torch import load_file
from tiny import C2D, EPOCHS, RCN, RUNS, SKIPPED, VIDEOS, changed, metrics_without_times, tiny_experiment

import rcn_bench.data.clips as clips
import rcn_bench.engine.optimisation as building
import rcn_bench.engine.train as training
from rcn_bench.data.cache.index import Cache, CacheIndex
from rcn_bench.engine.train import train
from rcn_bench.errors import InputError, TrainingDiverged
from rcn_bench.files import file_hash, locked
from rcn_bench.models.recompute import recompute_activations
from rcn_bench.plan.run import Run
from rcn_bench.plan.stages import dependencies
from rcn_bench.records.runs import Epoch, InitialWeights, Skipped, Trained
from rcn_bench.records.weights import Card

by_model = pytest.mark.parametrize("run", RUNS, ids=lambda run: run.model)


# What a training leaves


@by_model
def test_run_folder_holds_the_results_and_nothing_half_done(trained, run):
    names = {path.name for path in trained.paths.run(run).iterdir()} - {".lock"}
    trained_to = {"metrics.jsonl", "provenance.json", "model.safetensors"}
    assert names == trained_to | {"scores.safetensors", "predictions.csv", "eval.json"}
    assert not trained.paths.checkpoint(run).exists()


@by_model
def test_metrics_have_a_line_for_every_epoch(trained, run):
    epochs = Trained.read(trained.paths.training(run)).epochs(trained.paths.metrics(run))
    assert [epoch.epoch for epoch in epochs] == list(range(1, EPOCHS + 1))
    for epoch in epochs:
        assert epoch.samples == VIDEOS
        assert 0 < epoch.loss < float("inf")
        assert 0 <= epoch.accuracy <= 1
        assert epoch.seconds > 0
        assert 0 <= epoch.waiting_for_clips < 1


def test_record_of_a_run_tells_what_went_into_it(trained):
    record = Trained.read(trained.paths.training(RCN))
    assert (record.run, record.seed) == (RCN.name, 0)
    assert record.data_fingerprint == Cache(trained.paths.cache("train")).fingerprint
    sha256 = file_hash(trained.paths.pretrained("resnet18"))
    assert record.initial_weights == InitialWeights("tiny/pretrained/resnet18-stills.safetensors", sha256)
    assert record.weights_sha256 == file_hash(trained.paths.weights(RCN))


def test_origin_of_a_run_tells_code_settings_inputs_and_machine(trained):
    origin = Trained.read(trained.paths.training(RCN)).origin
    depends = dependencies(trained, "train", RCN.name)
    assert (origin.stage, origin.settings, origin.code) == ("train", depends.settings, depends.code.hash)
    assert origin.settings["train"]["lr"] == trained.train.lr
    assert origin.inputs == {
        "tiny/cache/train.json": Cache(trained.paths.cache("train")).fingerprint,
        "tiny/pretrained/resnet18-stills.safetensors": file_hash(trained.paths.pretrained("resnet18")),
    }
    (start,) = origin.starts
    assert start.packages["torch"] == version("torch")
    assert start.machine.threads == 1


def test_random_start_has_no_weights_file(trained):
    record = Trained.read(trained.paths.training(C2D))
    assert record.initial_weights is None
    assert list(record.origin.inputs) == ["tiny/cache/train.json"]


def test_record_counts_videos_and_clips(trained):
    record = Trained.read(trained.paths.training(RCN))
    assert record.videos_used == VIDEOS
    assert record.videos_skipped == [Skipped(SKIPPED, "5 frames, a clip needs 7")]
    assert record.clips_trained == EPOCHS * VIDEOS
    seconds = sum(epoch.seconds for epoch in record.epochs(trained.paths.metrics(RCN)))
    assert record.training_seconds == pytest.approx(seconds)
    assert record.training_clips_per_second == pytest.approx(record.clips_trained / seconds, rel=0.01)


def test_training_changes_the_weights_and_the_hidden_state(trained):
    state, start = load_file(trained.paths.weights(RCN)), load_file(trained.paths.pretrained("resnet18"))
    assert not torch.equal(state["trunk.layer1.0.conv1.w_xh.weight"], start["layer1.0.conv1.weight"])
    hidden = state["trunk.layer1.0.conv1.w_hh"]
    assert not torch.equal(hidden, torch.eye(64))
    assert (hidden - torch.eye(64)).abs().max() < 0.5


@by_model
def test_weights_carry_a_card_of_all_that_is_needed_to_use_them(trained, run):
    card = Card.of(trained.paths.weights(run))
    assert card.run == run.name
    assert card.labels == Cache(trained.paths.cache("train")).labels
    assert (card.stem_pool, card.frames, card.stride, card.crop) == (True, 4, 2, 16)
    assert (card.short_side, card.frame_rate, card.evaluation_clips) == (20, None, 4)
    assert (card.autocast, card.plugins) == ("none", [])
    assert len(card.recurrent_layers) == (16 if run == RCN else 0)
    assert card.origin == Trained.read(trained.paths.training(run)).origin


@pytest.mark.slow
def test_the_origin_is_of_the_start_and_not_of_the_end(fresh, monkeypatch):
    whole, times = training.train_one_epoch, []

    def look(*args):
        times.append(len(begun))
        return whole(*args)

    begun, begin = [], training.begin
    monkeypatch.setattr(training, "begin", lambda *args: begun.append(args) or begin(*args))
    monkeypatch.setattr(training, "train_one_epoch", look)
    train(C2D, fresh)
    assert times == [1] * EPOCHS
    assert len(begun) == 1


def own_stills(experiment, tiny):
    """A copy of the pretrained weights that a test may change."""
    (experiment.paths.root / "pretrained").unlink()
    file = experiment.paths.pretrained("resnet18")
    file.parent.mkdir()
    for name in (file, file.with_suffix(".json")):
        shutil.copy(tiny.paths.pretrained("resnet18").with_name(name.name), name)
    return file


def test_stills_weights_that_their_record_does_not_tell_of_are_refused(fresh, tiny):
    file = own_stills(fresh, tiny)
    file.write_bytes(file.read_bytes()[:-1] + b"?")
    with pytest.raises(InputError) as error:
        train(RCN, fresh)
    assert str(error.value) == (
        f"{file}: not the weights that {file.with_suffix('.json')} tells of; put its own back, or run "
        "`rcn-bench pretrain resnet18` again"
    )
    assert not fresh.paths.run(RCN).exists()


@pytest.mark.slow
def test_the_initial_weights_recorded_are_those_read_whatever_comes_after(fresh, tiny, monkeypatch):
    file, whole = own_stills(fresh, tiny), training.train_one_epoch
    sha256 = file_hash(file)

    def replaced_meanwhile(*args):
        file.write_bytes(b"other weights")
        return whole(*args)

    monkeypatch.setattr(training, "train_one_epoch", replaced_meanwhile)
    train(RCN, fresh)
    record = Trained.read(fresh.paths.training(RCN))
    assert record.initial_weights == InitialWeights("tiny/pretrained/resnet18-stills.safetensors", sha256)
    assert record.origin.inputs["tiny/pretrained/resnet18-stills.safetensors"] == sha256


def test_initial_weights_that_change_while_they_are_read_are_refused(fresh, tiny, monkeypatch):
    file, build = own_stills(fresh, tiny), training.build_model

    def replaced_meanwhile(*args):
        model = build(*args)
        file.write_bytes(b"other weights")
        return model

    monkeypatch.setattr(training, "build_model", replaced_meanwhile)
    with pytest.raises(InputError, match="changed while it was read") as error:
        train(RCN, fresh)
    assert str(file) in str(error.value)


@pytest.fixture
def recomputed(monkeypatch):
    """The models whose activations are recomputed from now on."""
    models = []

    def recompute(net, what):
        if what:
            models.append(recompute_activations(net, what))

    monkeypatch.setattr(building, "recompute_activations", recompute)
    return models


@pytest.mark.slow
def test_recomputing_activations_gives_the_same_weights(fresh, recomputed):
    fresh = changed(fresh, {"train.epochs": 1})
    train(RCN, fresh)
    plain, plain_metrics = load_file(fresh.paths.weights(RCN)), metrics_without_times(fresh, RCN)
    assert len(recomputed) == 0

    train(RCN, changed(fresh, {"train.recompute_activations": True}))
    assert len(recomputed) == 1
    for key, value in load_file(fresh.paths.weights(RCN)).items():
        assert torch.equal(plain[key], value), key
    assert metrics_without_times(fresh, RCN) == plain_metrics


def test_every_epoch_shows_other_clips_in_another_order(fresh, monkeypatch):
    epochs = []

    def look(step, batches, rates, number, *args):
        made = [[part.clone() for part in batch] for batch in batches]
        epochs.append([torch.cat(parts) for parts in zip(*made, strict=True)])
        return Epoch(number, 1.0, 0.0, 0.0, 1, 1.0)

    monkeypatch.setattr(training, "train_one_epoch", look)
    train(C2D, fresh)
    (clips, _, classes), (other_clips, _, other_classes) = epochs
    assert classes.sort().values.equal(other_classes.sort().values)
    assert not classes.equal(other_classes)
    assert not any(torch.equal(clip, other) for clip in clips for other in other_clips)


# Refusals


def test_run_that_is_being_worked_on_is_refused(fresh):
    with locked(fresh.paths.run(C2D)), pytest.raises(InputError, match="another process") as error:
        train(C2D, fresh)
    assert str(fresh.paths.run(C2D)) in str(error.value)
    assert not fresh.paths.weights(C2D).exists()


def test_training_that_diverges_stops_and_leaves_no_weights(fresh):
    with pytest.raises(TrainingDiverged, match=C2D.name):
        train(C2D, replace(fresh, train=replace(fresh.train, lr=1e10, warmup=0, epochs=3)))  # no config may say so
    assert not fresh.paths.weights(C2D).exists()


def test_batch_of_more_clips_than_there_are_is_refused(fresh):
    with pytest.raises(InputError, match=r"train\.frames_per_batch: 68 makes batches of 17 clips"):
        train(C2D, changed(fresh, {"train.frames_per_batch": 4 * (VIDEOS + 1)}))


def test_batch_of_one_clip_is_refused(fresh):
    long = Run("c2d18", 9, "random", None, 0)
    with pytest.raises(InputError, match=r"train\.frames_per_batch: 16 makes batches of 1 clips of 9 frames"):
        train(long, changed(fresh, {"train.frames_per_batch": 16}))


def test_training_without_a_cache_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"train\.json: no cache here"):
        train(C2D, tiny_experiment(tmp_path))


def test_training_without_its_pretrained_weights_is_refused(fresh):
    (fresh.paths.root / "pretrained").unlink()
    with pytest.raises(InputError, match=r"resnet18-stills\.safetensors"):
        train(RCN, fresh)


def test_a_cache_of_other_data_is_refused(fresh):
    (fresh.paths.root / "cache").unlink()
    shutil.copytree(fresh.paths.data.resolve().parent / "cache", fresh.paths.root / "cache")
    index = CacheIndex.read(fresh.paths.cache("train"))
    index.made_from["data"]["digits"] |= {"clutter": 7}
    index.write(fresh.paths.cache("train"))
    with pytest.raises(InputError, match=r"train\.json: cache of other data: data\.digits\.clutter was 7, is 1; run"):
        train(C2D, fresh)


@pytest.mark.parametrize(
    ("run", "reason"),
    [
        (Run("rcn81", 4, "random", "identity"), "rcn81"),
        (Run("c2d18", 4, "random", "identity"), "w_hh"),
        (Run("c2d18", 4, "noise"), "noise"),
        (Run("rcn18", 4, "random", "noise"), "noise"),
        (Run("r2plus1d18", 4, "stills"), "r2plus1d18"),
    ],
)
def test_run_that_no_model_can_do_is_refused_and_leaves_no_folder(fresh, run, reason):
    with pytest.raises(InputError, match=reason):
        train(run, fresh)
    assert not fresh.paths.run(run).exists()


def test_an_unknown_model_is_refused_before_there_is_a_cache(tmp_path):
    experiment = tiny_experiment(tmp_path)
    with pytest.raises(InputError, match="rcn81"):
        train(Run("rcn81", 4, "random"), experiment)
    with pytest.raises(InputError, match="no cache here"):
        train(C2D, experiment)
    assert not experiment.paths.root.exists()


def test_a_training_that_waits_for_its_clips_says_so_once(fresh, monkeypatch, capsys):
    def slow(*arguments):
        time.sleep(0.05)  # a clip, of which a step has several
        return cut(*arguments)

    cut = clips.cut
    monkeypatch.setattr(clips, "cut", slow)
    train(C2D, changed(fresh, {"train.epochs": 2}))
    (told,) = [line for line in capsys.readouterr().out.splitlines() if "waiting for clips" in line]
    share = re.fullmatch(
        rf"{C2D.name}: (\d+)% of epoch 2 was waiting for clips; train.workers is 0, and more, each with a core of its "
        r"own, would make it faster",
        told,
    )
    assert 50 < int(share[1]) <= 100


@pytest.mark.slow
def test_an_epoch_is_told_of_when_its_checkpoint_is_there(fresh, monkeypatch, capsys):
    save, told = training.save_checkpoint, []

    def look(*args):
        told.append(capsys.readouterr().out.count("epoch "))
        save(*args)

    monkeypatch.setattr(training, "save_checkpoint", look)
    train(C2D, fresh)
    assert told == [0] + [1] * (EPOCHS - 1)


def test_an_edit_of_the_recurrence_makes_no_other_model_anew(tiny):
    reached = {run.model: dependencies(tiny, "train", run.name).code.modules for run in RUNS}
    assert "rcn_bench.models.rcn" in reached["rcn18"]
    assert "rcn_bench.models.rcn" not in reached["c2d18"]
    assert not any(name.startswith("rcn_bench.ops") for name in reached["c2d18"])

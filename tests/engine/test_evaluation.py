"""Evaluation of trained runs: what it finds and records, and weights or videos that it refuses."""

import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file
from tiny import C2D, CLIPS, RCN, RUNS, SKIPPED, VIDEOS, changed, linked, save_weights, save_with_card, silent

from rcn_bench.data.cache.build import build_cache
from rcn_bench.data.cache.index import Cache, CacheIndex
from rcn_bench.data.cache.shard import Storage
from rcn_bench.data.cache.source import Source
from rcn_bench.engine.evaluate import evaluate
from rcn_bench.engine.train import train
from rcn_bench.errors import InputError
from rcn_bench.files import file_hash
from rcn_bench.models import create_model
from rcn_bench.plan.run import Run
from rcn_bench.plan.stages import dependencies
from rcn_bench.records.runs import Evaluation
from rcn_bench.records.weights import Card

by_model = pytest.mark.parametrize("run", RUNS, ids=lambda run: run.model)


def evaluation(experiment, run):
    return Evaluation.read(experiment.paths.evaluation(run))


def refusal(run, experiment):
    with pytest.raises(InputError) as error:
        evaluate(run, experiment)
    assert "\n" not in str(error.value)
    return str(error.value)


# What it finds and records


@by_model
def test_evaluation_agrees_with_its_predictions(trained, run):
    result = evaluation(trained, run)
    table = result.predictions(trained.paths.predictions(run))
    assert len(table) == result.videos_used == VIDEOS
    assert result.video_accuracy == pytest.approx((table["label"] == table["predicted"]).mean())
    assert result.clip_accuracy == pytest.approx(table["clips_correct"].sum() / (VIDEOS * CLIPS))
    assert table["clips_correct"].between(0, CLIPS).all()
    assert table["score"].between(1 / 8 - 1e-4, 1).all()
    assert set(table["label"]) | set(table["predicted"]) <= set(Cache(trained.paths.cache("val")).labels)


@by_model
def test_accuracies_are_shares_within_their_intervals(trained, run):
    result = evaluation(trained, run)
    for accuracy, (low, high) in (
        (result.clip_accuracy, result.clip_interval),
        (result.video_accuracy, result.video_interval),
    ):
        assert 0 <= low <= accuracy <= high <= 1


def test_evaluation_records_clips_groups_and_skipped_videos(trained):
    result = evaluation(trained, RCN)
    assert result.run == RCN.name
    assert result.groups == VIDEOS // 2
    assert result.clips_per_video == CLIPS
    assert result.clip_starts_of_first_video == [0, 6, 12, 18]
    assert [video.id for video in result.videos_skipped] == [SKIPPED]
    assert result.data_fingerprint == Cache(trained.paths.cache("val")).fingerprint


def test_evaluation_records_what_it_comes_from(trained):
    result, paths = evaluation(trained, RCN), trained.paths
    assert result.weights_sha256 == file_hash(paths.weights(RCN))
    assert result.predictions_sha256 == file_hash(paths.predictions(RCN))
    depends = dependencies(trained, "evaluate", RCN.name)
    assert (result.origin.settings, result.origin.code) == (depends.settings, depends.code.hash)
    assert result.origin.inputs == {
        f"tiny/runs/{RCN.name}/model.safetensors": result.weights_sha256,
        "tiny/cache/val.json": result.data_fingerprint,
    }


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
def test_c2d_scores_twins_alike_and_cannot_pass_a_half(fresh, seed):
    run = Run("c2d18", 4, "random", None, seed)
    torch.manual_seed(seed)
    save_weights(fresh, run, create_model("c2d18", 8), Cache(fresh.paths.cache("train")).labels)
    evaluate(run, fresh)
    table = pd.read_csv(fresh.paths.predictions(run))
    for _, twins in table.groupby("group"):
        assert len(twins) == 2
        assert twins["label"].nunique() == 2
        assert twins["predicted"].nunique() == 1
        assert np.ptp(twins["score"]) <= 2e-4  # scores are written with four digits
    assert evaluation(fresh, run).video_accuracy <= 0.5


# Weights that it refuses


def test_evaluation_without_weights_names_the_file_and_the_command(fresh):
    line = refusal(RCN, fresh)
    assert line == f"{fresh.paths.weights(RCN)}: not there; run `rcn-bench train {RCN.name}` first"


def test_weights_of_another_run_are_refused(trained, fresh):
    fresh.paths.run(RCN).mkdir(parents=True)
    shutil.copy(trained.paths.weights(C2D), fresh.paths.weights(RCN))
    assert f"{fresh.paths.weights(RCN)}: not the weights of {RCN.name}, but of {C2D.name}" in refusal(RCN, fresh)
    assert not fresh.paths.evaluation(RCN).exists()


def test_weights_of_another_model_than_the_card_says_are_refused(trained, fresh):
    card = Card.of(trained.paths.weights(RCN))
    fresh.paths.run(RCN).mkdir(parents=True)
    save_with_card(load_file(trained.paths.weights(C2D)), fresh.paths.weights(RCN), card)
    assert f"{fresh.paths.weights(RCN)}: not the weights of {RCN.name} (" in refusal(RCN, fresh)


@pytest.mark.parametrize("content", [b"", b"not a weights file", b"\x10" + b"\0" * 7 + b"{}"], ids=repr)
def test_evaluation_refuses_a_damaged_file(fresh, content):
    fresh.paths.run(C2D).mkdir(parents=True)
    fresh.paths.weights(C2D).write_bytes(content)
    assert refusal(C2D, fresh) == f"{fresh.paths.weights(C2D)}: not the model.safetensors of a run"


@pytest.mark.slow
def test_weights_that_the_record_of_training_does_not_know_are_refused(trained_anew):
    path = trained_anew.paths.weights(C2D)
    state, card = load_file(path), Card.of(path)
    save_with_card({**state, "trunk.fc.bias": torch.ones(8)}, path, card)
    again = f"put its own back, or run `rcn-bench train {C2D.name}` again"
    told = f"{path}: not the weights that {trained_anew.paths.training(C2D)} tells of; {again}"
    assert refusal(C2D, trained_anew) == told
    trained_anew.paths.training(C2D).unlink()
    evaluate(C2D, trained_anew)  # nothing else is known of them


@pytest.mark.parametrize(
    ("key", "value", "before"),
    [("stem_pool", False, "True"), ("clip.crop", 18, "16"), ("clip.stride", 1, "2")],
    ids=["stem_pool", "crop", "stride"],
)
def test_a_config_that_has_changed_since_training_is_refused_by_what_differs(trained_anew, key, value, before):
    line = refusal(C2D, changed(trained_anew, {key: value}))
    what = f"trained with {key}: {before}, the config has {value}; restore it, or train again"
    assert line == f"{trained_anew.paths.weights(C2D)}: {what}"


@pytest.mark.slow
def test_three_crops_are_scored_of_every_clip_and_the_middle_one_is_that_of_one(trained, trained_anew):
    evaluate(C2D, changed(trained_anew, {"clip.evaluation_crops": 3}))
    of_one, of_three = (evaluation(experiment, C2D) for experiment in (trained, trained_anew))
    assert (of_one.crops, of_three.crops) == (1, 3)
    assert of_one.clips == of_three.clips == VIDEOS * CLIPS
    one, three = (each.scores(x.paths.scores(C2D)) for each, x in ((of_one, trained), (of_three, trained_anew)))
    crops = three.reshape(VIDEOS * CLIPS, 3, -1)
    np.testing.assert_allclose(crops[:, 1], one, atol=2e-3)  # the batches are other ones
    assert (np.abs(crops[:, 0] - crops[:, 2]).max(1) > 0).all()
    assert (of_three.predictions(trained_anew.paths.predictions(C2D))["clips"] == CLIPS).all()


def test_what_only_evaluation_depends_on_may_change(trained_anew):
    evaluate(C2D, changed(trained_anew, {"clip.evaluation_clips": 2, "train.lr": 0.5}))
    assert evaluation(trained_anew, C2D).clips_per_video == 2


# Videos that it refuses


@pytest.fixture
def with_other_validation(trained, tmp_path):
    """Changes the lines of val.csv; gives an experiment with the trained C2D and a cache of that validation split."""

    def make(change, short_side=20):
        experiment = linked(trained, tmp_path / "other", "pretrained")
        paths = experiment.paths
        (paths.root / "cache").mkdir()
        for name in ("train", "train.json"):
            (paths.root / "cache" / name).symlink_to(trained.paths.root / "cache" / name)
        shutil.copytree(trained.paths.run(C2D), paths.run(C2D))
        header, *rows = trained.dataset.annotations("val").read_text().splitlines()
        annotations, videos = paths.root / "val.csv", paths.root / "videos"
        shutil.copytree(trained.dataset.videos, videos)
        for folder in (videos / "val").iterdir():  # root/split/id.mp4 is found whatever the label
            for file in folder.iterdir():
                file.rename(videos / "val" / file.name)
        annotations.write_text("\n".join([header, *change(rows)]) + "\n")
        source = Source(annotations, videos, paths.cache("val"), paths.check("val"), Storage(short_side))
        build_cache(source, progress=silent)
        return experiment

    return make


def test_validation_classes_that_the_weights_do_not_know_are_refused(with_other_validation):
    experiment = with_other_validation(lambda rows: [row.replace("digit 4 up", "digit 9 up") for row in rows])
    line = refusal(C2D, experiment)
    assert line.startswith(f"{experiment.paths.cache('val')}: label 'digit 9 up' is not one of the weights' own: ")
    assert "digit 1 up, digit 4 down, digit 4 grow, digit 4 shrink, digit 4 up; " in line


@pytest.mark.slow
def test_a_class_of_skipped_validation_videos_need_not_be_trained(with_other_validation):
    experiment = with_other_validation(lambda rows: rows)
    index = CacheIndex.read(experiment.paths.cache("val"))
    index.labels.append("digit 9 up")
    index.write(experiment.paths.cache("val"))
    evaluate(C2D, experiment)
    assert evaluation(experiment, C2D).videos_used == VIDEOS


def test_validation_videos_may_lack_a_class(trained, with_other_validation):
    experiment = with_other_validation(lambda rows: [row for row in rows if not row.startswith("digit 1 down")])
    evaluate(C2D, experiment)
    all_classes, fewer = (pd.read_csv(each.paths.predictions(C2D)).set_index("video") for each in (trained, experiment))
    assert len(fewer) == VIDEOS - 2
    assert (fewer["predicted"] == all_classes.loc[fewer.index, "predicted"]).all()
    assert (fewer["clips_correct"] == all_classes.loc[fewer.index, "clips_correct"]).all()


def test_the_training_cache_is_not_needed(trained, with_other_validation):
    experiment = with_other_validation(lambda rows: rows)
    for name in ("train", "train.json"):
        (experiment.paths.root / "cache" / name).unlink()
    evaluate(C2D, experiment)
    assert evaluation(experiment, C2D).video_accuracy == evaluation(trained, C2D).video_accuracy


def test_validation_frames_that_are_stored_otherwise_are_refused(with_other_validation):
    experiment = with_other_validation(lambda rows: rows, short_side=24)
    assert "val.json: its frames are stored with short_side 24, not 20; run `rcn-bench data cache`" in refusal(
        C2D, experiment
    )


def test_validation_videos_of_other_data_are_refused(trained):
    other = changed(trained, {"data.digits.clutter": 2})
    assert "val.json: cache of other data: data.digits.clutter was 1, is 2; run `rcn-bench data cache --split val`" in (
        refusal(C2D, other)
    )


@pytest.mark.slow
def test_a_label_renamed_in_both_lists_after_training_is_refused(noise, noise_run, tmp_path):
    experiment = replace(noise, results=tmp_path / "results")
    shutil.copytree(noise.paths.run(noise_run), experiment.paths.run(noise_run))
    renamed = tmp_path / "renamed.csv"
    renamed.write_text(noise.dataset.annotations("val").read_text().replace("label 1,", "another label,"))
    experiment = changed(experiment, {"data.annotations": {"train": str(renamed), "val": str(renamed)}})
    for split in ("train", "val"):
        build_cache(Source.of(experiment, split), progress=silent)
    line = refusal(noise_run, experiment)
    assert "label 'another label' is not one of the weights' own: label 0, label 1, label 2; " in line
    train(noise_run, experiment)
    evaluate(noise_run, experiment)
    assert "another label" in Card.of(experiment.paths.weights(noise_run)).labels

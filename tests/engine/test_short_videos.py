"""Videos too short for all clips, or for one: scored by the clips that fit, or counted in a line and in the record."""

import numpy as np
import pytest
import torch
from caches import write_cache
from tiny import save_weights

from rcn_bench.data.cache.index import Cache, CacheIndex
from rcn_bench.data.frames import evaluation_starts
from rcn_bench.engine.evaluate import evaluate
from rcn_bench.engine.online import evaluate_online
from rcn_bench.engine.train import train
from rcn_bench.models import create_model
from rcn_bench.plan.config import check_config
from rcn_bench.plan.run import Run
from rcn_bench.records.runs import Evaluation, Online, Skipped, Trained

pytestmark = pytest.mark.usefixtures("fixed_seed_and_one_thread")

SIDE = 16
SHORT, LONG = 17, 40  # frames: two clips of 16 fit into the short ones, and ten of 8
LENGTHS = {"jump": LONG, "kick": SHORT, "walk": LONG}
CONFIG = {
    "name": "short",
    "data": {"annotations": {"train": "train.csv", "val": "val.csv"}, "videos": "videos", "max_bad": 0.5},
    "clip": {"stride": 1, "crop": SIDE, "evaluation_clips": 10},
    "train": {"epochs": 1, "frames_per_batch": 32, "lr": 0.02},
    "models": {"c2d18": {"w_xh": ["random"]}},
}


def videos(lengths, per_class=2):
    rng = np.random.default_rng(0)
    for label, frames in lengths.items():
        for _ in range(per_class):
            yield label, rng.integers(0, 256, (frames, SIDE, SIDE, 3), np.uint8)


@pytest.fixture
def experiment(tmp_path):
    """Three classes of two videos each, all of the class kick short."""
    experiment = check_config(CONFIG, "short", tmp_path / "results")
    write_cache(experiment.paths.cache("val"), videos(LENGTHS))
    return experiment


@pytest.fixture
def kicks(experiment):
    """A function: the run of a clip length whose model calls every video a kick, as if it had been trained."""

    def make(frames):
        run, labels = Run("c2d18", frames, "random", None, 0), sorted(LENGTHS)
        model = create_model("c2d18", len(labels))
        with torch.no_grad():
            model.trunk.fc.bias[labels.index("kick")] += 1000
        save_weights(experiment, run, model, labels)
        return run

    return make


def results(experiment, run):
    record, paths = Evaluation.read(experiment.paths.evaluation(run)), experiment.paths
    return record, record.predictions(paths.predictions(run))


def with_two_unusable(experiment):
    index = CacheIndex.read(experiment.paths.cache("val"))
    index.skipped += [Skipped("gone", "missing"), Skipped("torn", "truncated")]
    index.write(experiment.paths.cache("val"))


@pytest.mark.slow
def test_a_constant_predictor_is_as_good_at_every_clip_length(experiment, kicks, capsys):
    for frames, clips in ((8, 60), (16, 44)):
        run = kicks(frames)
        evaluate(run, experiment)
        record, predictions = results(experiment, run)
        assert record.video_accuracy == pytest.approx(1 / 3)
        assert (record.videos_listed, record.videos_usable, record.videos_used, record.clips) == (6, 6, 6, clips)
        short = 10 if frames == 8 else 2
        assert predictions["clips"].to_list() == [10, 10, short, short, 10, 10]
        assert record.clip_accuracy == pytest.approx(2 * short / clips)
        assert record.clip_interval is None  # of six videos
        told = f"clip {2 * short / clips:.1%} of {clips} clips, video 33.3% of 6 videos"
        assert f"{run.name}: {told}" in capsys.readouterr().out.splitlines()


@pytest.mark.slow
def test_what_is_left_out_is_counted_in_the_line_with_its_bounds_and_in_the_record(experiment, kicks, capsys):
    with_two_unusable(experiment)
    run = kicks(18)
    evaluate(run, experiment)
    record, predictions = results(experiment, run)
    assert (record.videos_listed, record.videos_usable, record.videos_used) == (8, 6, 4)
    reasons = ["missing", "truncated", *["17 frames, a clip needs 18"] * 2]
    assert [video.reason for video in record.videos_skipped] == reasons
    assert len(predictions) == 4
    told = "0.0% to 50.0% of all, if those were all wrong or all right"
    left_out = f"4 of 8 listed videos left out: 2 unusable, 2 too short for a clip; {told}"
    line = f"{run.name}: clip 0.0% of 40 clips, video 0.0% of 4 videos; {left_out}"
    assert line in capsys.readouterr().out.splitlines()


@pytest.mark.slow
def test_online_accuracy_counts_what_is_left_out(experiment, kicks, capsys):
    run = kicks(18)
    evaluate_online(run, experiment)
    record = Online.read(experiment.paths.online(run).with_suffix(".json"))
    assert (record.videos_listed, record.videos_usable, record.videos_used) == (6, 6, 4)
    assert record.data_fingerprint == Cache(experiment.paths.cache("val")).fingerprint
    assert len(record.rows(experiment.paths.online(run))) == 4
    *_, left_out, line = capsys.readouterr().out.splitlines()
    told = "2 of 6 listed videos left out: 2 too short for a clip; 0.0% to 33.3% of all, if those were all wrong or all"
    assert left_out == f"{run.name}, frames: {told} right"
    assert line.endswith("100% 0.0% of 4 videos")


@pytest.mark.slow
def test_training_says_once_what_it_leaves_out(experiment, capsys):
    write_cache(experiment.paths.cache("train"), videos(LENGTHS | {"walk": 7}, per_class=4))
    run = Run("c2d18", 8, "random", None, 0)
    train(run, experiment)
    record = Trained.read(experiment.paths.training(run))
    assert (record.videos_listed, record.videos_usable, record.videos_used) == (12, 12, 8)
    lines = [line for line in capsys.readouterr().out.splitlines() if "left out" in line]
    assert lines == [f"{run.name}: 4 of 12 listed videos left out: 4 too short for a clip"]


@pytest.mark.slow
def test_clips_of_short_videos_are_scored_as_by_hand(experiment):
    run, labels = Run("c2d18", 16, "random", None, 0), sorted(LENGTHS)
    torch.manual_seed(0)
    model = create_model("c2d18", len(labels)).eval()
    save_weights(experiment, run, model, labels)
    evaluate(run, experiment)
    _, predictions = results(experiment, run)
    cache = Cache(experiment.paths.cache("val"))
    for video, row in zip(cache.videos, predictions.itertuples(), strict=True):
        softmax = by_hand(model, cache.frames(video), min(10, len(cache.frames(video)) - 15))
        assert row.clips == len(softmax)
        assert row.predicted == labels[softmax.mean(0).argmax()]
        assert row.score == pytest.approx(softmax.mean(0).max().item(), abs=2e-4)
        assert row.clips_correct == sum(labels[best] == video.label for best in softmax.argmax(1))


def by_hand(model, frames, clips):
    """The softmax of so many different clips of 16 frames, evenly spread."""
    starts = evaluation_starts(len(frames), 16, clips)
    assert len(set(starts)) == clips
    mean, std = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    shown = (np.stack([frames[start : start + 16] for start in starts]) / 255 - mean) / std
    with torch.no_grad():
        return model(torch.tensor(shown, dtype=torch.float32).permute(0, 4, 1, 2, 3)).softmax(1)

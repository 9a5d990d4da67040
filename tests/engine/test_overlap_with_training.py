"""Validation videos that a run was trained on: refused, or recorded and told wherever an accuracy is."""

import shutil
from dataclasses import replace

import pytest
from tiny import RUNS, VIDEOS, changed

from rcn_bench.data.cache.index import CacheIndex
from rcn_bench.engine.evaluate import evaluate
from rcn_bench.engine.online import evaluate_online
from rcn_bench.errors import InputError
from rcn_bench.records.runs import Evaluation, Online

# Of the 13 videos of noise, all trained on and all validated on, one is too short for a clip.
TRAINED_ON = "12 of 13 validation videos are trained on too: v00_000000_000001 (in training v00_000000_000001) first."


@pytest.fixture
def own(noise, tmp_path):
    """The experiment on noise with its run, which a test may change."""
    experiment = replace(noise, results=tmp_path / "results")
    shutil.copytree(noise.paths.root, experiment.paths.root)
    return experiment


def test_the_embedded_digits_have_nothing_in_common(trained):
    for run in RUNS:
        overlap = Evaluation.read(trained.paths.evaluation(run)).overlap
        assert overlap.trained_on.of > VIDEOS
        assert list(overlap.lines()) == []


def test_an_evaluation_counts_and_tells_what_the_run_was_trained_on(own, noise_run, capsys):
    evaluate(noise_run, own)
    overlap = Evaluation.read(own.paths.evaluation(noise_run)).overlap
    assert (overlap.trained_on.count, overlap.trained_on.of) == (12, 13)
    assert (overlap.two_labels_train.count, overlap.untrained) == (0, {})
    assert f"{noise_run.name}: {TRAINED_ON}" in capsys.readouterr().out


@pytest.mark.slow
def test_so_does_online_accuracy(own, noise_run, capsys):
    evaluate_online(noise_run, own)
    overlap = Online.read(own.paths.online(noise_run).with_suffix(".json")).overlap
    assert overlap.trained_on.count == 12
    assert f"{noise_run.name}: {TRAINED_ON}" in capsys.readouterr().out


@pytest.mark.parametrize("show", [evaluate, evaluate_online])
def test_more_than_is_allowed_is_refused_before_there_is_an_accuracy(own, noise_run, show):
    with pytest.raises(InputError) as error:
        show(noise_run, changed(own, {"data.max_overlap": 0.9}))
    assert str(error.value).startswith(
        "data.max_overlap: 12 of 13 validation videos are trained on too, more than 0.9 allows; the first is v00_"
    )
    assert not own.paths.evaluation(noise_run).exists()
    assert not own.paths.online(noise_run).exists()


def test_without_the_cache_of_training_it_is_told_that_nothing_was_compared(own, noise_run, capsys):
    shutil.rmtree(own.paths.cache("train").with_suffix(""))
    evaluate(noise_run, own)
    assert Evaluation.read(own.paths.evaluation(noise_run)).overlap is None
    assert f"{noise_run.name}: Not compared with the training videos" in capsys.readouterr().out


def test_a_run_that_was_trained_on_others_than_are_cached_now_is_refused(own, noise_run):
    """Else a training list that was mended would be compared in place of the one that the weights know."""
    index = CacheIndex.read(own.paths.cache("train"))
    replace(index, videos=index.videos[1:]).write(own.paths.cache("train"))
    with pytest.raises(InputError) as error:
        evaluate(noise_run, changed(own, {"data.max_overlap": 0}))
    assert str(error.value) == (
        f"{own.paths.training(noise_run)}: trained on other videos than {own.paths.cache('train')} has now; run "
        f"`rcn-bench train {noise_run.name}` again"
    )

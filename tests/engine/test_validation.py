"""Looks at the validation videos while a run is trained."""

import json
import re

import pytest
import torch
from tiny import C2D, EPOCHS, RCN, changed, metrics_without_times
from torch import nn

import rcn_bench.engine.train as training
from rcn_bench.data.cache.index import Cache
from rcn_bench.engine.evaluate import evaluate
from rcn_bench.engine.train import train
from rcn_bench.engine.validate import Validation
from rcn_bench.errors import InputError
from rcn_bench.files import file_hash
from rcn_bench.models import create_model
from rcn_bench.models.frozen import FrozenBatchNorm
from rcn_bench.plan.run import Run
from rcn_bench.plan.stages import dependencies
from rcn_bench.records.runs import Evaluation, Trained


@pytest.mark.parametrize("run", [RCN, pytest.param(C2D, marks=pytest.mark.slow)], ids=lambda run: run.model)
def test_training_comes_to_the_same_bits_and_ends_at_the_accuracy_of_the_evaluation(trained, fresh, run):
    looking = changed(fresh, {"train.validate_every": 1})
    train(run, looking)
    record = Trained.read(looking.paths.training(run))
    assert tensors(looking.paths.weights(run)) == tensors(trained.paths.weights(run))
    assert record.validation_fingerprint == Cache(looking.paths.cache("val")).fingerprint
    epochs = record.epochs(looking.paths.metrics(run))
    evaluate(run, looking)
    assert epochs[-1].validation_accuracy == Evaluation.read(looking.paths.evaluation(run)).clip_accuracy
    seen = metrics_without_times(looking, run)
    assert all(line.pop("validation_accuracy") is not None for line in seen)
    assert seen == metrics_without_times(trained, run)


def tensors(path):
    """The bytes of its tensors, without the card, which tells when it was trained."""
    content = path.read_bytes()
    return content[8 + int.from_bytes(content[:8], "little") :]


@pytest.mark.slow
def test_a_resumed_training_keeps_what_was_seen_and_looks_on(fresh, monkeypatch, capsys):
    looking = changed(fresh, {"train.validate_every": 1})
    save = training.save_checkpoint

    def stop(*arguments):
        save(*arguments)
        raise KeyboardInterrupt

    monkeypatch.setattr(training, "save_checkpoint", stop)
    with pytest.raises(KeyboardInterrupt):
        train(C2D, looking)
    monkeypatch.setattr(training, "save_checkpoint", save)
    train(C2D, looking)
    resumed = metrics_without_times(looking, C2D)
    assert len(re.findall(r"validation_accuracy 0\.\d+", capsys.readouterr().out)) == EPOCHS - 1
    looking.paths.training(C2D).unlink()
    looking.paths.checkpoint(C2D).with_suffix(".finished.pt").unlink(missing_ok=True)
    for path in looking.paths.run(C2D).iterdir():
        path.unlink()
    train(C2D, looking)
    assert metrics_without_times(looking, C2D) == resumed


@pytest.mark.slow
def test_every_second_epoch(fresh):
    looking = changed(fresh, {"train.validate_every": 2})
    train(C2D, looking)
    assert [line.get("validation_accuracy") is not None for line in metrics_without_times(looking, C2D)] == [
        False,
        True,
    ]


def test_it_is_no_setting_of_the_training(tiny):
    looking = changed(tiny, {"train.validate_every": 1})
    assert dependencies(looking, "train", RCN.name).hash == dependencies(tiny, "train", RCN.name).hash


def test_a_look_leaves_the_network_and_the_random_numbers_as_they_are(tiny):
    run = Run("rcn18", 4, "random", "identity", 0, ("frozen_bn",))
    model = create_model("rcn18", 8, frozen_batch_norm=True).train()
    model.trunk.layer1.eval()
    before = {name: (value.clone(), value.requires_grad) for name, value in model.state_dict(keep_vars=True).items()}
    modes = [layer.training for layer in model.modules()]
    assert any(isinstance(layer, FrozenBatchNorm) for layer in model.modules())
    torch.manual_seed(3)
    numbers = torch.get_rng_state()
    labels = Cache(tiny.paths.cache("train")).labels
    assert 0 <= Validation(run, tiny, labels).accuracy(model) <= 1
    assert [layer.training for layer in model.modules()] == modes
    assert torch.equal(torch.get_rng_state(), numbers)
    for name, value in model.state_dict(keep_vars=True).items():
        assert torch.equal(value, before[name][0])
        assert value.requires_grad == before[name][1]
    assert not any(layer.running_mean.is_inference() for layer in model.modules() if isinstance(layer, nn.BatchNorm2d))


def test_labels_that_nobody_is_trained_on_are_refused(tiny):
    with pytest.raises(InputError, match=r"label 'digit .*' is none of the training videos'; .*validate_every to 0"):
        Validation(RCN, tiny, ["walk"])


def test_records_of_before_can_be_read(trained):
    record = json.loads(trained.paths.training(RCN).read_text())
    assert "validation_fingerprint" not in record
    assert file_hash(trained.paths.metrics(RCN)) == record["metrics_sha256"]

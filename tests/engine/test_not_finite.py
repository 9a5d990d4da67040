"""Numbers that are not finite end a training, an evaluation or a stream with a line, and never become an accuracy."""

import math
from pathlib import Path

import pytest
import torch
from tiny import changed, save_weights
from torch import nn

from rcn_bench import cli
from rcn_bench.code import Code, load_plugins
from rcn_bench.data.cache.index import Cache
from rcn_bench.engine.evaluate import evaluate
from rcn_bench.engine.online import evaluate_online
from rcn_bench.engine.optimisation import train_one_epoch
from rcn_bench.engine.predict import predict
from rcn_bench.engine.resume import resume, save_checkpoint
from rcn_bench.engine.scores import require_finite_scores
from rcn_bench.engine.step import Autocast, TrainingStep
from rcn_bench.errors import InputError, TrainingDiverged
from rcn_bench.models import create_model
from rcn_bench.plan.run import Run
from rcn_bench.plan.stages import Dependencies

pytestmark = pytest.mark.usefixtures("fixed_seed_and_one_thread")

RCN, WINDOWS = Run("rcn_small", 4, "random", "random", 7), Run("windows_small", 4, "random", None, 7)
MODELS = """
    from torch import nn

    from rcn_bench.models import register
    from rcn_bench.models.rcn import make_recurrent


    @register
    def rcn_small(num_classes, *, w_hh="identity"):
        layers = [nn.Conv2d(3, 4, 3, 2), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 8, 3, 2), nn.AdaptiveAvgPool2d(1)]
        trunk = nn.Sequential(*layers, nn.Flatten(), nn.Linear(8, num_classes))
        return make_recurrent(trunk, lambda name, convolution: name == "3", w_hh=w_hh)


    @register
    def windows_small(num_classes):
        return nn.Sequential(nn.Conv3d(3, 8, 3), nn.AdaptiveAvgPool3d(1), nn.Flatten(), nn.Linear(8, num_classes))
"""


@pytest.fixture
def small(fresh, plugin):
    """An experiment of the smallest networks, without runs."""
    starts = {"rcn_small": {"w_xh": ["random"], "w_hh": ["random"]}, "windows_small": {"w_xh": ["random"]}}
    return changed(fresh, {"plugins": [plugin("small_models", MODELS)], "models": starts, "tables": {}})


def refused(function, *arguments):
    with pytest.raises(InputError) as error:
        function(*arguments)
    assert "\n" not in str(error.value)
    return str(error.value)


# Training


def a_step(kind="none", lr_of_statistics=0.1):
    """Of a network with batch norm, whose classes cannot be told from its input."""
    net = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4, momentum=lr_of_statistics), nn.Linear(4, 2))
    optimizer = torch.optim.SGD(net.parameters(), 0.1, 0.9, fused=True)
    return TrainingStep(net, optimizer, Autocast(kind, torch.device("cpu")), lambda inputs: inputs)


def batches(count):
    return [[torch.randn(8, 3), torch.arange(8) % 2] for _ in range(count)]


def test_the_very_last_update_is_looked_at():
    step = a_step()
    train_one_epoch(step, batches(3), [0.1, 0.1, 0.1], 1, "own epoch 1/2")
    with pytest.raises(TrainingDiverged) as error:  # its loss, of before the update, is finite
        train_one_epoch(step, batches(3), [0.1, 0.1, math.inf], 2, "own epoch 2/2")
    assert str(error.value).startswith("own epoch 2/2: not all values of 0.weight are finite; lower the learning rate")


def test_the_statistics_of_batch_norm_are_looked_at():
    step = a_step()
    step.model[1].running_var.fill_(torch.inf)  # which training itself does not read
    with pytest.raises(TrainingDiverged, match=r"own: not all values of 1\.running_var are finite"):
        train_one_epoch(step, batches(1), [0.1], 1, "own")


def test_a_loss_that_is_not_finite_in_float16_says_what_else_to_do():
    step = a_step("float16")
    with torch.no_grad():
        step.model[2].weight.fill_(1e8)
    with pytest.raises(TrainingDiverged, match=r"own: the loss is .*, or bfloat16 in place of float16"):
        train_one_epoch(step, batches(1), [0.1], 1, "own")


@pytest.mark.parametrize("part", ["model", "optimizer"])
def test_a_checkpoint_of_such_numbers_is_not_gone_on_from(tmp_path, part):
    step, path, identity = a_step(), tmp_path / "own.pt", Dependencies({}, Code({}), {})
    train_one_epoch(step, batches(1), [0.1], 1, "own")
    parts = {"model": step.model, "optimizer": step.optimizer}
    if part == "model":
        step.model[1].running_mean[0] = torch.nan
    else:
        step.optimizer.state[step.model[0].weight]["momentum_buffer"][0] = torch.inf
    save_checkpoint(path, identity, [], [], parts)
    line = refused(resume, path, identity, parts)
    name = {"model": "1.running_mean", "optimizer": "state.0.momentum_buffer"}[part]
    assert line == f"{path}: {part}: {name}: not all of its values are finite; delete it to train anew"


# Weights


def with_weights(experiment, run, change):
    """The weights of a run, changed."""
    load_plugins(experiment.plugins)
    model = create_model(run.model, 8, **({"w_hh": run.w_hh} if run.w_hh else {}))
    with torch.no_grad():
        change(model)
    save_weights(experiment, run, model, Cache(experiment.paths.cache("train")).labels)
    return experiment.paths.weights(run)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("trunk.0.weight", math.nan),
        ("trunk.6.bias", -math.inf),
        ("trunk.1.running_var", math.inf),
        ("trunk.3.w_hh", math.nan),
    ],
)
def test_weights_that_are_not_finite_are_refused_by_the_name_of_the_tensor(small, name, value):
    path = with_weights(small, RCN, lambda model: model.state_dict()[name][-1].fill_(value))
    for command in (evaluate, evaluate_online):
        assert refused(command, RCN, small).startswith(f"{path}: {name}: not all of its values are finite; ")
    assert not small.paths.evaluation(RCN).exists()
    assert not small.paths.predictions(RCN).exists()


# Scores


def loud(model):
    """Finite weights whose products are not."""
    model.trunk[0].weight.mul_(1e10)
    model.trunk[6].weight.fill_(torch.finfo().max)


def first_video(experiment):
    return Cache(experiment.paths.cache("val")).videos[0]


def test_scores_that_are_not_finite_are_no_accuracy(small, capsys):
    path = with_weights(small, RCN, loud)
    video = first_video(small)
    for command in (evaluate, evaluate_online):
        line = refused(command, RCN, small)
        assert line == f"{video.id}: the network's scores are not finite; train again with a lower learning rate"
    assert not small.paths.evaluation(RCN).exists()
    assert not small.paths.online(RCN).exists()

    (file,) = small.dataset.videos.rglob(f"{video.id}*.mp4")
    assert refused(predict, path, file, Path("never.csv")).startswith(f"{file}: the network's scores are not finite")
    assert cli.main(["stream", str(file), "--weights", str(path)]) == 2
    assert f"{file} at 0.00 s: the network's scores are not finite" in capsys.readouterr().err


def test_a_finished_runs_checkpoint_is_kept_until_the_run_has_been_evaluated(small):
    finished = small.paths.checkpoint(RCN).with_suffix(".finished.pt")
    finished.parent.mkdir(parents=True)
    finished.write_bytes(b"the last one")
    with_weights(small, RCN, loud)
    refused(evaluate, RCN, small)
    assert finished.is_file()
    with_weights(small, RCN, lambda model: None)
    evaluate(RCN, small)
    assert not finished.exists()


def test_float16_that_overflows_is_named_with_what_does_not(small):
    halves = changed(small, {"train.autocast": "float16"})
    with_weights(halves, RCN, lambda model: (model.trunk[0].weight.mul_(1e6), model.trunk[6].weight.mul_(1e-4)))
    remedy = "float16 reaches no further than 65,504: train again with train.autocast: bfloat16"
    for command in (evaluate, evaluate_online):
        assert refused(command, RCN, halves).endswith(f"the network's scores are not finite; {remedy}")
    evaluate(RCN, changed(small, {"train.autocast": "bfloat16"}))


def test_scores_beyond_what_they_are_kept_in_are_named_and_not_kept(small):
    with_weights(small, RCN, lambda model: model.trunk[6].bias.fill_(65_504))
    evaluate(RCN, small)
    small.paths.scores(RCN).unlink()
    with_weights(small, RCN, lambda model: model.trunk[6].bias[-1].fill_(65_540))
    line = refused(evaluate, RCN, small)
    what = "the network's scores are beyond 65,504, up to which they are kept in float16"
    assert line == f"{first_video(small).id}: {what}; train again with a lower learning rate"
    assert not small.paths.scores(RCN).exists()


def test_windows_that_are_not_finite_are_no_online_accuracy(small):
    with_weights(small, WINDOWS, lambda model: (model[0].weight.mul_(1e10), model[3].weight.fill_(1e38)))
    assert refused(evaluate_online, WINDOWS, small).startswith(f"{first_video(small).id}: the network's scores are not")


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_single_score_is_enough_and_its_video_is_named(bad):
    scores = torch.zeros(3, 2, 4)
    require_finite_scores(scores, ["a", "b", "c"], "none")
    scores[1, 1, 3] = bad  # of minus infinity there would be a softmax
    assert refused(require_finite_scores, scores, ["a", "b", "c"], "none").startswith("b: ")

"""A training that two processes share: losses of one, the same bits again, batch norm of the whole batch, resuming."""

import time
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from provokers.user import forgetting
from safetensors.torch import load_file
from started import sha256_of
from tiny import changed, interrupt_after, linked, metrics_without_times
from together import in_two_processes
from torch import distributed, nn

from rcn_bench.engine.optimisation import train_one_epoch
from rcn_bench.engine.step import Autocast, TrainingStep
from rcn_bench.engine.synchronised import SynchronisedBatchNorm, synchronise_batch_norm
from rcn_bench.engine.train import check_training, train
from rcn_bench.engine.trainings import train_all
from rcn_bench.errors import InputError
from rcn_bench.models.frozen import FrozenBatchNorm
from rcn_bench.plan.run import Run
from rcn_bench.process import Process
from rcn_bench.records.runs import Trained

pytestmark = pytest.mark.skipif(not distributed.is_gloo_available(), reason="needs gloo")

RUN = Run("rcn_pocket", 4, "random", "random", 0)
CARRIED_RUN = Run("rcn_pocket", 4, "random", "random", 0, ("carried",))
EPOCHS = 3
TWO = {"train.gpus": 2}
SYNCHRONISED = {**TWO, "train.batch_norm": "synchronised"}


# Small nets


def nets() -> dict[str, tuple[nn.Module, torch.Tensor]]:
    """By the dimension of their batch norm, with what they are shown; one keeps averages of all batches."""
    torch.manual_seed(0)
    nets = {
        "2d": (nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 2, 3)), (8, 3, 7, 6)),
        "3d": (nn.Sequential(nn.Conv3d(3, 4, 2), nn.BatchNorm3d(4, momentum=None), nn.Tanh()), (4, 3, 3, 5, 4)),
        "not affine": (nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4, affine=False)), (6, 3, 5, 5)),
        "no statistics": (nn.Sequential(nn.BatchNorm2d(3, track_running_stats=False)), (6, 3, 5, 5)),
    }
    return {name: (net.double(), 3 + 2 * torch.randn(*shape).double()) for name, (net, shape) in nets.items()}


def passed_through(net: nn.Module, images: torch.Tensor, process: Process) -> dict[str, torch.Tensor]:
    """Twice: outputs of this process's share, mean gradients over all processes, running statistics."""
    share = images[process.rank :: process.world]
    for _ in range(2):
        net.zero_grad()
        outputs = net(share)
        (outputs.sin() * torch.linspace(0, 1, outputs[0].numel()).view(outputs[0].shape)).sum(
            (1, 2, 3)
        ).mean().backward()
    process.average_gradients(net.parameters())
    gradients = {f"gradient of {name}": parameter.grad for name, parameter in net.named_parameters()}
    seen = net.eval()(images)
    return {"outputs": outputs.detach(), **gradients, **net.state_dict(), "evaluated": seen.detach()}


def of_nets(process: Process) -> dict[str, dict[str, torch.Tensor]]:
    found = {}
    for name, (net, images) in nets().items():
        synchronise_batch_norm(net, process)
        found[name] = passed_through(net, images, process)
    return found


def steps_of_a_small_net(process: Process) -> tuple[bool, dict[str, torch.Tensor]]:
    """Three, where torch.compile fails in the second process; whether the first goes on without, and the weights."""
    net, images = nn.Sequential(nn.Flatten(), nn.Linear(12, 3)), torch.randn(4, 3, 2, 2)
    process.take_from_main(net.parameters())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch, "compile", fail if process.rank else lambda function, **options: function)
        sgd = torch.optim.SGD(net.parameters(), 0.1, 0.9, fused=True)
        step = TrainingStep(
            net, sgd, Autocast("none", process.device), lambda clip: clip, process=process, compiled=True
        )
        for _ in range(3):
            step([images, torch.arange(4) % 3], 0.1)
    return step._forward == step._loss_and_right, net.state_dict()


def waiting_of_an_epoch(process: Process) -> float:
    """For clips, which come late in the second process alone."""
    net = nn.Sequential(nn.Flatten(), nn.Linear(12, 3))
    sgd = torch.optim.SGD(net.parameters(), 0.1, 0.9, fused=True)
    step = TrainingStep(net, sgd, Autocast("none", process.device), lambda clip: clip, process=process)
    batch = [torch.randn(4, 3, 2, 2), torch.arange(4) % 3]
    batches = (time.sleep(0.1 * process.rank) or batch for _ in range(5))
    return train_one_epoch(step, batches, [0.1] * 5, 1, "small").waiting_for_clips


def fail(function: Callable, **options: object) -> Callable:
    return partial(_no_compiler)


def _no_compiler(*inputs: object) -> None:
    raise RuntimeError("no compiler")


# Trainings of noise


@pytest.fixture(scope="module")
def two(noise, tmp_path_factory):
    """All that two processes have made, who are started once: of small nets, and of trainings on noise."""
    with pytest.MonkeyPatch.context() as patch, forgetting(patch):
        patch.setattr(torch.cuda, "is_available", lambda: False)
        return made_by_two(noise, tmp_path_factory.mktemp("two"))


def made_by_two(noise, folder: Path) -> SimpleNamespace:
    few = {"train.epochs": EPOCHS, "train.frames_per_batch": 16, "train.validate_every": 2, "train.carried_clips": 1}
    few |= {"models.rcn_pocket+carried": {"w_xh": ["random"], "w_hh": ["random"]}}
    experiments = {
        name: changed(linked(noise, folder / name, "cache"), few | how)
        for name, how in {
            **{"one": {}, "two": SYNCHRONISED, "again": SYNCHRONISED, "per gpu": TWO, "per gpu again": TWO},
            **{"one, then two": {}, "two, then one": TWO},
        }.items()
    }
    then = {"one, then two": changed(experiments["one, then two"], SYNCHRONISED)}
    then["two, then one"] = changed(experiments["two, then one"], {"train.gpus": 1})

    train(RUN, experiments["one"])
    train(CARRIED_RUN, experiments["one"])
    interrupted(experiments["one, then two"])
    results = in_two_processes(folder, partial(work, experiments, then))
    train(RUN, then["two, then one"])
    return SimpleNamespace(results=results, experiments=experiments | then)


def work(experiments: dict, then: dict, process: Process) -> SimpleNamespace:
    """Of each of the two."""
    for name in ("two", "again", "per gpu", "per gpu again"):
        train(RUN, experiments[name])
    train_all([RUN, CARRIED_RUN], experiments["two"])
    train(RUN, then["one, then two"])
    interrupted(experiments["two, then one"])
    totals = process.reduce(torch.tensor(1.0 + process.rank)), process.how_many(process.is_main)
    largest = process.largest(0.25 * (process.rank + 1))
    told = process.from_main({"rank": process.rank})
    nets, steps, waiting = of_nets(process), steps_of_a_small_net(process), waiting_of_an_epoch(process)
    return SimpleNamespace(nets=nets, steps=steps, waiting=waiting, totals=totals, largest=largest, told=told)


def interrupted(experiment) -> None:
    with pytest.MonkeyPatch.context() as patch:
        interrupt_after(patch, epochs=1)
        with pytest.raises(KeyboardInterrupt):
            train(RUN, experiment)


def assert_same_training(one, other, run: Run) -> None:
    for line, other_line in zip(metrics_without_times(one, run), metrics_without_times(other, run), strict=True):
        assert line == pytest.approx(other_line, rel=1e-5)
    weights = [load_file(experiment.paths.weights(run)) for experiment in (one, other)]
    torch.testing.assert_close(*weights, rtol=1e-4, atol=1e-5)


def test_synchronised_statistics_and_gradients_are_those_of_one_process(two):
    for name, (net, images) in nets().items():
        expected = passed_through(net, images, Process.alone())
        for rank, result in enumerate(two.results):
            found = result.nets[name]
            own = expected | {"outputs": expected["outputs"][rank::2]}
            torch.testing.assert_close(found, own, rtol=0, atol=1e-12, msg=lambda text, name=name: f"{name}: {text}")


def test_only_batch_norms_that_take_statistics_are_synchronised():
    net = nn.Sequential(nn.BatchNorm3d(2), FrozenBatchNorm(2), nn.Sequential(nn.BatchNorm2d(2)))
    before = deepcopy(net.state_dict())
    synchronise_batch_norm(net, Process(0, 2, torch.device("cpu")))
    assert [type(net[0]), type(net[1]), type(net[2][0])] == [
        SynchronisedBatchNorm,
        FrozenBatchNorm,
        SynchronisedBatchNorm,
    ]
    torch.testing.assert_close(dict(net.state_dict()), dict(before))
    synchronise_batch_norm(gpus := nn.Sequential(nn.BatchNorm2d(2)), Process(0, 2, torch.device("cuda")))
    assert type(gpus[0]) is nn.SyncBatchNorm


@pytest.mark.parametrize("run", [RUN, CARRIED_RUN], ids=lambda run: run.variant)
def test_two_processes_train_as_one_does_with_synchronised_statistics(two, run):
    assert_same_training(two.experiments["one"], two.experiments["two"], run)


def test_each_sample_is_counted_once(two):
    for experiment in (two.experiments["two"], two.experiments["per gpu"]):
        lines = metrics_without_times(experiment, RUN)
        assert [line["samples"] for line in lines] == [12] * EPOCHS
        assert all(line["accuracy"] * 12 == pytest.approx(round(line["accuracy"] * 12)) for line in lines)
        assert "validation_accuracy" in lines[1]


@pytest.mark.parametrize("names", [("two", "again"), ("per gpu", "per gpu again")])
def test_two_processes_give_the_same_bits_again(two, names):
    first, second = (sha256_of(two.experiments[name].paths.weights(RUN)) for name in names)
    assert first == second


def test_statistics_of_a_gpu_are_another_training(two):
    one, per_gpu = (metrics_without_times(two.experiments[name], RUN) for name in ("one", "per gpu"))
    assert one[0]["loss"] != pytest.approx(per_gpu[0]["loss"], rel=1e-5)


def test_resumed_on_another_number_a_training_goes_on_in_the_same_order(two):
    assert_same_training(two.experiments["one"], two.experiments["one, then two"], RUN)
    whole, resumed = (metrics_without_times(two.experiments[name], RUN) for name in ("per gpu", "two, then one"))
    assert whole[0] == resumed[0]
    assert [line["samples"] for line in resumed] == [12] * EPOCHS


def test_the_record_says_how_many_processes_each_start_had_and_whose_statistics(two):
    told = {}
    for name in ("one", "two", "per gpu", "one, then two", "two, then one"):
        record = Trained.read(two.experiments[name].paths.training(RUN))
        told[name] = [start.processes for start in record.origin.starts], record.batch_norm
    assert told == {
        "one": ([1], None),
        "two": ([2], "synchronised"),
        "per gpu": ([2], "per_gpu"),
        "one, then two": ([1, 2], "synchronised"),
        "two, then one": ([2, 1], None),
    }


def test_what_one_process_cannot_compile_none_does(two):
    (without, weights), (_, others) = (result.steps for result in two.results)
    assert without
    torch.testing.assert_close(weights, others, rtol=0, atol=0)


def test_processes_add_up_and_take_what_the_main_one_has(two):
    for result in two.results:
        assert result.totals == (torch.tensor(3.0), 1)
        assert (result.largest, result.told) == (0.5, {"rank": 0})


def test_an_epoch_tells_of_the_process_that_waits_most_for_its_clips(two):
    first, second = (result.waiting for result in two.results)
    assert first == second
    assert 0.5 < first <= 1


def test_a_training_for_several_is_refused_alone(noise_without_runs):
    with pytest.raises(InputError, match=r"^train.gpus: 2 are to share a training, not 1; use `rcn-bench train`$"):
        train(RUN, changed(noise_without_runs, TWO))
    assert not noise_without_runs.paths.run(RUN).exists()


def test_a_clip_length_for_several_leaves_another_to_one(noise_without_runs):
    by_length = changed(noise_without_runs, {"train.gpus_by_frames": {"4": 2}, "tables": {}, "train.epochs": 1})
    longer = replace(RUN, frames=8)
    train(longer, by_length)
    assert [start.processes for start in Trained.read(by_length.paths.training(longer)).origin.starts] == [1]
    with pytest.raises(InputError, match=r"^train.gpus_by_frames.4: 2 are to share a training, not 1; use"):
        train(RUN, by_length)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"train.gpus": 3},
            r"train.gpus: 3 do not share a batch evenly; .* makes batches of 8 clips of 4 frames",
        ),
        ({"train.gpus": 8}, r"train.gpus: 8 have a single clip each, .* or set train.batch_norm: synchronised"),
    ],
)
def test_batches_that_processes_cannot_share_are_refused(noise_without_runs, changes, message):
    with pytest.raises(InputError, match=message):
        check_training(RUN, changed(noise_without_runs, changes))

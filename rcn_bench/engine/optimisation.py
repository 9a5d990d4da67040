"""How training moves on: parameter groups, the training step of an experiment, learning-rate schedule, one epoch."""

import sys
import time
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from tqdm import tqdm

from rcn_bench.data.transforms import warp
from rcn_bench.engine.carried import carried
from rcn_bench.engine.device import uploaded
from rcn_bench.engine.step import Autocast, TrainingStep
from rcn_bench.engine.stops import Position, Stop, Stopped
from rcn_bench.engine.stopwatch import stopwatch
from rcn_bench.engine.synchronised import synchronise_batch_norm
from rcn_bench.errors import TrainingDiverged, warn
from rcn_bench.models.finite import not_finite
from rcn_bench.models.recompute import recompute_activations
from rcn_bench.plan.experiment import Experiment
from rcn_bench.process import Process
from rcn_bench.records.runs import Epoch

STEPS_BETWEEN_CHECKS = 20  # of the loss: reading it makes the processor wait for a GPU


def parameter_groups(model: nn.Module, weight_decay: float, w_hh_weight_decay: float) -> list[dict[str, Any]]:
    """w_hh gets a weight decay of its own, since decay pulls it away from the identity. Frozen parameters get none."""
    trained = [(name, parameter) for name, parameter in model.named_parameters() if parameter.requires_grad]
    hidden = [parameter for name, parameter in trained if name.endswith("w_hh")]
    others = [parameter for name, parameter in trained if not name.endswith("w_hh")]
    groups = [{"params": others, "weight_decay": weight_decay}]
    return [*groups, {"params": hidden, "weight_decay": w_hh_weight_decay}] if hidden else groups


def build_step(
    model: nn.Module, experiment: Experiment, process: Process, carried_frames: int | None = None
) -> TrainingStep:
    """The training step of a model that lies on a process's device, as the experiment wants it.

    carried_frames: of the clips at the end of longer ones, from whose state they go on. Such steps are not compiled,
    with a line that says so. Errors: InputError for a model without a state there.
    """
    training = experiment.train
    if process.world > 1 and training.batch_norm == "synchronised":
        synchronise_batch_norm(model, process)
    recompute_activations(model, training.recompute_activations)
    trained, compiled = model, training.compile
    if carried_frames is not None:
        trained, compiled = carried(model, carried_frames), False
        if training.compile:
            warn("training goes on without torch.compile, which is not for carried states")
    groups = parameter_groups(model, training.weight_decay, training.w_hh_weight_decay)
    return TrainingStep(
        trained,
        torch.optim.SGD(groups, training.lr, training.momentum, fused=True),
        Autocast(training.autocast, process.device),
        partial(warp, crop=experiment.clip.crop),
        process=process,
        compiled=compiled,
        cuda_graph=training.cuda_graph,
    )


def learning_rate_factor(
    step: int, steps: int, warmup: float, schedule: str, milestones: Iterable[float] = ()
) -> float:
    """The factor on the peak learning rate at a step: a linear rise, then ``cosine`` to zero or ``step`` by tenths."""
    progress = (step + 1) / steps
    if progress < warmup:
        return progress / warmup
    if schedule == "step":
        return 0.1 ** sum(progress > milestone for milestone in milestones)
    return 0.5 + 0.5 * float(torch.cos(torch.tensor(torch.pi * (progress - warmup) / (1 - warmup))))


def epoch_rates(
    peak: float, epoch: int, epochs: int, batches: int, warmup: float, schedule: str, milestones: Iterable[float] = ()
) -> list[float]:
    """The learning rate of each batch of an epoch (from 0 on)."""
    steps = range(epoch * batches, (epoch + 1) * batches)
    return [peak * learning_rate_factor(step, epochs * batches, warmup, schedule, milestones) for step in steps]


def train_one_epoch(
    step: TrainingStep,
    batches: Iterable[Sequence[Tensor]],
    learning_rates: Sequence[float],
    number: int,
    description: str,
    position: Position | None = None,
    stop: Stop | None = None,
) -> Epoch:
    """One pass over the batches, the ``number``-th, from 1 on; of processes that share them it counts all samples once.

    learning_rates: one for every batch of a whole epoch. position: from which the batches go on.
    Errors: Stopped, with the position moved there, when ``stop`` is asked for before the last step; TrainingDiverged
    when the loss is not finite, or what the last update left of the weights and of the statistics of batch norm.
    """
    step.model.train()
    device = step.autocast.device
    position, stop, world = position or Position(), stop or Stop(), step.process.world
    totals, samples = position.totals.to(device, copy=True), 0
    before, begun, computing = position.samples, time.perf_counter(), stopwatch(device)
    started = begun - position.seconds
    # A bar on a terminal; in a log file the caller's one line per epoch.
    shown = tqdm(batches, description, leave=False, disable=not sys.stderr.isatty())
    rates = enumerate(learning_rates[position.steps :], position.steps)
    for batch, (index, lr) in zip(uploaded(shown, device), rates, strict=True):
        with computing:
            totals += step(batch, lr)
        samples += len(batch[-1])
        if index % STEPS_BETWEEN_CHECKS == 0:
            _refuse_infinite(totals[0], step, description)
        if stop.asked and index + 1 < len(learning_rates):
            position.reach(index + 1, before + samples, time.perf_counter() - started, totals)
            raise Stopped
    waiting = 1 - computing.seconds() / (time.perf_counter() - begun)
    totals, samples = step.process.reduce(totals), before + samples * world
    _refuse_infinite(totals[0], step, description)
    if name := not_finite(step.model.state_dict()):
        raise TrainingDiverged(f"{description}: not all values of {name} are finite; {_remedy(step)}")
    loss, right = (totals / samples).tolist()
    waiting = round(max(step.process.largest(waiting), 0), 3)
    return Epoch(number, loss, right, lr, samples, round(time.perf_counter() - started, 3), waiting_for_clips=waiting)


def epoch_line(epoch: Epoch) -> str:
    """What is printed of an epoch."""
    shown = ("loss", "accuracy", "lr", "samples", "seconds", "waiting_for_clips", "validation_accuracy")
    known = [(name, value) for name in shown if (value := getattr(epoch, name)) is not None]
    return " ".join(f"{name} {value:.4g}" for name, value in known)


def _refuse_infinite(loss: Tensor, step: TrainingStep, description: str) -> None:
    if not torch.isfinite(loss):
        raise TrainingDiverged(f"{description}: the loss is {loss.item()}; {_remedy(step)}")


def _remedy(step: TrainingStep) -> str:
    remedy = "lower the learning rate or choose another init"
    return f"{remedy}, or bfloat16 in place of float16" if step.autocast.kind == "float16" else remedy

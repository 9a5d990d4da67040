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
from rcn_bench.engine.device import uploaded
from rcn_bench.engine.training_step import Autocast, TrainingStep
from rcn_bench.errors import TrainingDiverged
from rcn_bench.experiment import Config
from rcn_bench.models.checkpointing import checkpoint_activations

STEPS_BETWEEN_CHECKS = 20  # of the loss: reading it makes the processor wait for a GPU


def parameter_groups(model: nn.Module, weight_decay: float, w_hh_weight_decay: float) -> list[dict[str, Any]]:
    """w_hh gets a weight decay of its own, since decay pulls it away from the identity."""
    hidden = [p for name, p in model.named_parameters() if name.endswith("w_hh")]
    others = [p for name, p in model.named_parameters() if not name.endswith("w_hh")]
    groups = [{"params": others, "weight_decay": weight_decay}]
    return [*groups, {"params": hidden, "weight_decay": w_hh_weight_decay}] if hidden else groups


def build_step(model: nn.Module, config: Config, device: torch.device) -> TrainingStep:
    """The training step of a model that lies on a device, as the experiment wants it."""
    settings = config["train"]
    if settings["activation_checkpointing"]:
        checkpoint_activations(model)
    return TrainingStep(
        model,
        torch.optim.SGD(
            parameter_groups(model, settings["weight_decay"], settings["w_hh_weight_decay"]),
            settings["lr"],
            settings["momentum"],
            fused=True,
        ),
        Autocast(settings["autocast"], device),
        partial(warp, crop=config["clip"]["crop"]),
        compiled=settings["compile"],
        cuda_graph=settings["cuda_graph"],
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
    learning_rates: Iterable[float],
    description: str,
) -> dict[str, float]:
    """One pass over the batches; returns loss, accuracy, the last learning rate, samples and seconds.

    learning_rates: one for every batch. Errors: TrainingDiverged when the loss is not finite.
    """
    step.model.train()
    device = step.autocast.device
    totals, samples, started = torch.zeros(2, device=device), 0, time.perf_counter()
    # A bar on a terminal; in a log file the caller's one line per epoch.
    shown = tqdm(batches, description, leave=False, disable=not sys.stderr.isatty())
    for number, (batch, lr) in enumerate(zip(uploaded(shown, device), learning_rates, strict=True)):
        totals += step(batch, lr)
        samples += len(batch[-1])
        if number % STEPS_BETWEEN_CHECKS == 0:
            _refuse_infinite(totals[0], description)
    _refuse_infinite(totals[0], description)
    loss, right = (totals / samples).tolist()
    seconds = time.perf_counter() - started
    return {"loss": loss, "accuracy": right, "lr": lr, "samples": samples, "seconds": round(seconds, 3)}


def _refuse_infinite(loss: Tensor, description: str) -> None:
    if not torch.isfinite(loss):
        raise TrainingDiverged(
            f"{description}: the loss is {loss.item()}; lower the learning rate or choose another init"
        )

"""What training on clips and on stills share: parameter groups, learning-rate schedule, one epoch."""

import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from tqdm import tqdm

from rcn_bench.errors import TrainingDiverged

AUTOCAST_TYPES = {"bfloat16": torch.bfloat16, "float16": torch.float16}


def parameter_groups(model: nn.Module, weight_decay: float, w_hh_weight_decay: float) -> list[dict[str, Any]]:
    """w_hh gets a weight decay of its own, since decay pulls it away from the identity."""
    hidden = [p for name, p in model.named_parameters() if name.endswith("w_hh")]
    others = [p for name, p in model.named_parameters() if not name.endswith("w_hh")]
    groups = [{"params": others, "weight_decay": weight_decay}]
    return [*groups, {"params": hidden, "weight_decay": w_hh_weight_decay}] if hidden else groups


def learning_rate_factor(
    step: int, steps: int, warmup: float, schedule: str, milestones: Iterable[float] = ()
) -> float:
    """The factor on the peak learning rate at a step: a linear rise, then ``cosine`` to zero or ``step`` by tenths."""
    progress = min(1.0, (step + 1) / steps)  # the scheduler asks for one step more than there are
    if progress < warmup:
        return progress / warmup
    if schedule == "step":
        return 0.1 ** sum(progress > milestone for milestone in milestones)
    return 0.5 + 0.5 * float(torch.cos(torch.tensor(torch.pi * (progress - warmup) / (1 - warmup))))


@dataclass
class Autocast:
    """Mixed precision: ``none``, ``bfloat16`` or ``float16``, the last with scaled gradients."""

    kind: str
    device: torch.device

    def __post_init__(self) -> None:
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=self.kind == "float16")

    def context(self) -> torch.autocast:
        dtype = AUTOCAST_TYPES.get(self.kind, torch.bfloat16)
        return torch.autocast(self.device.type, dtype, enabled=self.kind in AUTOCAST_TYPES)


def train_one_epoch(
    model: nn.Module,
    batches: Iterable[tuple[Tensor, Tensor]],
    optimizer: torch.optim.Optimizer,
    scheduler: torch.optim.lr_scheduler.LRScheduler,
    autocast: Autocast,
    description: str,
) -> dict[str, float]:
    """One pass over the batches; returns loss, accuracy, the learning rate at its end, samples and seconds.

    Errors: TrainingDiverged when the loss is not finite.
    """
    model.train()
    loss_sum, correct, samples, started = 0.0, 0, 0, time.perf_counter()
    # A bar on a terminal; in a log file the caller's one line per epoch.
    for inputs, classes in tqdm(batches, description, leave=False, disable=not sys.stderr.isatty()):
        inputs = inputs.to(autocast.device, non_blocking=True)
        classes = classes.to(autocast.device, non_blocking=True)
        with autocast.context():
            logits = model(inputs)
        loss = nn.functional.cross_entropy(logits.float(), classes)
        if not torch.isfinite(loss):
            raise TrainingDiverged(
                f"{description}: the loss is {loss.item()}; lower the learning rate or choose another init"
            )
        autocast.scaler.scale(loss).backward()
        autocast.scaler.step(optimizer)
        autocast.scaler.update()
        optimizer.zero_grad()
        scheduler.step()
        loss_sum += loss.item() * len(classes)
        correct += int((logits.argmax(1) == classes).sum())
        samples += len(classes)
    seconds = time.perf_counter() - started
    return {
        "loss": loss_sum / samples,
        "accuracy": correct / samples,
        "lr": optimizer.param_groups[0]["lr"],
        "samples": samples,
        "seconds": round(seconds, 3),
    }

"""One step of training, in the fastest way that the machine can do it: compiled, and as one CUDA graph."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from rcn_bench.engine.cuda_graph import captured
from rcn_bench.errors import reason, warn
from rcn_bench.process import Process

AUTOCAST_TYPES = {"bfloat16": torch.bfloat16, "float16": torch.float16}


@dataclass
class Autocast:
    """Mixed precision: ``none``, ``bfloat16`` or ``float16``, the last with scaled gradients; weights stay float32."""

    kind: str
    device: torch.device

    def __post_init__(self) -> None:
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=self.kind == "float16")

    def context(self) -> torch.autocast:
        dtype = AUTOCAST_TYPES.get(self.kind, torch.bfloat16)
        return torch.autocast(self.device.type, dtype, enabled=self.kind in AUTOCAST_TYPES)


class TrainingStep:
    """Loss, gradients and update of a model on one batch; the optimizer is SGD with momentum.

    prepare: makes the model's input from the batch's tensors but the last, which holds the classes.
    process: of those that share each batch; their gradients are averaged before every update.
    compiled: run the forward and backward pass through torch.compile. cuda_graph: replay the whole step, update
    included, as one CUDA graph, for batches of one shape. What cannot run here is left out, with one line saying so.
    Trying them on the first batch leaves weights, statistics and random generators as they were.
    """

    def __init__(
        self,
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        autocast: Autocast,
        prepare: Callable[..., Tensor],
        *,
        process: Process | None = None,
        compiled: bool = False,
        cuda_graph: bool = False,
    ) -> None:
        self.model, self.optimizer, self.autocast, self.prepare = model, optimizer, autocast, prepare
        self.process = process or Process(0, 1, autocast.device)
        self._compiled, self._cuda_graph = compiled, cuda_graph
        self._forward: Callable[..., tuple[Tensor, Tensor]] = self._loss_and_right
        self._step: Callable[..., Tensor] | None = None

    def __call__(self, batch: Sequence[Tensor], lr: float) -> Tensor:
        """Train on a batch; returns the sum of its losses and how many it had right, (2,), on the device."""
        if self._step is None:
            self._prepare_optimizer()
            self._step = self._fastest_step(batch)
        for group in self.optimizer.param_groups:
            group["lr"].fill_(lr)
        return self._step(*batch)

    def _prepare_optimizer(self) -> None:
        for group in self.optimizer.param_groups:
            group["lr"] = torch.zeros((), device=self.autocast.device)  # which a CUDA graph reads anew at every step
            for parameter in group["params"]:
                # Made in a graph, momentum would start anew in every replay; made by the fused step itself, it stays
                # unset if the first gradients overflow.
                self.optimizer.state[parameter].setdefault("momentum_buffer", torch.zeros_like(parameter))

    def _loss_and_right(self, *batch: Tensor) -> tuple[Tensor, Tensor]:
        *inputs, classes = batch
        clips = self.prepare(*inputs)
        with self.autocast.context():
            logits = self.model(clips)
        return nn.functional.cross_entropy(logits.float(), classes), (logits.argmax(1) == classes).sum()

    def _gradients(self, *batch: Tensor) -> Tensor:
        self.optimizer.zero_grad()
        loss, right = self._forward(*batch)
        self.autocast.scaler.scale(loss).backward()
        return torch.stack([loss.detach() * len(batch[-1]), right])

    def _plain_step(self, *batch: Tensor) -> Tensor:
        results = self._gradients(*batch)
        # Not DistributedDataParallel, which splits the compiled graph by its buckets, and wants eleven steps before a
        # CUDA graph. One sum of all gradients after the backward pass is a part of the graph, as the update is; what
        # it costs is that no gradient travels while others are computed. One that overflows anywhere does everywhere.
        self.process.average_gradients(self._trained())
        self.autocast.scaler.step(self.optimizer)
        self.autocast.scaler.update()
        return results

    def _trained(self) -> Iterator[nn.Parameter]:
        return (parameter for group in self.optimizer.param_groups for parameter in group["params"])

    def _fastest_step(self, batch: Sequence[Tensor]) -> Callable[..., Tensor]:
        if self._compiled:
            self._forward = torch.compile(self._loss_and_right, dynamic=False)
            if not self._works("torch.compile", lambda: self._gradients(*batch)):
                self._forward = self._loss_and_right
        if self._cuda_graph:
            graphed: list[Callable[..., Tensor]] = []
            capture = partial(captured, self._plain_step, batch, warm_up=self._gradients)
            if self._works("a CUDA graph", lambda: graphed.append(capture())):
                return graphed[0]
        return self._plain_step

    def _works(self, what: str, attempt: Callable[[], object]) -> bool:
        """Whether it does in every process, since all have to do the same."""
        why = None
        try:
            with self._undone():
                attempt()
        except Exception as error:  # a compiler can fail in as many ways as there are machines
            why = reason(error)
        if failed := self.process.how_many(why is not None):
            why = why or f"not in {failed} of the {self.process.world} processes"
            warn(f"training goes on without {what}, which cannot run here: {why}")
        return not failed

    @contextmanager
    def _undone(self) -> Iterator[None]:
        """Take back what a forward and backward pass changes in the model and the random generators."""
        kept = [(buffer, buffer.clone()) for buffer in self.model.buffers()]
        devices = [self.autocast.device] if self.autocast.device.type == "cuda" else []
        with torch.random.fork_rng(devices):
            try:
                yield
            finally:
                for buffer, value in kept:
                    buffer.copy_(value)
                self.optimizer.zero_grad()

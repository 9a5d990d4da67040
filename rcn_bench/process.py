"""The processes that share a training: which of them this one is, and on which device it computes."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor, distributed, nn

T = TypeVar("T")

RANK_SEEDS = 1_000_000_007  # between the seeds of two processes, further apart than those of a run's epochs


@dataclass(frozen=True)
class Process:
    """One of ``world`` processes, the ``rank``-th from 0 on; all but the first compute and write nothing."""

    rank: int
    world: int
    device: torch.device

    @classmethod
    def alone(cls) -> "Process":
        """The only process, on a GPU if there is one."""
        return cls(0, 1, torch.device("cuda" if torch.cuda.is_available() else "cpu"))

    @classmethod
    def here(cls) -> "Process":
        """This process among those of its ``torch.distributed`` group, on its current GPU; alone without a group."""
        if not (distributed.is_available() and distributed.is_initialized()):
            return cls.alone()
        device = torch.device("cuda", torch.cuda.current_device()) if torch.cuda.is_available() else torch.device("cpu")
        return cls(distributed.get_rank(), distributed.get_world_size(), device)

    @property
    def is_main(self) -> bool:
        """Whether this is the process that writes files and prints."""
        return self.rank == 0

    def print(self, text: str) -> None:
        """A line on standard output at once, from the main process alone."""
        if self.is_main:
            print(text, flush=True)

    def own_seed(self, seed: int) -> int:
        """A seed for what must differ between processes, such as dropout; the main process keeps ``seed`` itself."""
        return seed + self.rank * RANK_SEEDS

    def reduce(self, tensor: Tensor) -> Tensor:
        """The sum of every process's tensor, the same in all; of one process the tensor itself.

        With more, all of them must call it, in an initialised ``torch.distributed`` group.
        """
        if self.world == 1:
            return tensor
        total = tensor.clone()
        distributed.all_reduce(total)
        return total

    def how_many(self, said: bool) -> int:
        """In how many processes it is so; all of them must call it."""
        return int(said) if self.world == 1 else int(self.reduce(torch.tensor(int(said), device=self.device)))

    def largest(self, number: float) -> float:
        """Of all processes, the same in all; all of them must call it."""
        if self.world == 1:
            return number
        found = torch.tensor(number, device=self.device)
        distributed.all_reduce(found, distributed.ReduceOp.MAX)
        return float(found)

    def average_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Give every parameter that has a gradient the mean of all processes' in its place; all of them must call it.

        Gradients of one type travel as one tensor, since a sum of many small ones waits for each of them, and stay
        views of it, which saves a copy. They lie in memory as before: alike in every process, as their weights.
        """
        if self.world == 1:
            return
        by_type: dict[torch.dtype, dict[nn.Parameter, Tensor]] = {}
        for parameter in parameters:
            if parameter.grad is not None:
                by_type.setdefault(parameter.grad.dtype, {})[parameter] = parameter.grad
        for gradients in by_type.values():
            orders = [_order_in_memory(gradient) for gradient in gradients.values()]
            lying = [gradient.permute(order) for gradient, order in zip(gradients.values(), orders, strict=True)]
            sizes = [gradient.numel() for gradient in lying]
            flat = lying[0].new_empty(sum(sizes))
            means = [part.view(of.shape) for part, of in zip(flat.split(sizes), lying, strict=True)]
            torch._foreach_copy_(means, lying)  # on an H200 a quarter of the time of torch.cat
            self._average(flat)
            for parameter, order, mean in zip(gradients, orders, means, strict=True):
                back = sorted(range(len(order)), key=order.__getitem__)
                parameter.grad = mean.permute(back)

    def _average(self, flat: Tensor) -> None:
        if distributed.get_backend() == "nccl":
            distributed.all_reduce(flat, distributed.ReduceOp.AVG)
        else:  # gloo has sums alone
            distributed.all_reduce(flat)
            flat.div_(self.world)

    def take_from_main(self, tensors: Iterable[Tensor]) -> None:
        """Put the main process's tensors in the place of every other's; all of them must call it."""
        if self.world > 1:
            for tensor in tensors:
                distributed.broadcast(tensor, 0)

    def from_main(self, value: T) -> T:
        """The main process's value, in all; it is pickled, and all of them must call it."""
        if self.world == 1:
            return value
        values = [value]
        distributed.broadcast_object_list(values, 0)
        return values[0]


def _order_in_memory(tensor: Tensor) -> list[int]:
    """Its axes, the one whose neighbours lie furthest apart first, so that channels last are copied as they lie."""
    return sorted(range(tensor.dim()), key=tensor.stride, reverse=True)

"""The processes that share a training: which of them this one is, and on which device it computes."""

from dataclasses import dataclass

import torch
from torch import Tensor, distributed

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

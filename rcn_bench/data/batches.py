"""Batches, made ahead by worker processes; those of training in memory that a GPU reads without another copy."""

import weakref
from collections.abc import Callable, Iterator
from itertools import cycle
from shutil import disk_usage

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from rcn_bench.data.clips import EpochOrder, EvaluationClips, TrainingClips, together
from rcn_bench.errors import InputError
from rcn_bench.files import MORE_SHARED_MEMORY, SHARED_MEMORY, size_text

AHEAD = 2  # batches that each worker makes before they are asked for


Keys = list[tuple[int, int]]


class TrainingBatches:
    """The batches of an epoch: boxes (N, T, S, S, 3) uint8, maps (N, 2, 3) and classes (N,) of ``size`` clips each.

    Of processes that share them, ``world``, the ``rank``-th gets every so many-th clip of each batch, from there on, so
    that all clips are the same, and in the same batches, whatever the number of processes; it must divide ``size``.
    A batch holds until the next one is asked for: its memory, shared with the workers, is then filled anew. What is
    left over at an epoch's end is dropped, since batch norm should not see a batch of one.
    workers: processes; 0: none but this one; ``worker_init`` is called first in each. pinned: let a GPU read the memory
    as it is. Errors: InputError if there is too little memory that can be shared or pinned.
    """

    def __init__(
        self,
        order: EpochOrder,
        size: int,
        *,
        workers: int = 0,
        pinned: bool = False,
        rank: int = 0,
        world: int = 1,
        worker_init: Callable[[int], None] | None = None,
    ) -> None:
        slots = batches_under_way(workers)
        parts = [torch.as_tensor(part) for part in order.clips[0, 0]]
        self._memory = [torch.empty(slots, size // world, *part.shape, dtype=part.dtype) for part in parts]
        _require_shared_memory(workers, sum(memory.nbytes for memory in self._memory))
        if workers:
            for memory in self._memory:
                memory.share_memory_()
        if pinned:
            _pin(self, self._memory)
        self._orders = _Orders(order, size, slots, slice(rank, None, world))
        self._loader = DataLoader(
            _Filler(order.clips, self._memory),
            batch_size=None,  # an item is a whole batch
            sampler=self._orders,
            num_workers=workers,
            prefetch_factor=AHEAD if workers else None,
            persistent_workers=workers > 0,
            worker_init_fn=worker_init,
            generator=torch.Generator(),  # its own, since the loader's draws would change those of dropout
        )

    def __len__(self) -> int:
        return len(self._orders)

    def start_at(self, batch: int) -> None:
        """Let the next epoch begin with this batch, from 0 on."""
        self._orders.first = batch

    def __iter__(self) -> Iterator[list[Tensor]]:
        for slot in self._loader:
            yield [memory[slot] for memory in self._memory]


class _Orders:
    """What is to be made of an epoch: in which slot, the clips of which keys. Slots are taken in turn.

    share: which clips of a batch of ``size``.
    """

    def __init__(self, order: EpochOrder, size: int, slots: int, share: slice) -> None:
        self._order, self._size, self._slots, self._share = order, size, cycle(range(slots)), share
        self.first = 0  # the batch that an epoch begins with

    def __len__(self) -> int:
        return len(self._order) // self._size

    def __iter__(self) -> Iterator[tuple[int, Keys]]:
        keys = list(self._order)
        for batch in range(self.first, len(self)):
            yield next(self._slots), keys[batch * self._size : (batch + 1) * self._size][self._share]


class _Filler(Dataset):
    """Puts clips where they are wanted; an item is the slot that has been filled."""

    def __init__(self, clips: TrainingClips, memory: list[Tensor]) -> None:
        self.clips, self.memory = clips, memory

    def __getitem__(self, order: tuple[int, Keys]) -> int:
        slot, keys = order
        for place, key in enumerate(keys):
            for memory, part in zip(self.memory, self.clips[key], strict=True):
                memory[slot, place] = torch.as_tensor(part)
        return slot


def batches_under_way(workers: int) -> int:
    """Those that are made ahead, and the one that is read."""
    return workers * AHEAD + 1


def evaluation_batches(videos: EvaluationClips, size: int, workers: int) -> DataLoader:
    """Clips (clips, T, H, W, 3) of ``size`` videos each, in their order, and how many each video has of them.

    workers: processes; 0: none but this one. Errors: InputError if there is too little memory that can be shared.
    """
    _require_shared_memory(workers, batches_under_way(workers) * size * videos.largest)
    prefetch = AHEAD if workers else None
    return DataLoader(videos, size, num_workers=workers, prefetch_factor=prefetch, collate_fn=together)


def _require_shared_memory(workers: int, needed: int) -> None:
    """A process that writes beyond what there is gets killed without a word."""
    if workers and SHARED_MEMORY.is_dir() and (free := disk_usage(SHARED_MEMORY).free) < needed:
        raise InputError(
            f"train.workers: {workers} need {size_text(needed)} of shared memory, {SHARED_MEMORY} has "
            f"{size_text(free)}; use fewer, or {MORE_SHARED_MEMORY}"
        )


def _pin(owner: object, tensors: list[Tensor]) -> None:
    """Register memory with the GPU's driver for as long as its owner lives, so that the GPU can read it directly."""
    runtime = torch.cuda.cudart()
    for tensor in tensors:
        status = runtime.cudaHostRegister(tensor.data_ptr(), tensor.nbytes, 0)
        if int(status) != 0:
            raise InputError(
                f"train.workers: {size_text(tensor.nbytes)} of memory for their batches cannot be pinned for the GPU "
                f"({status}); use fewer"
            )
        weakref.finalize(owner, runtime.cudaHostUnregister, tensor.data_ptr())

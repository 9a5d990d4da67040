"""Two processes that share a training on the CPU, also where there is a GPU."""

from collections.abc import Callable
from multiprocessing import forkserver
from pathlib import Path

import torch
from torch import distributed, multiprocessing

from rcn_bench.process import Process


def in_two_processes(folder: Path, work: Callable[[Process], object]) -> list:
    """What ``work``, a function of a module, returns in each of two processes, which import torch together.

    They are forked from one that has done nothing yet: torch cannot be forked once it has computed a gradient.
    """
    forkserver.set_forkserver_preload(["rcn_bench.engine.train"])
    multiprocessing.start_processes(_work, (folder, work), 2, start_method="forkserver")
    return [torch.load(folder / f"result of {rank}", weights_only=False) for rank in range(2)]


def _work(rank: int, folder: Path, work: Callable[[Process], object]) -> None:
    torch.set_num_threads(1)
    torch.cuda.is_available = lambda: False
    distributed.init_process_group("gloo", init_method=f"file://{folder / 'store'}", rank=rank, world_size=2)
    torch.save(work(Process.here()), folder / f"result of {rank}")
    distributed.destroy_process_group()

import gc

import pytest
import torch
from setting import GPU, synchronize


@pytest.fixture(autouse=True)
def _two_threads():
    """More threads that share their cores with other work spin and give times that mean nothing."""
    threads = torch.get_num_threads()
    torch.set_num_threads(min(threads, 2))
    torch.backends.cudnn.benchmark = True
    yield
    torch.set_num_threads(threads)


@pytest.fixture(autouse=True)
def _alone():
    """Without the compiled code and the memory of the benchmarks before: a compiler gives up after some recompiling."""
    torch._dynamo.reset()
    torch._dynamo.config.fail_on_recompile_limit_hit = True
    gc.collect()
    if GPU:
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()


@pytest.fixture
def timed(benchmark):
    """Times a function under a name, in a group of things to compare with its subject; on a GPU with peak memory."""

    def time(group, name, function, *, subject, rounds=10, warmup_rounds=2):
        benchmark.group = group
        benchmark.extra_info |= {"name": name, "subject": subject}

        def run():
            function()
            synchronize()

        benchmark.pedantic(run, rounds=rounds, warmup_rounds=warmup_rounds)
        if GPU:
            benchmark.extra_info["peak_memory_bytes"] = torch.cuda.max_memory_allocated()

    return time

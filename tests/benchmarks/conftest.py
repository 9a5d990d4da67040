import gc
from statistics import median
from time import perf_counter

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
    """Times a function under a name, in a group of things to compare with its subject.

    peak_memory: keep that of the whole benchmark, on a GPU; the first benchmark of a shape has cuDNN's trials in it.
    beside: other functions by name, run once before every round of this one, so that whatever slows the machine for a
    while slows them all; their times stand beside it.
    clock: of those; that of the function itself is set by ``pytest.mark.benchmark(timer=...)``.
    """

    def time(
        group,
        name,
        function,
        *,
        subject,
        rounds=10,
        warmup_rounds=2,
        beside=None,
        peak_memory=False,
        clock=perf_counter,
    ):
        benchmark.group = group
        benchmark.extra_info |= {"name": name, "subject": subject}
        others = {other: [] for other in beside or {}}

        def run(what=function):
            what()
            synchronize()

        def take_turns():
            for other, seconds in others.items():
                started = clock()
                run(beside[other])
                seconds.append(clock() - started)

        benchmark.pedantic(run, setup=take_turns, rounds=rounds, warmup_rounds=warmup_rounds)
        if others:
            benchmark.extra_info["beside"] = {name: median(times[warmup_rounds:]) for name, times in others.items()}
        if peak_memory and GPU:
            benchmark.extra_info["peak_memory_bytes"] = torch.cuda.max_memory_allocated()

    return time

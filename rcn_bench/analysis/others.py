"""Whether others use the processor's cores while something is timed."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

STATISTICS = Path("/proc/stat")  # Linux's, of the whole machine
BUSY = (0, 1, 2, 5, 6, 7)  # its columns: user, nice, system, interrupts, soft interrupts, stolen


@dataclass
class Cores:
    """lacking: how many cores were needed and not free, on average; None where the machine does not tell."""

    lacking: float | None = None


@contextmanager
def watched_cores(needed: int) -> Iterator[Cores]:
    """What is to be told afterwards of the time until then, in which ``needed`` threads of this process work."""
    cores = Cores()
    before, started = _others_seconds(), time.perf_counter()
    yield cores
    after, seconds = _others_seconds(), time.perf_counter() - started
    if before is not None and after is not None and seconds > 0:
        of_others = max(after - before, 0) / seconds
        cores.lacking = round(max(of_others + needed - (os.cpu_count() or 1), 0), 2)


def _others_seconds() -> float | None:
    """That all processes but this one have computed since the machine started."""
    try:
        counts = STATISTICS.read_text().splitlines()[0].split()[1:]
        ticks = sum(int(counts[column]) for column in BUSY)
    except (OSError, ValueError, IndexError):
        return None
    return ticks / os.sysconf("SC_CLK_TCK") - time.process_time()

"""How long a device computes: the rest of the time it waits for its processor, for clips above all."""

import time

import torch

MOST_EVENTS = 2000  # of a GPU, kept until they are added up


class Stopwatch:
    """Seconds that a processor spends within ``with`` blocks of it, one after the other."""

    def __init__(self) -> None:
        self._begun, self._seconds = 0.0, 0.0

    def __enter__(self) -> None:
        self._begun = time.perf_counter()

    def __exit__(self, *_: object) -> None:
        self._seconds += time.perf_counter() - self._begun

    def seconds(self) -> float:
        """Of all blocks so far."""
        return self._seconds


class GpuStopwatch(Stopwatch):
    """Seconds that the current GPU computes what is launched there; it notes the times as it comes to them itself."""

    def __init__(self) -> None:
        super().__init__()
        self._start = _now()
        self._blocks: list[tuple[torch.cuda.Event, torch.cuda.Event]] = []

    def __enter__(self) -> None:
        self._start = _now()

    def __exit__(self, *_: object) -> None:
        self._blocks.append((self._start, _now()))
        if 2 * len(self._blocks) >= MOST_EVENTS:
            self.seconds()

    def seconds(self) -> float:
        """Of all blocks so far; waits until the GPU is done with them."""
        for start, end in self._blocks:
            end.synchronize()
            self._seconds += start.elapsed_time(end) / 1000
        self._blocks.clear()
        return self._seconds


def stopwatch(device: torch.device) -> Stopwatch:
    return GpuStopwatch() if device.type == "cuda" else Stopwatch()


def _now() -> torch.cuda.Event:
    event = torch.cuda.Event(enable_timing=True)
    event.record()
    return event

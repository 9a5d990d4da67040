"""What a stream prints: a line an answer, a word of what happened between them, sums at the end."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from rcn_bench.engine.live.due import Due, Event
from rcn_bench.errors import warn

TEXTS: dict[str, Callable[..., str]] = {
    "lost": lambda reason, give_up_s: f"lost: {reason}; trying for {give_up_s:g} s from the last frame on",
    "reconnected": lambda after_s: f"frames again, {after_s:.1f} s after the last",
    "restarted": lambda reason: f"begun anew: {reason}",
}
Best = list[tuple[str, float]]  # labels with their probabilities, the best first


@dataclass
class Sums:
    frames: int = 0
    dropped: int = 0
    empty: int = 0
    lost: int = 0
    network_seconds: float = 0.0
    started: float = field(default_factory=time.perf_counter)

    def add(self, due: Due, network_seconds: float) -> None:
        self.frames += 1
        self.dropped += due.dropped
        self.empty += due.empty
        self.network_seconds += network_seconds

    @property
    def seconds(self) -> float:
        return time.perf_counter() - self.started

    @property
    def network_ms(self) -> float:
        """Of a frame."""
        return 1000 * self.network_seconds / max(self.frames, 1)


class TextReport:
    """For who reads along."""

    def __init__(self, name: str) -> None:
        self.name = name

    def answer(self, due: Due, best: Best) -> None:
        scores = "  ".join(f"{label} {probability:.1%}" for label, probability in best)
        passed = _passed(due.dropped, due.empty)
        print(f"{due.at:8.2f} s  {scores}{f'  ({passed})' if passed else ''}", flush=True)

    def event(self, event: Event) -> None:
        warn(f"{self.name}: {TEXTS[event.kind](**event.facts)}")

    def end(self, sums: Sums, reason: str) -> None:
        lost = f"lost {sums.lost} time{'s' * (sums.lost > 1)}" if sums.lost else ""
        seconds = sums.seconds
        parts = [
            f"{sums.frames} frames in {seconds:.1f} s: {sums.frames / seconds:.1f} frames/s",
            f"{sums.network_ms:.1f} ms a frame in the network",
            *filter(None, (_passed(sums.dropped, sums.empty), lost)),
        ]
        print(", ".join(parts), flush=True)


class JsonReport(TextReport):
    """For other programs: an object a line, whose kind is answer, end, or that of an event, which stderr says too."""

    def answer(self, due: Due, best: Best) -> None:
        latency = 1000 * (time.monotonic() - due.came)
        top = [{"label": label, "probability": round(probability, 4)} for label, probability in best]
        counts = {"dropped": due.dropped, "empty": due.empty, "latency_ms": round(latency, 1)}
        _print_json({"kind": "answer", "time": round(due.at, 3), "label": best[0][0], "top": top, **counts})

    def event(self, event: Event) -> None:
        super().event(event)
        _print_json({"kind": event.kind, **event.facts})

    def end(self, sums: Sums, reason: str) -> None:
        counts = {"frames": sums.frames, "dropped": sums.dropped, "empty": sums.empty, "lost": sums.lost}
        times = {"seconds": round(sums.seconds, 1), "network_ms": round(sums.network_ms, 1)}
        _print_json({"kind": "end", "reason": reason, **counts, **times})


def _print_json(facts: dict[str, Any]) -> None:
    print(json.dumps(facts, ensure_ascii=False), flush=True)


def _passed(dropped: int, empty: int) -> str:
    """What became of ticks without an answer."""
    texts = [f"{dropped} tick{'s' * (dropped > 1)} dropped"] if dropped else []
    return ", ".join([*texts, *([f"{empty} without a frame"] if empty else [])])

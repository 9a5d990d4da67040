"""The file of what models cost on live video."""

from dataclasses import dataclass
from typing import ClassVar, Literal

from rcn_bench.records.base import Record


@dataclass(frozen=True)
class Batch:
    """New frames of so many live videos at once, over and over.

    frames_per_second: of all videos together; None where it could not be measured, and why_not says why.
    joules_per_frame: of the whole card; None where the machine does not tell.
    """

    videos: int
    frames_per_second: float | None
    joules_per_frame: float | None
    why_not: str | None


@dataclass(frozen=True)
class LiveCost:
    """What a model costs on live video, as it is streamed: for inference, batch norm folded, on a GPU as a graph.

    by: what it goes by from frame to frame. frames: of its clips. frames_per_answer: 1 by state; by window the frames
    from one window to the next, as online accuracy is taken, over which gmacs_per_frame, frames a second and joules are
    spread, while the latency is that of a whole window. latency_p50_ms, latency_p99_ms: of ``steps`` answers to one
    video, alone; several: of several at once. state_bytes: kept from frame to frame of a video in float32, the frames
    of a window but the newest too.
    """

    model: str
    by: Literal["state", "window"]
    frames: int
    frames_per_answer: int
    size: int
    gmacs_per_frame: float
    state_bytes: int
    latency_p50_ms: float
    latency_p99_ms: float
    steps: int
    alone: Batch
    several: list[Batch]


@dataclass(frozen=True, kw_only=True)
class LeagueCosts(Record):
    """cores_lacking: how many of the processor's cores timing needed and others used; None where nobody can tell."""

    made_by: ClassVar[str] = "rcn-bench league"

    rows: list[LiveCost]
    cores_lacking: float | None = None

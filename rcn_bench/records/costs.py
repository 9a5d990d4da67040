"""The files of what models cost, of their causality and of benchmarks."""

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from rcn_bench.plan.sections import Recomputing
from rcn_bench.provenance import Origin
from rcn_bench.records.base import Document, Record


@dataclass(frozen=True)
class MemoryCosts:
    """Of a training step and of inference on a batch; None for a batch that does not fit.

    activations_bytes: what the forward pass keeps for the backward pass. training_bytes, inference_bytes: the peaks of
    a whole step and of a forward pass, weights included. largest_batch: in clips, that fits the budget.
    """

    activations_bytes: int | None
    training_bytes: int | None
    inference_bytes: int | None
    largest_batch: int


@dataclass(frozen=True)
class ModelCosts:
    """What can be counted of a model at a clip length.

    stem_pool: None for a model without that option. gmacs: 1e9 multiply-accumulates of a clip; gmacs_per_new_frame: of
    live video. input: shape of a clip, such as 3x8x112x112. memory_batch: clips in the batch of estimated and measured,
    which is None without a GPU.
    """

    model: str
    stem_pool: bool | None
    frames: int
    parameters: int
    gmacs: float
    gmacs_per_new_frame: float
    input: str
    classes: int
    memory_batch: int
    recompute_activations: Recomputing
    estimated: MemoryCosts
    measured: MemoryCosts | None


@dataclass(frozen=True, kw_only=True)
class Profile(Record):
    made_by: ClassVar[str] = "rcn-bench profile {path.stem}"
    subject: ClassVar[str] = "model"

    model: str
    rows: list[ModelCosts]

    def check(self) -> None:
        if others := {row.model for row in self.rows} - {self.model}:
            raise ValueError(f"rows: of another model than {self.model}: {min(others)!r}")


@dataclass(frozen=True)
class Spread:
    """How far timed steps differ: half the range of their middle half, as a share of their median."""

    training: float
    inference: float
    live: float


@dataclass(frozen=True)
class Speed:
    """How fast a model is. timing_batch: clips of shape timing_input. live_by: what it carries from frame to frame.

    cores_lacking: how many of the processor's cores timing needed and others were using; None where nobody can tell.
    """

    model: str
    stem_pool: bool | None
    frames: int
    timing_input: str
    timing_batch: int
    training_clips_per_second: float
    inference_clips_per_second: float
    live_frames_per_second: float
    live_by: Literal["state", "window"]
    spread: Spread | None = None
    cores_lacking: float | None = None


@dataclass(frozen=True, kw_only=True)
class Throughput(Record):
    made_by: ClassVar[str] = "rcn-bench throughput"

    rows: list[Speed]


@dataclass(frozen=True)
class Certificate:
    """What perturbing the frames of a random clip shows of a model with random weights, in eval mode.

    causal: no output moved by a single bit when any or all of the frames after it changed. largest_change: of an
    output when only frames after it change, as a share of the outputs' standard deviation. frames, outputs: in the
    clip, and time steps of the model's last feature map. past_frames, future_frames: the most frames before and
    after its own that reach an output; a number as large as frames - 1 may be cut off by the clip.
    """

    model: str
    causal: bool
    largest_change: float
    frames: int
    outputs: int
    past_frames: int
    future_frames: int


@dataclass(frozen=True, kw_only=True)
class Causality(Record):
    made_by: ClassVar[str] = "rcn-bench causality"

    rows: list[Certificate]


@dataclass(frozen=True)
class StepTime:
    """A model at a clip length, timed: seconds of a training step and of evaluation, each on ``clips`` clips.

    model: with its options, as in a run's name. peak_memory_bytes: of the training step, on a GPU.
    """

    model: str
    frames: int
    clips: int
    training_seconds: float
    evaluation_seconds: float
    peak_memory_bytes: int | None


@dataclass(frozen=True)
class StepSettings:
    """What the time of a step depends on, beside its model, its frames and the machine; as in the config."""

    frames_per_batch: int
    autocast: str
    compile: bool
    cuda_graph: bool
    deterministic: bool
    recompute_activations: Recomputing
    crop: int
    stem_pool: bool


@dataclass(frozen=True, kw_only=True)
class StepTimes(Record):
    made_by: ClassVar[str] = "rcn-bench estimate"

    settings: StepSettings
    rows: list[StepTime]


@dataclass(frozen=True)
class BenchmarkGroup:
    """Things compared in one run of the benchmarks; what a row holds is up to the benchmark."""

    origin: Origin
    rows: list[dict[str, Any]]


@dataclass(frozen=True, kw_only=True)
class Benchmarks(Document):
    """The benchmarks of one machine, by the names of their groups, each from a run of its own."""

    made_by: ClassVar[str] = "rcn-bench bench"

    groups: dict[str, BenchmarkGroup]

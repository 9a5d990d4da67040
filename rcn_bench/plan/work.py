"""What the runs of an experiment compute: clips and multiply-accumulates, by its config and what its models claim."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from rcn_bench.plan.experiment import Experiment
from rcn_bench.plan.models import Claims, claims_of_sources
from rcn_bench.plan.run import Run

# Floating-point operations a second that arithmetic counts with. Of a GPU: the median of the training steps in
# results/reference/nvidia_h100_80gb_hbm3/step_times.json, in float16, clips at hand. Of a thread of a CPU: the median
# of the trainings in results/reference/mini, each on one thread of an Intel Xeon at 2.50 GHz.
GPU_RATE, THREAD_RATE = 170e12, 0.045e12
BACKWARD = 3  # a training step is a forward pass and a backward pass of twice as many operations
NO_STEM_POOL = 4  # times the pixels, at most, where no pool behind the stem takes them away, as claims have it
ONLINE_PASSES = 2  # over all frames: with the state carried and restarted, or in windows that overlap by half


@dataclass(frozen=True)
class Work:
    """videos: of each split, how many."""

    experiment: Experiment
    videos: Mapping[str, int]

    def clips(self, stage: str, run: Run) -> float | None:
        """That a stage shows to a run's network; None if nobody knows."""
        clip, digits = self.experiment.clip, self.experiment.data.digits
        match stage:
            case "train":
                batch = self.experiment.clips_per_batch(run)
                return self.experiment.train.epochs * (self.videos["train"] // batch) * batch
            case "evaluate":
                return self.videos["val"] * clip.evaluation_clips * clip.evaluation_crops
            case "online" if digits is not None:
                return ONLINE_PASSES * self.videos["val"] * digits.video_frames / clip.stride / run.frames
        return None

    def operations(self, stage: str, run: Run) -> float | None:
        """Of a stage, two a multiply-accumulate; None of a stage or a model of which nobody knows."""
        clips, gmacs = self.clips(stage, run), self.gmacs(run)
        if clips is None or gmacs is None:
            return None
        passes = BACKWARD * (1 + self.experiment.carried_clips(run)) if stage == "train" else 1
        return 2e9 * gmacs * clips * passes

    def gmacs(self, run: Run) -> float | None:
        """Of a forward pass on one of a run's clips; None if its model claims nothing."""
        if not (claims := self.claims.get(run.model)):
            return None
        times = 1 if self.experiment.stem_pool else NO_STEM_POOL
        return times * claims.gmacs_a_pixel * run.frames * self.experiment.clip.crop**2

    def parameters(self, run: Run) -> int | None:
        claims = self.claims.get(run.model)
        return claims.parameters if claims else None

    @cached_property
    def claims(self) -> Mapping[str, Claims | None]:
        """Of all models by name; None of one that claims nothing."""
        return claims_of_sources(self.experiment.model_sources)

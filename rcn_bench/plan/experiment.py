"""An experiment: its config as typed sections, its data set, and where its files lie."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from rcn_bench.code import Code, ModelSource, Sources, find_formats, find_models, find_trunks
from rcn_bench.errors import InputError
from rcn_bench.plan.dataset import DataSet, EmbeddedDigits, OwnVideos
from rcn_bench.plan.paths import Paths
from rcn_bench.plan.run import BATCH_FRAMES, BATCH_OF_T8, CARRIED, Run, base_model
from rcn_bench.plan.schema import parse_section, plain
from rcn_bench.plan.sections import Digits, Lifetime, Sections
from rcn_bench.syntax import top_level


@dataclass(frozen=True)
class Experiment(Sections):
    """The sections of a checked config as attributes: ``experiment.train.lr``.

    results: the folder of all results. folder: that of its own, where it is not the one of its name in there.
    """

    results: Path = field(default=Path("results"), metadata={"key": False})
    folder: Path | None = field(default=None, metadata={"key": False})

    @classmethod
    def of(cls, config: Mapping[str, Any], results: Path = Path("results"), folder: Path | None = None) -> "Experiment":
        return parse_section(cls, config, results=results, folder=folder)

    @cached_property
    def config(self) -> dict[str, Any]:
        """The whole config, with every default."""
        return plain(self)

    @cached_property
    def paths(self) -> Paths:
        return Paths(self.folder or self.results / self.name)

    @cached_property
    def dataset(self) -> DataSet:
        if self.data.digits is not None:
            return EmbeddedDigits(self.data.digits, self.paths)
        return OwnVideos(self.data, tuple(find_formats(self.plugins)))

    @cached_property
    def model_sources(self) -> dict[str, ModelSource]:
        """All models that can be had by name, those of plugins included, and where they are written."""
        return find_models(self.plugins)

    @cached_property
    def trunk_sources(self) -> dict[str, str]:
        """The modules of the 2D networks that are written here or in plugins, by name."""
        return find_trunks(self.plugins)

    def code(self, *modules: str) -> Code:
        """The code that these modules depend on, as it was when first asked for. Errors: as from ``code_of``."""
        if modules not in self._codes:
            roots = frozenset(map(top_level, (*modules, *self.plugins)))
            if roots not in self._sources:
                self._sources[roots] = Sources([*modules, *self.plugins])
            self._codes[modules] = self._sources[roots].code(modules)
        return self._codes[modules]

    @cached_property
    def _codes(self) -> dict[tuple[str, ...], Code]:
        return {}

    @cached_property
    def _sources(self) -> dict[frozenset[str], Sources]:
        return {}

    @property
    def profile_size(self) -> int:
        """Height and width at which GMACs and memory are counted: those that models are trained and timed at."""
        return self.profile.size or self.clip.crop

    def seeds_of(self, variant: str) -> list[int]:
        """Those that a model of this config is trained with."""
        starts = self.models.get(variant)
        return starts.seeds if starts is not None and starts.seeds is not None else self.seeds

    def carried_clips(self, run: Run) -> int:
        """How many clips before one of training a run sees, at most, to go on from their state."""
        return self.train.carried_clips if CARRIED in run.options else 0

    def lifetime_of(self, run: Run) -> tuple[Digits, Lifetime]:
        """The long videos on which a run's lifetime is measured, and of which data set they are.

        Errors: InputError if the config has none, or if they are shorter than the run's clips.
        """
        digits, lifetime = self.data.digits, self.lifetime
        if digits is None or lifetime is None:
            raise InputError("lifetime: missing; give the videos and frames that data.digits are to be drawn at")
        if lifetime.frames < run.frames:
            raise InputError(f"lifetime.frames: {lifetime.frames} are fewer than those of a clip of {run.name}")
        return digits, lifetime

    def gpus_of(self, run: Run) -> int:
        """That share its training, a process each."""
        return self.train.gpus_by_frames.get(str(run.frames), self.train.gpus)

    def gpus_key(self, run: Run) -> str:
        """The key of the config that says how many."""
        return f"train.gpus_by_frames.{run.frames}" if str(run.frames) in self.train.gpus_by_frames else "train.gpus"

    def clips_per_batch(self, run: Run) -> int:
        """Of its training."""
        return self.train.frames_per_batch // (BATCH_FRAMES if BATCH_OF_T8 in run.options else run.frames)

    def clips_per_gpu(self, run: Run) -> int:
        """Each process's share of a batch. Errors: InputError if there is none that is the same for all."""
        batch, gpus = self.clips_per_batch(run), self.gpus_of(run)
        share = f"{self.gpus_key(run)}: {gpus}"
        makes = f"train.frames_per_batch: {self.train.frames_per_batch} makes batches of {batch} clips of"
        if batch % gpus:
            raise InputError(f"{share} do not share a batch evenly; {makes} {run.frames} frames; change one of the two")
        if gpus > 1 and batch == gpus and self.train.batch_norm == "per_gpu":
            raise InputError(
                f"{share} have a single clip each, which batch norm should not see alone; {makes} {run.frames} frames; "
                "use fewer, or set train.batch_norm: synchronised"
            )
        return batch // gpus

    def trunk(self, model: str) -> str:
        """The 2D network that a model is built on: rcn18 stands on resnet18.

        Errors: InputError for an unknown model, or one that starts from no 2D weights.
        """
        name = base_model(model)
        trunk = self.model_sources[name].trunk if name in self.model_sources else None
        if trunk is None:
            raise InputError(
                f"{model}: not registered with a trunk, so it has no 2D weights to start from; its only w_xh is random"
            )
        return trunk

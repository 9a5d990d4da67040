"""Where an experiment keeps its files, below results/<config name>/."""

from dataclasses import dataclass
from pathlib import Path

from rcn_bench.experiment import Config, Run


@dataclass(frozen=True)
class Layout:
    """All paths of one experiment. root: its results folder."""

    root: Path

    @classmethod
    def of(cls, config: Config, results: Path = Path("results")) -> "Layout":
        return cls(results / config["name"])

    @property
    def data(self) -> Path:
        """The embedded data set: videos/, annotations/, stills.npz."""
        return self.root / "data"

    @property
    def stills(self) -> Path:
        return self.data / "stills.npz"

    def annotations(self, config: Config, split: str) -> Path:
        """The annotation CSV of a split: the config's own, or the embedded data set's."""
        given = config["data"].get("annotations")
        return Path(given[split]) if given else self.data / "annotations" / f"{split}.csv"

    def videos(self, config: Config) -> Path:
        """The folder that holds the videos of all splits."""
        return Path(config["data"].get("videos", self.data / "videos"))

    def check(self, split: str) -> Path:
        """What was found of every video; not a declared output of any rule, so that it outlives a failed job."""
        return self.root / "check" / f"{split}.csv"

    def cache(self, split: str) -> Path:
        """The index of a split's cache; its shards lie in a folder beside it."""
        return self.root / "cache" / f"{split}.json"

    def fingerprint(self, split: str) -> Path:
        """That of a split's cache, a line of text: what runs depend on, and the declared output in place of the index.

        So Snakemake, which deletes the outputs of a job that it starts or that fails, leaves the cache of before alone.
        """
        return self.root / "cache" / f"{split}.fingerprint"

    def shard_record(self, split: str, number: int) -> Path:
        """Names a shard; the declared output of the job that makes it, so that the shard itself outlives that job."""
        return self.root / "cache" / split / f"{number:05d}.json"

    def pretrained(self, network: str) -> Path:
        """Weights of a 2D network (resnet18) trained on stills."""
        return self.root / "pretrained" / f"{network}-stills.safetensors"

    def run(self, run: Run) -> Path:
        return self.root / "runs" / run.name

    def weights(self, run: Run) -> Path:
        return self.run(run) / "model.safetensors"

    def predictions(self, run: Run) -> Path:
        return self.run(run) / "predictions.csv"

    def evaluation(self, run: Run) -> Path:
        return self.run(run) / "eval.json"

    def online(self, run: Run) -> Path:
        """For every video, after which share of it the run is right."""
        return self.run(run) / "online.csv"

    def checkpoint(self, run: Run) -> Path:
        """Not a declared output of any rule, so that it outlives a failed job."""
        return self.root / "checkpoints" / f"{run.name}.pt"

    def calibration(self, weights: str) -> Path:
        """The accuracy of published weights on this experiment's cache."""
        return self.root / "calibration" / f"{weights}.json"

    def profile(self, model: str) -> Path:
        return self.root / "profiles" / f"{model}.json"

    @property
    def throughput(self) -> Path:
        """Clips/s of all models, timed in one process."""
        return self.root / "throughput.json"

    @property
    def step_times(self) -> Path:
        """Training steps of all runs, timed on one machine."""
        return self.root / "step_times.json"

    @property
    def causality(self) -> Path:
        """The causality certificates of Table 5."""
        return self.root / "causality.json"

    def table(self, name: str) -> Path:
        """The path of a table without its extension."""
        return self.root / "tables" / name

    def figure(self, name: str) -> Path:
        """The path of a figure without its extension."""
        return self.root / "figures" / name

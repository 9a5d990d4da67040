"""Where an experiment keeps its files, below results/<config name>/."""

from dataclasses import dataclass
from pathlib import Path

from rcn_bench.plan.run import Run


@dataclass(frozen=True)
class Paths:
    """All paths of one experiment. root: its results folder."""

    root: Path

    @property
    def config(self) -> Path:
        """The config as the last workflow that passed its check ran it."""
        return self.root / "config.yaml"

    def plan(self, config_hash: str) -> Path:
        """The config that the jobs of one plan read, whatever becomes of others meanwhile."""
        return self.root / "plans" / f"{config_hash}.yaml"

    @property
    def writers(self) -> Path:
        """An entry for every process that is writing results now."""
        return self.root / "at_work"

    @property
    def counted_lists(self) -> Path:
        """How many videos lists hold, by their content, so that a long one is read once and not at every plan."""
        return self.root / "plans" / "lists.json"

    @property
    def data(self) -> Path:
        """The embedded data set: videos/, annotations/, stills.npz."""
        return self.root / "data"

    @property
    def stills(self) -> Path:
        return self.data / "stills.npz"

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
        """Weights of a 2D network (resnet18) trained on stills; its record lies beside it, as .json."""
        return self.root / "pretrained" / f"{network}-stills.safetensors"

    def run(self, run: Run) -> Path:
        return self.root / "runs" / run.name

    def weights(self, run: Run) -> Path:
        return self.run(run) / "model.safetensors"

    def metrics(self, run: Run) -> Path:
        """A line an epoch."""
        return self.run(run) / "metrics.jsonl"

    def training(self, run: Run) -> Path:
        """The record of a training."""
        return self.run(run) / "provenance.json"

    def scores(self, run: Run) -> Path:
        """Of all classes for every clip of the evaluation."""
        return self.run(run) / "scores.safetensors"

    def predictions(self, run: Run) -> Path:
        return self.run(run) / "predictions.csv"

    def evaluation(self, run: Run) -> Path:
        return self.run(run) / "eval.json"

    def online(self, run: Run) -> Path:
        """For every video, after which share of it the run is right; its record lies beside it, as .json."""
        return self.run(run) / "online.csv"

    def hidden_state(self, run: Run) -> Path:
        """The record of a run's w_hh, at the start and after training; the matrices lie beside it, as .safetensors."""
        return self.run(run) / "w_hh.json"

    def lifetime(self, run: Run) -> Path:
        """For every long video, at which ages of its state the run is right; its record lies beside it, as .json."""
        return self.run(run) / "lifetime.csv"

    def checkpoint(self, run: Run) -> Path:
        """What an unfinished training resumes from; no declared output of a rule, so that it outlives a failed job."""
        return self.root / "checkpoints" / f"{run.name}.pt"

    def log(self, stage: str, target: str) -> Path:
        """What a workflow's job printed, the last time that it was started."""
        return self.root / "logs" / stage / f"{target}.log"

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
    def league(self) -> Path:
        """What models cost on live video, measured in one process."""
        return self.root / "league.json"

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

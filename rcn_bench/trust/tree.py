"""A folder of results as a chain of records: which ones its config asks for, and the files that each vouches for."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from rcn_bench.plan.config import experiment_in
from rcn_bench.plan.experiment import Experiment
from rcn_bench.plan.paths import Paths
from rcn_bench.plan.products import products_of
from rcn_bench.plan.products.base import Product
from rcn_bench.plan.run import Run
from rcn_bench.plan.targets import targets
from rcn_bench.provenance import named
from rcn_bench.records.base import Record
from rcn_bench.records.found import RECORDS, record_path
from rcn_bench.records.runs import Evaluation, Pretrained, Trained

PRODUCTS = ("table", "figure")
NOT_RESULTS = ("cache", "data")  # folders of frames and videos, which no tree keeps
BY_CHOICE = ("calibrate", "steps")  # stages that a user asks for, and no table or figure
DONE_ONCE = ("throughput", "league", "causality", "steps")  # stages for all of an experiment
CONFIG = "config.yaml"
CARD = "README.md"  # of a run


@dataclass(frozen=True)
class Link:
    """A record of the chain, at its path from the root on. required: whether the config asks for it."""

    stage: str
    target: str
    kind: type[Record]
    path: str
    required: bool

    @cached_property
    def beside(self) -> dict[str, str]:
        """The files that the record tells of, by the field with their sha256."""
        return {field: path.as_posix() for field, path in self.kind.files_beside(Path(self.path)).items()}

    def is_weights(self, path: str) -> bool:
        """Whether a file beside it is trained weights, which are large and from which nothing is read later."""
        return self.kind in (Trained, Pretrained) and path.endswith(".safetensors")


class Tree:
    """What the results of one experiment are to be, by the config that lies with them."""

    def __init__(self, root: Path) -> None:
        """Errors: InputError without a config, or for one that cannot be."""
        self.root = root
        self.experiment: Experiment = experiment_in(root)
        self.products: dict[str, Product] = products_of(self.experiment)
        self.links = list(self._links())

    def _links(self) -> Iterator[Link]:
        """In the order in which they are made."""
        read = {path for product in self.products.values() for path in product.reads()}
        paths = self.experiment.paths
        for stage, (kind, _) in RECORDS.items():
            names = targets(self.experiment, stage)
            for target in [] if stage == "cache" else names or [""] * (stage in DONE_ONCE):
                path = record_path(paths, stage, target)
                required = stage not in BY_CHOICE and (bool(names) or path in read)
                if required or path.exists():
                    yield Link(stage, target, kind, self.name(path), required)

    def name(self, path: Path) -> str:
        """A path from the root on."""
        return path.relative_to(self.root).as_posix()

    def of_input(self, named: str) -> str | None:
        """The path, from the root on, of a file that an origin names; None of one from elsewhere."""
        start = f"{self.experiment.name}/"
        return named.removeprefix(start) if named.startswith(start) else None

    @cached_property
    def reads(self) -> dict[str, list[str]]:
        """What each product is made from: its files and, of each record, the files that it vouches for."""
        beside = {link.path: link for link in self.links}
        found = {}
        for name, product in self.products.items():
            files = [self.name(path) for path in product.reads()]
            fingerprints = [self.name(self.experiment.paths.fingerprint("val"))]
            known = [link for file in files if (link := beside.get(file))]
            files += [path for link in known for path in link.beside.values() if not link.is_weights(path)]
            found[name] = list(dict.fromkeys([*files, *fingerprints]))
        return found

    @cached_property
    def cards(self) -> dict[str, list[str]]:
        """The README.md of each trained run, and the records that it is made from."""
        paths, there = self.experiment.paths, {link.path for link in self.links}
        found = {}
        for link in self.links:
            if link.stage == "train":
                run = Run.parse(link.target)
                records = [self.name(paths.training(run)), self.name(paths.evaluation(run))]
                found[self.name(paths.run(run) / CARD)] = [path for path in records if path in there]
        return found

    def files(self) -> Iterator[str]:
        """All that results are, in order: the config, what names the frames, every record and what belongs to it."""
        yield CONFIG
        for split in ("train", "val"):
            yield self.name(self.experiment.paths.fingerprint(split))
        for link in self.links:
            yield link.path
            yield from link.beside.values()
        yield from self.cards


def training_and_evaluation(paths: Paths, run: Run) -> tuple[Trained, Evaluation | None]:
    """What the card of a run is made from. Errors: InputError for a record that cannot be read."""
    path = paths.evaluation(run)
    trained = Trained.read_of(paths.training(run), run.name)
    return trained, Evaluation.read_of(path, run.name) if path.exists() else None


def labels_of(folders: Sequence[Path]) -> list[str]:
    """Their names; of those that share one as much of the path as names no machine, with a number if need be."""
    names = [folder.resolve().name for folder in folders]
    told = [
        name if names.count(name) == 1 else named(folder, Path()) for name, folder in zip(names, folders, strict=True)
    ]
    return [each if told.count(each) == 1 else f"{each} ({number})" for number, each in enumerate(told, start=1)]

"""What the rules of the workflow ask: inputs, identities of jobs, shards, the config that jobs read."""

import atexit
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from functools import cache
from math import ceil
from pathlib import Path
from typing import Any

import yaml

from rcn_bench.errors import InputError, warn
from rcn_bench.files import file_hash, read_json, write_json, write_text
from rcn_bench.plan.checks import leftovers
from rcn_bench.plan.config import check_config, config_hash, merged, typed, update, with_base
from rcn_bench.plan.experiment import Experiment
from rcn_bench.plan.jobs import Job, cores_of, gpus_of, run_inputs
from rcn_bench.plan.products import all_runs, products_of, profiled
from rcn_bench.plan.run import Run
from rcn_bench.plan.stages import dependencies
from rcn_bench.plan.writers import carrying_out

Wildcards = Any  # Snakemake's, whose attributes are the wildcards of a rule


# Of glibc's allocator, which else gives tensors of some MiB back at once and has their pages cleared at every step.
# Other C libraries do not read it, older ones of glibc leave out what they do not know.
KEPT_MEMORY = "glibc.malloc.hugetlb=1:glibc.malloc.mmap_threshold=67108864:glibc.malloc.trim_threshold=1073741824"


class Workflow:
    """The plan of one experiment, as the Snakefile sees it. Its methods take wildcards, as Snakemake's functions do."""

    def __init__(
        self,
        files: Sequence[str | Path],
        changes: Mapping[str, Any] | None = None,
        content: Mapping[str, Any] | None = None,
    ) -> None:
        """files: config files, each changing values of those before; changes: values of the command line.

        content: what the files say together, where another workflow has read them and this is its module.
        Errors: InputError, one line, for a bad config or list.
        """
        config = merged(files) if content is None else with_base(content, Path(files[-1]))
        update(config, typed(changes or {}))
        self.source = " + ".join([*map(str, files), *(["--config"] if changes else [])])
        self.experiment: Experiment = check_config(config, self.source)
        self.paths = self.experiment.paths
        self.root = str(self.paths.root)
        self.products = products_of(self.experiment)
        self.runs = all_runs(self.products.values())
        self._planned = frozenset(self.runs)
        self.config_file = self.paths.plan(config_hash(self.experiment.config))
        self.refusals = self.config_file.with_suffix(".refused")
        self._counted = known_counts(self.paths.counted_lists)
        self._at_work = ExitStack()
        self.videos = {split: self._count(split) for split in ("train", "val")}
        in_a_shard = self.experiment.data.shard_videos  # a list that is not there yet is planned as one
        self.shards = {split: ceil((count or 1) / in_a_shard) for split, count in self.videos.items()}

    def start(self, makes: Iterable[str] = (), reads: Iterable[str] = ()) -> None:
        """Stop before the first job for what would stop a later one, in a process of its own, since that loads torch.

        Then write the config: what every job of this plan reads, and what repeats a job by hand. Until this process
        ends, no other writes results of this experiment with another config.
        makes, reads: the files of all jobs. Errors: InputError.
        """
        text = self._config_text()
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "config.yaml"
            file.write_text(text)
            command = [sys.executable, "-m", "rcn_bench.cli", "check", "--quiet", "--config", str(file)]
            checked = subprocess.run(command, stderr=subprocess.PIPE, text=True)
        if checked.returncode:
            raise InputError(checked.stderr.strip().removeprefix("rcn-bench: ").replace(str(file), self.source))
        for line in leftovers(self.experiment):
            warn(line)
        self._at_work.enter_context(carrying_out(self.experiment, makes, reads))
        atexit.register(self.end)
        self.write_config()
        write_text(self.paths.config, text)
        shutil.rmtree(self.refusals, ignore_errors=True)
        self.keep_counts()

    def write_config(self) -> None:
        """What every job of this plan reads."""
        write_text(self.config_file, self._config_text())

    def _config_text(self) -> str:
        return yaml.safe_dump(self.experiment.config, sort_keys=False)

    def end(self) -> None:
        """No job is under way any more: let others write results with another config."""
        self._at_work.close()

    @property
    def shell_prefix(self) -> str:
        """Of every job: this environment's commands are found where it is not activated; CONFIG is the plan's config.

        A job refused for bad input is refused again at once when it is retried, by what lies in RCN_BENCH_REFUSALS.
        Idle threads leave a shared core alone. Memory that a step frees is kept for the next, in huge pages. A changed
        prefix reruns nothing, a changed command would. Braces are doubled, since Snakemake takes them for wildcards.
        """
        places = (Path(sys.executable).parent, self.config_file, self.refusals)
        commands, config, refusals = (shlex.quote(str(place)) for place in places)
        own = f"CONFIG={config} RCN_BENCH_REFUSALS={refusals}"
        prefix = f'export PATH={commands}:"$PATH" OMP_WAIT_POLICY=passive GLIBC_TUNABLES={KEPT_MEMORY} {own}; '
        return prefix.replace("{", "{{").replace("}", "}}")

    # What wildcards may be

    @property
    def networks(self) -> str:
        """The 2D networks that are to be trained on stills."""
        return _any_of(sorted({self.experiment.trunk(run.model) for run in self.runs if run.w_xh == "stills"}))

    @property
    def models(self) -> str:
        return _any_of(profiled(self.products.values()))

    def names(self, kind: str) -> list[str]:
        """Of the tables or figures of this experiment."""
        return [name for name, product in self.products.items() if product.kind == kind]

    def name_pattern(self, kind: str) -> str:
        return _any_of(self.names(kind))

    # Inputs

    def lists(self, wildcards: Wildcards) -> list[Path]:
        """The list of a split and, for its labels, that of training; and the embedded data set's videos.

        A user's own folder of videos is no input: if it were gone, Snakemake would delete the cache made of it. A list
        that is not there is left out, so that -n still plans; the command then says what to do.
        """
        dataset = self.experiment.dataset
        splits = sorted({wildcards.split, "train"})
        if self.experiment.data.digits is not None:
            return [*map(dataset.annotations, splits), dataset.videos]
        return list(dict.fromkeys(file for split in splits for file in dataset.files(split)))

    def shard_records(self, wildcards: Wildcards) -> list[Path]:
        split = wildcards.split
        return [self.paths.shard_record(split, number) for number in range(self.shards[split])]

    def of_training(self, wildcards: Wildcards) -> list[Path]:
        """Errors: InputError for a run that nothing of this experiment shows."""
        run = Run.parse(wildcards.run)
        if run not in self._planned:
            raise InputError(f"{self.source}: no table or figure shows {run.name}; `rcn-bench status` lists its runs")
        return run_inputs(run, self.experiment)

    def of_table(self, wildcards: Wildcards) -> list[Path]:
        return self.products[wildcards.table].reads()

    def of_figure(self, wildcards: Wildcards) -> list[Path]:
        return self.products[wildcards.figure].reads()

    def of_claims(self, wildcards: Wildcards) -> list[str]:
        """The table and the forest plot of claims. Errors: InputError if the experiment has neither."""
        files = {"claims": f"{self.root}/tables/claims.md", "forest": f"{self.root}/figures/forest.png"}
        if not (found := [path for name, path in files.items() if name in self.products]):
            raise InputError(f"{self.source}: no tables.claims; config/seeds.yaml has it")
        return found

    # Identities and priorities

    def identity(self, stage: str, wildcard: str = "") -> Callable[[Wildcards], str]:
        """A hash of all that a job depends on beside its inputs; Snakemake reruns the job when it changes.

        The stage's name is part of it, since Snakemake compares parameters as a set of values.
        """

        def of(wildcards: Wildcards) -> str:
            target = getattr(wildcards, wildcard) if wildcard else ""
            return f"{stage} {self._identity(stage, target)}"

        return of

    @cache  # noqa: B019 - one workflow a process
    def _identity(self, stage: str, target: str) -> str:
        hashed = dependencies(self.experiment, stage, target).hash
        return f"{hashed} {self._class_folders(target)}" if stage == "cache" else hashed

    @cache  # noqa: B019
    def _class_folders(self, split: str) -> str:
        """A hash of the names of all files, where a split is a folder of class folders, which is no input either."""
        lists = {self.experiment.dataset.annotations(each) for each in (split, "train")}
        folders = sorted(path for path in lists if path.is_dir() and self.experiment.data.digits is None)
        return config_hash([sorted(video.id for video in self.experiment.dataset.read(path)) for path in folders])

    def longest_first(self, wildcards: Wildcards) -> int:
        """So that none of the long runs is left for the end, alone on its core."""
        return Run.parse(wildcards.run).frames

    # What a training takes

    def training_gpus(self, wildcards: Wildcards) -> int:
        return gpus_of(Job("train", wildcards.run), self.experiment)

    def training_threads(self, wildcards: Wildcards) -> int:
        return cores_of(Job("train", wildcards.run), self.experiment)

    # Shards

    @property
    def digits_threads(self) -> int:
        """One for every 500 videos that are made, of which starting a process is a small part."""
        digits = self.experiment.data.digits
        return max(1, min(16, (digits.train_videos + digits.val_videos) // 500)) if digits else 1

    @property
    def shard_threads(self) -> int:
        return cores_of(Job("shard"), self.experiment)

    def _count(self, split: str) -> int | None:
        """How many videos a list holds, if it is there; that of files is counted once, and kept by their hash.

        It is written down when jobs start, so that a plan that is not carried out leaves nothing behind.
        """
        dataset = self.experiment.dataset
        files = [] if self.experiment.data.digits is not None else dataset.files(split)
        if not files:
            return dataset.count(split)
        source, hashes = str(dataset.annotations(split)), [file_hash(file) for file in files]
        key = config_hash([source, str(dataset.videos), hashes, dataset.formats, dataset.format])
        if key not in self._counted:
            self._counted[key] = dataset.count(split) or 0
        return self._counted[key]

    def keep_counts(self) -> None:
        write_json(self.paths.counted_lists, {"counts": self._counted, "hash": config_hash(self._counted)})


def known_counts(path: Path) -> dict[str, int]:
    """How many videos lists hold, as ``keep_counts`` wrote it; empty if it is not there or not whole."""
    try:
        known = read_json(path)
        counts, is_whole = known["counts"], known["hash"] == config_hash(known["counts"])
    except (OSError, ValueError, RecursionError, TypeError, KeyError):  # not there, or torn: count again
        return {}
    sound = isinstance(counts, dict) and all(type(count) is int and count >= 0 for count in counts.values())
    return counts if is_whole and sound else {}


def _any_of(names: Any) -> str:
    """A pattern that matches these names, and nothing if there are none."""
    return "|".join(map(re.escape, names)) or "(?!)"

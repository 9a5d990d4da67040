"""The jobs of an experiment and what each waits for, as the rules of the workflow have them, without Snakemake."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from rcn_bench.plan.experiment import Experiment
from rcn_bench.plan.products import all_runs, products_of, profiled
from rcn_bench.plan.run import Run
from rcn_bench.plan.targets import SPLITS

# The stages whose rules ask for a GPU.
ON_A_GPU = frozenset({"pretrain", "train", "evaluate", "online", "lifetime", "profile", "throughput", "league"})

SHARD_CORES = 4  # videos of one's own are worth as many processes a shard; the embedded ones are small


@dataclass(frozen=True, order=True)
class Job:
    """One call of ``rcn-bench``. stage: of the workflow. target: what it is done for, empty if it is for all."""

    stage: str
    target: str = ""

    def __str__(self) -> str:
        return f"{self.stage} {self.target}".strip()


Waits = dict[Job, list[Job]]  # the jobs that each waits for


def jobs_of(experiment: Experiment, shards: Mapping[str, int]) -> Waits:
    """All jobs that the tables and figures of an experiment take. shards: of the cache of each split, how many."""
    products = products_of(experiment)
    makers = _makers(experiment)
    waits: Waits = {}
    pending = []
    for product in products.values():
        job = Job(product.kind, product.name)
        waits[job] = sorted({makers[path] for path in product.reads() if path in makers})
        pending += waits[job]
    while pending:
        job = pending.pop()
        if job not in waits:
            waits[job] = sorted(_before(job, experiment, shards))
            pending += waits[job]
    return dict(sorted(waits.items()))


def all_before(job: Job, waits: Waits) -> set[Job]:
    """Those that a job waits for, and those that these wait for, and so on."""
    found: set[Job] = set()
    pending = [*waits[job]]
    while pending:
        each = pending.pop()
        if each not in found:
            found.add(each)
            pending += waits[each]
    return found


def run_inputs(run: Run, experiment: Experiment) -> list[Path]:
    """The files that a training waits for: caches and, from stills, the weights of its 2D network."""
    paths = experiment.paths
    stills = [paths.pretrained(experiment.trunk(run.model))] if run.w_xh == "stills" else []
    looked_at = [paths.fingerprint("val")] if experiment.train.validate_every else []
    return [paths.fingerprint("train"), *looked_at, *stills]


def _makers(experiment: Experiment) -> dict[Path, Job]:
    """The job that makes each result file that a product may read."""
    paths, products = experiment.paths, products_of(experiment).values()
    runs = all_runs(products)
    made = {paths.throughput: Job("throughput"), paths.causality: Job("causality"), paths.league: Job("league")}
    made |= {paths.profile(model): Job("profile", model) for model in profiled(products)}
    made |= {paths.fingerprint(split): Job("cache", split) for split in SPLITS}
    for run in runs:
        for stage, files in {
            "train": [paths.weights(run), paths.metrics(run), paths.training(run)],
            "evaluate": [paths.evaluation(run), paths.predictions(run), paths.scores(run)],
            "online": _with_record(paths.online(run)),
            "lifetime": _with_record(paths.lifetime(run)),
            "w_hh": [paths.hidden_state(run), paths.hidden_state(run).with_suffix(".safetensors")],
        }.items():
            made |= dict.fromkeys(files, Job(stage, run.name))
        if run.w_xh == "stills":
            network = experiment.trunk(run.model)
            made |= dict.fromkeys(_with_record(paths.pretrained(network)), Job("pretrain", network))
    return made


def _with_record(path: Path) -> list[Path]:
    return [path, path.with_suffix(".json")]


def _before(job: Job, experiment: Experiment, shards: Mapping[str, int]) -> Iterable[Job]:
    digits = [Job("digits")] if experiment.data.digits is not None else []
    match job.stage:
        case "train":
            return _of_inputs(Run.parse(job.target), experiment)
        case "evaluate" | "online":
            return [Job("train", job.target), Job("cache", "val")]
        case "w_hh" | "lifetime":
            return [Job("train", job.target)]
        case "cache":
            return [*digits, *(Job("shard", f"{job.target} {number}") for number in range(shards[job.target]))]
        case "shard" | "pretrain":
            return digits
    return []


def _of_inputs(run: Run, experiment: Experiment) -> Iterator[Job]:
    paths = experiment.paths
    for path in run_inputs(run, experiment):
        split = next((split for split in SPLITS if path == paths.fingerprint(split)), None)
        yield Job("cache", split) if split else Job("pretrain", experiment.trunk(run.model))


def gpus_of(job: Job, experiment: Experiment) -> int:
    """That its rule asks for."""
    if job.stage == "train":
        return experiment.gpus_of(Run.parse(job.target))
    return 1 if job.stage in ON_A_GPU else 0


def cores_of(job: Job, experiment: Experiment) -> int:
    """That its rule asks for, at most; of a job that this module does not name, one."""
    match job.stage:
        case "train":
            return experiment.train.threads * gpus_of(job, experiment)
        case "evaluate" | "online" | "lifetime":
            return experiment.train.threads
        case "pretrain" if experiment.pretrain:
            return experiment.pretrain.threads
        case "throughput" | "league":
            return experiment.profile.threads
        case "shard":
            return 1 if experiment.data.digits is not None else SHARD_CORES
    return 1

"""Whether several processes train as one does, on the machine as it is: loss curves, bits, a killed one, GPU slots.

    python tests/benchmarks/scaling/check.py --processes 2 --results FOLDER --output FILE

FOLDER holds the cache of the experiment; trainings are started by ``rcn-bench train``, several at a time. --only names
some of the checks.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import yaml
from parts import CHECKS, config, keep
from started import SECONDS, children, sha256_of, started, wait_for_epochs

from rcn_bench.cli.options import positive
from rcn_bench.gpus import GPUS, SHARE, VISIBLE, taking_gpus, visible_gpus
from rcn_bench.plan.experiment import Experiment
from rcn_bench.plan.run import Run
from rcn_bench.records.runs import Trained

# Of every epoch's loss. Sums of several GPUs are rounded in another order, which a training that still learns makes
# larger step by step: so a curve may also be twice as far off as that of one process which rounds in another way.
TOLERANCE, TIMES_ROUNDING = 0.05, 2
TRAININGS = {  # in the order in which they start, with the checks that need them
    "first": {"same_bits", "resumed_by_all"},
    "one": {"loss_curves"},
    "one otherwise rounded": {"loss_curves"},
    "together": {"loss_curves", "resumed_by_one"},
    "second": {"same_bits"},
    "killed": {"resumed_by_all"},
    "killed together": {"resumed_by_one"},
}
AS_BY_DEFAULT = ("first", "second", "killed", "resumed by all")  # trainings with all that makes them fast
JOB = """
import json, sys, time
from rcn_bench.gpus import taking_gpus
with taking_gpus(need=lambda: 2**30) as (taken,):
    began, computed = time.time(), None
    if sys.argv[1] == "real":
        import torch
        numbers = torch.randn(4096, 4096, device="cuda")
        computed = str(torch.cuda.get_device_properties(0).uuid) if (numbers @ numbers).isfinite().all() else "nothing"
    time.sleep(1)
    print(json.dumps({"taken": taken, "computed_on": computed, "began": began, "ended": time.time()}))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--processes", type=positive, required=True)
    parser.add_argument("--results", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--only", nargs="+", choices=CHECKS, default=CHECKS)
    parser.add_argument("--tiny", action="store_true")
    options = parser.parse_args()
    say = partial(told, options.output, options.processes)
    if "gpu_slots" in options.only:
        say("gpu_slots", partial(gpu_slots, 2 * options.processes))
    with taking_gpus(options.processes), ThreadPoolExecutor(3) as pool:  # the trainings share these
        train = Trainings(options.results, options.processes, options.tiny)
        wanted = [name for name, checks in TRAININGS.items() if not checks.isdisjoint(options.only)]
        running = {name: pool.submit(kill_one if "killed" in name else trained, train(name)) for name in wanted}
        found = {name: training.result for name, training in running.items()}

        def resumed(name: str, after: str) -> dict[str, Any]:
            result = pool.submit(trained, train(name, found[after]())).result()
            if len(result["processes_of_each_start"]) != 2:
                raise RuntimeError(f"{name} has not gone on from the checkpoint: {result}")
            return result

        finds = {
            "same_bits": lambda: same_bits(found["first"](), found["second"]()),
            "loss_curves": lambda: same_curve(found["one"](), found["together"](), found["one otherwise rounded"]()),
            "resumed_by_all": lambda: same_bits(found["first"](), resumed("resumed by all", "killed")),
            "resumed_by_one": lambda: same_curve(found["together"](), resumed("resumed by one", "killed together")),
        }
        for check in (check for check in finds if check in options.only):
            say(check, finds[check])


def told(output: Path, processes: int, part: str, find: Callable[[], dict[str, Any]]) -> None:
    """Keep what is found, or why nothing was."""
    try:
        found = find()
    except Exception as error:  # the other parts can still be looked at
        found = {"holds": False, "problem": f"{type(error).__name__}: {error}"[-2000:]}
    keep(output, processes, part, found)
    print(f"{part}: {'holds' if found['holds'] else 'DOES NOT HOLD: ' + str(found)[:1500]}", flush=True)


class Training:
    """A training by the command, in a folder of its own, with the cache of the experiment."""

    def __init__(self, folder: Path, config: dict[str, Any], name: str) -> None:
        self.folder, self.name = folder, name
        experiment = Experiment.of(config, folder)
        model, frames = ("rcn_pocket", 4) if "plugins" in config else ("rcn18", 8)
        self.run, self.paths = Run(model, frames, "random", "identity", 0), experiment.paths
        (file := folder / f"{name}.yaml").write_text(yaml.safe_dump(config))
        command = [sys.executable, "-m", "rcn_bench.cli", "train", self.run.name, "--config", str(file)]
        self.command = [*command, "--results", str(folder)]

    def losses(self) -> list[float]:
        return [json.loads(line)["loss"] for line in self.paths.metrics(self.run).read_text().splitlines()]


class Trainings:
    """Makes trainings by their names."""

    def __init__(self, results: Path, processes: int, tiny: bool) -> None:
        self.results, self.processes, self.tiny = results, processes, tiny

    def __call__(self, name: str, after: Training | None = None) -> Training:
        """after: from whose checkpoint it goes on."""
        folder = self.results.parent / f"{self.results.name} {name}"
        if after:
            shutil.copytree(after.folder, folder, symlinks=True)
        else:
            (folder / "scaling").mkdir(parents=True)
            (folder / "scaling" / "cache").symlink_to((self.results / "scaling" / "cache").resolve())
        return Training(folder, config(self.tiny, self._changes(name)), name)

    def _changes(self, name: str) -> dict[str, Any]:
        """Those of others than by default can be held against one process: by the statistics of whole batches, and in
        float32, so that only the order of sums differs.
        """
        own = {"train.deterministic": True, "train.gpus": self.processes}
        if name in AS_BY_DEFAULT:
            return own
        alike = {"train.autocast": "none", "train.batch_norm": "synchronised"}
        if name == "one otherwise rounded":  # by other kernels, or by sums of two threads
            alike |= {"train.threads": 2} if self.tiny else {"train.compile": False}
        return own | alike | ({"train.gpus": 1} if name.startswith("one") or name == "resumed by one" else {})


def trained(training: Training) -> dict[str, Any]:
    """What is left of it. Errors: RuntimeError with what it said."""
    process = started(training.command, training.folder / training.name)
    try:
        code = process.wait(SECONDS)
    except subprocess.TimeoutExpired:
        process.terminate()
        raise
    said = (training.folder / f"{training.name}.err").read_text()
    if code:
        raise RuntimeError(f"{training.name} ended with {code}: {said}")
    record = Trained.read(training.paths.training(training.run))
    return {
        "name": training.name,
        "processes_of_each_start": [start.processes for start in record.origin.starts],
        "losses": training.losses(),
        "sha256": sha256_of(training.paths.weights(training.run)),
    }


def same_bits(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    return {"holds": one["sha256"] == other["sha256"] and one["losses"] == other["losses"], "trained": [one, other]}


def same_curve(one: dict[str, Any], other: dict[str, Any], twin: dict[str, Any] | None = None) -> dict[str, Any]:
    """twin: trained as ``one``, but for how sums are rounded."""
    difference, of_rounding = apart(one, other), apart(one, twin) if twin else 0.0
    tolerance = max(TOLERANCE, TIMES_ROUNDING * of_rounding)
    found = {"holds": difference <= tolerance, "largest_relative_difference": difference, "tolerance": tolerance}
    if twin:
        found["of_rounding_alone"] = of_rounding
    return {**found, "trained": [one, other, *([twin] if twin else [])]}


def apart(one: dict[str, Any], other: dict[str, Any]) -> float:
    """The largest difference of two losses of an epoch, as a share of the first."""
    pairs = zip(one["losses"], other["losses"], strict=True)
    return max(abs(loss - other_loss) / loss for loss, other_loss in pairs)


def kill_one(training: Training) -> Training:
    """Kill the last process after three epochs. Errors: RuntimeError if the command does not end with a line on it."""
    output = training.folder / training.name
    process = started(training.command, output)
    wait_for_epochs(output, process)
    os.kill(children(process.pid)[-1], 9)
    code, said = process.wait(SECONDS), output.with_suffix(".err").read_text()
    if code != 1 or "was killed by SIGKILL" not in said or not training.paths.checkpoint(training.run).is_file():
        raise RuntimeError(f"ended with {code}: {said}")
    return training


def gpu_slots(jobs: int) -> dict[str, Any]:
    """So many jobs at once take a GPU each: alone on it, or with RCN_BENCH_GPU_SHARE beside one other at most."""
    found = {share: jobs_at_once(jobs, share) for share in (1, 2)}
    most = {share: max(map(partial(at_once, of), of)) for share, of in found.items()}
    own = all(job["computed_on"] is None or job["computed_on"] in job["taken"] for of in found.values() for job in of)
    return {
        "holds": most[1] == 1 and most[2] <= 2 and own,
        "gpus": len(visible_gpus()),
        "jobs": jobs,
        "most_on_a_gpu": {"alone": most[1], "shared by two": most[2]},
        "each_computed_on_what_it_had_taken": own,
    }


def jobs_at_once(jobs: int, share: int) -> list[dict[str, Any]]:
    """What each says of itself; without a GPU they take names that stand for two."""
    gpus = visible_gpus()
    environment = os.environ | ({} if gpus else {GPUS: "GPU-first,GPU-second", VISIBLE: "0,1"})
    environment |= {SHARE: str(share), "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", JOB, "real" if gpus else "named"]
    running = [subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) for _ in range(jobs)]
    return [json.loads(job.communicate(timeout=SECONDS)[0].splitlines()[-1]) for job in running]


def at_once(jobs: list[dict[str, Any]], job: dict[str, Any]) -> int:
    """How many held the GPU of a job at its beginning."""
    return sum(other["taken"] == job["taken"] and other["began"] <= job["began"] < other["ended"] for other in jobs)


if __name__ == "__main__":
    main()

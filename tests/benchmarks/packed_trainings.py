"""What trainings that share GPUs get done: clips a second of four at a time, of two, and of one.

    python tests/benchmarks/packed_trainings.py --output FILE
    python tests/benchmarks/packed_trainings.py --gpus 4 --output FILE

starts four trainings of RCN-18 as `standard` has them, from random weights and of more epochs, each by a
command of its own in the environment of a rule, with RCN_BENCH_GPU_SHARE=4. Once each is behind its first epochs, it
looks at them for some seconds, ends all but two, looks at these, ends one, and looks at the last. With --gpus 4 each of
four has a GPU to itself, then one is left, and at last one training is shared by all four GPUs; videos are shorter and
more then, so that an epoch has a hundred steps. Prints a table in Markdown and writes JSON. An epoch is that of the
config, with the checkpoint behind it.
--config: what is changed in it, such as smaller clips for a try on a CPU.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from threading import Thread

import yaml

from rcn_bench.cli.options import positive
from rcn_bench.gpus import SHARE
from rcn_bench.plan.config import load_experiment
from rcn_bench.plan.run import Run
from rcn_bench.plan.workflow import KEPT_MEMORY

REPOSITORY = Path(__file__).parents[2]
PROGRAM = [sys.executable, "-m", "rcn_bench.cli"]
GPUS = "nvidia-smi --query-gpu=name --format=csv,noheader"
ON_ONE = (4, 2, 1)  # trainings at a time
FRAMES = 8
WARM = 2  # epochs of each, in which it is compiled and its graph captured
# As a rule's shell has it.
ENVIRONMENT = os.environ | {"OMP_WAIT_POLICY": "passive", "GLIBC_TUNABLES": KEPT_MEMORY}
CHANGES = {
    "base": str(REPOSITORY / "config" / "base" / "digits_112.yaml"),
    "name": "packed",
    "models": {"rcn18": {"w_xh": ["random"], "w_hh": ["identity"]}},
    "tables": {"table2": {"models": ["rcn18"], "frames": FRAMES}},
    "data": {"digits": {"val_videos": 4, "stills": 10}},
    "train": {"epochs": 100_000},  # more than there is time for
}
LONG_EPOCHS = {"train_videos": 6400, "video_frames": 12}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path)
    parser.add_argument("--gpus", type=positive, default=1, help="on which trainings run side by side")
    parser.add_argument("--seconds", type=float, default=8, help="that each number of trainings is looked at")
    parser.add_argument("--config", type=Path, nargs="+", default=[], help="changes of config/base/digits_112.yaml")
    options = parser.parse_args()
    for missing in (file for file in options.config if not file.is_file()):
        parser.error(f"{missing}: no such file")
    if options.output and not options.output.parent.is_dir():
        parser.error(f"{options.output}: its folder is not there; make it first")
    with tempfile.TemporaryDirectory() as folder:
        found = measured(Path(folder), options)
    print(table(found["clips_a_second"]))
    if options.output:
        options.output.write_text(json.dumps(found, indent=2) + "\n")


def measured(folder: Path, options: argparse.Namespace) -> dict:
    at_a_time = ON_ONE if options.gpus == 1 else (options.gpus, 1)
    environment = ENVIRONMENT | {SHARE: str(max(at_a_time) if options.gpus == 1 else 1)}
    changes = {**CHANGES, "seeds": list(range(max(at_a_time) + 1))}
    if options.gpus > 1:
        changes["data"] = {"digits": {**CHANGES["data"]["digits"], **LONG_EPOCHS}}
    own = options_of(folder, "packed", changes, options.config)
    began = time.monotonic()
    make_data(own)
    made = time.monotonic() - began
    experiment = load_experiment([folder / "packed.yaml", *options.config])
    *runs, last = (Run("rcn18", FRAMES, "random", "identity", seed) for seed in experiment.seeds)
    batch = experiment.clips_per_batch(last)
    clips = experiment.data.digits.train_videos // batch * batch
    rates, warm = looked_at([Training(run, own, environment) for run in runs], at_a_time, options.seconds)
    if options.gpus > 1:
        changes["train"] = {**CHANGES["train"], "gpus": options.gpus}
        shared = Training(last, options_of(folder, "shared", changes, options.config), environment)
        rates_of_all, warm_of_all = looked_at([shared], (1,), options.seconds)
        rates[f"1 on {options.gpus} GPUs"], warm = rates_of_all["1"], [*warm, *warm_of_all]
    return {
        "gpus": subprocess.run(GPUS, capture_output=True, text=True, shell=True).stdout.split("\n")[:-1],
        "cores": os.cpu_count(),
        "torch": version("torch"),
        "train": experiment.config["train"] | {"crop": experiment.clip.crop},
        "clips_an_epoch": clips,
        "seconds_of_data": made,
        "seconds_until_warm": warm,
        "clips_a_second": {what: [clips * rate for rate in of_each] for what, of_each in rates.items()},
    }


def options_of(folder: Path, name: str, changes: dict, more: Sequence[Path]) -> list[str]:
    """Of the commands of a config in a file of that name; all share their data."""
    (file := folder / f"{name}.yaml").write_text(yaml.safe_dump(changes))
    return ["--config", str(file), *map(str, more), "--results", str(folder / "results")]


def looked_at(
    trainings: Sequence["Training"], at_a_time: Sequence[int], seconds: float
) -> tuple[dict[str, list[float]], list[float]]:
    """Epochs a second of each by how many run at a time, ever fewer; and the seconds until each was warm."""
    try:
        wait_for_epochs(trainings, WARM)
        warm = [each.epochs[WARM - 1] - each.began for each in trainings]
        rates = {}
        for count in at_a_time:
            for each in trainings[count:]:
                each.end()
            rates[str(count)] = epochs_a_second(trainings[:count], seconds)
            print(f"{count} at a time: {sum(rates[str(count)]):.4f} epochs a second", file=sys.stderr, flush=True)
    finally:
        for each in trainings:
            each.end()
    return rates, warm


def make_data(own: list[str]) -> None:
    workers = ["--workers", str(os.cpu_count())]
    for command in (["make-digits"], ["cache", "--split", "train"]):
        subprocess.run([*PROGRAM, "data", *command, *own, *workers], check=True, env=ENVIRONMENT, stdout=sys.stderr)


class Training:
    """A process that trains a run until it is ended. began: when. epochs: when each was done."""

    def __init__(self, run: Run, own: list[str], environment: Mapping[str, str]) -> None:
        self.began, self.epochs = time.monotonic(), list[float]()
        self._process = subprocess.Popen(
            [*PROGRAM, "train", run.name, *own], env=environment, stdout=subprocess.PIPE, text=True
        )
        Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        for line in self._process.stdout:
            if " epoch " in line:
                self.epochs.append(time.monotonic())
            else:
                sys.stderr.write(line)

    @property
    def has_ended(self) -> bool:
        return self._process.poll() is not None

    def end(self) -> None:
        self._process.terminate()
        self._process.wait()


def wait_for_epochs(trainings: Sequence[Training], count: int) -> None:
    while any(len(each.epochs) < count for each in trainings):
        if any(each.has_ended for each in trainings):
            sys.exit("a training has ended; see above")
        time.sleep(0.05)


def epochs_a_second(trainings: Sequence[Training], seconds: float) -> list[float]:
    """Of each, from the first epoch that ends from now on to the last that does in so many seconds, or the second."""
    before = [len(each.epochs) for each in trainings]
    time.sleep(seconds)
    while any(len(each.epochs) < count + 2 for each, count in zip(trainings, before, strict=True)):
        wait_for_epochs(trainings, 0)
        time.sleep(0.05)
    ends = [each.epochs[count:] for each, count in zip(trainings, before, strict=True)]
    return [(len(each) - 1) / (each[-1] - each[0]) for each in ends]


def table(rates: dict[str, list[float]]) -> str:
    alone = sum(rates["1"])
    rows = [
        f"| {what} | {sum(rate):.0f} | {min(rate):.0f} to {max(rate):.0f} | {sum(rate) / alone:.2f} |"
        for what, rate in sorted(rates.items())
    ]
    head = "| trainings at a time | clips a second, together | each | of one alone |\n|---|---|---|---|"
    return "\n".join([head, *rows])


if __name__ == "__main__":
    main()

"""Memory and file handles over a long training and over live video: a table, whose rows must be alike.

    python tests/soak/growth.py --epochs 200 --frames 5000

Prints the Markdown of the table in docs/faults.md.
"""

import argparse
import gc
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np
import yaml

import rcn_bench.engine.live.stream as live
import rcn_bench.engine.train as training
from rcn_bench.data.cache.build import build_cache
from rcn_bench.data.cache.source import Source
from rcn_bench.data.digits import make_digits
from rcn_bench.data.media.files import write_lossless
from rcn_bench.engine.live.by_torch import TorchNetwork
from rcn_bench.plan.config import check_config
from rcn_bench.plan.experiment import Experiment
from rcn_bench.plan.run import Run

CONFIG = Path(__file__).with_name("tiny.yaml")
RUN = Run("rcn_pocket", 4, "random", "identity", 0)
ROWS = 5  # of each table, evenly spread


def memory_and_handles() -> tuple[float, int, int]:
    """Resident MB, open files, and child processes of this process."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6, len(os.listdir("/proc/self/fd")), len(children)


class Watch:
    """Prints a row at calls that are evenly spread over all."""

    def __init__(self, what: str, calls: int) -> None:
        self.what, self.step, self.calls = what, calls // ROWS, 0

    def __call__(self) -> None:
        self.calls += 1
        if self.calls == 2 or self.calls % self.step == 0:  # the first still loads what all others use
            memory, handles, processes = memory_and_handles()
            print(
                f"| {self.what} | {self.calls:,} | {memory:.0f} | {handles} | {processes} |",
                file=sys.__stdout__,
                flush=True,
            )


@contextmanager
def called_after(module: Any, name: str, watch: Watch) -> Iterator[None]:
    whole = getattr(module, name)

    def watched(*arguments: Any) -> Any:
        result = whole(*arguments)
        watch()
        return result

    setattr(module, name, watched)
    try:
        yield
    finally:
        setattr(module, name, whole)


def experiment(epochs: int, workers: int, results: Path) -> Experiment:
    config = yaml.safe_load(CONFIG.read_text())
    config |= {"models": {RUN.model: {"w_xh": ["random"], "w_hh": ["identity"]}}, "tables": {}, "figures": {}}
    config |= {"plugins": ["pocket_models"]}  # in which a leak would be most of the memory
    config["train"] |= {"epochs": epochs, "workers": workers, "lr": 0.001}
    return check_config(config, str(CONFIG), results)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=200)
    parser.add_argument("--frames", type=int, default=5000)
    options = parser.parse_args()
    sys.path.append(str(CONFIG.parents[1]))
    print("| what | after | memory, MB | open files | processes |\n|---|---|---|---|---|", flush=True)
    with tempfile.TemporaryDirectory() as folder, Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere):
        for workers in (0, 2):
            made = experiment(options.epochs, workers, Path(folder) / str(workers))
            prepare(made)
            watch = Watch(f"epochs of a training with {workers} workers", options.epochs)
            with called_after(training, "save_checkpoint", watch):
                training.train(RUN, made)
        show(made.paths.weights(RUN), Path(folder) / "video.mp4", options.frames)


def prepare(made: Experiment) -> None:
    assert made.data.digits is not None
    make_digits(made.data.digits, made.paths.data, lambda line: None)
    build_cache(Source.of(made, "train"), progress=lambda line: None)


def show(weights: Path, video: Path, frames: int) -> None:
    """Stream a video of noise, of which the network takes every second frame."""
    write_lossless(video, np.random.default_rng(0).integers(0, 256, (2 * frames, 20, 20), np.uint8), 8)
    with called_after(live, "model_frame", Watch("frames of live video", frames)):
        live.stream(live.Source(str(video)), TorchNetwork(weights), 1, None, None)


if __name__ == "__main__":
    main()

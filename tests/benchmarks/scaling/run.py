"""All of the measurement of scaling on this machine, the most important first, within some minutes.

    PYTHONPATH=.:tests python tests/benchmarks/scaling/run.py --processes 2 --output FILE

Makes moving digits and their cache, compiles all steps at once, measures them (measure.py), holds trainings against
each other (check.py), and prints tables (draw.py). Each part is in FILE, under the number of processes, once it is
there; what the minutes do not suffice for is left out. --tiny tries it out on a CPU.
"""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import yaml
from draw import tables
from parts import ROOT, config

from rcn_bench.cli.options import positive
from rcn_bench.files import read_json

HERE = Path(__file__).parent
MODELS = ("rcn18", "rcn34", "i3d18", "r2plus1d18")
FIRST, SECOND = ([f"{model}:{frames}" for model in MODELS] for frames in (8, 16))
# Of the time that is left when each begins: what follows shall have some.
COMPILING, MEASURING, CHECKING = 0.35, 0.55, 0.7
CORES = (4, 8)  # of each process, that it loads with, where the machine has so many
A_SETTING = 50  # seconds that one takes, at most


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--processes", type=positive, required=True, help="as many as there are GPUs, or fewer")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--tiny", action="store_true")
    options = parser.parse_args()
    os.environ.setdefault("TORCHINDUCTOR_COMPILE_THREADS", "4")  # since many processes compile at once
    os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")  # this machine has no need of its name in a network
    os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), str(ROOT / "tests"), *sys.path])
    options.output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        Call(options, Path(folder) / "results").all()
    if options.output.is_file():
        print(tables(read_json(options.output)))


class Call:
    """One, with its end."""

    def __init__(self, options: argparse.Namespace, results: Path) -> None:
        self.options, self.results = options, results
        self.end = time.time() + 60 * options.minutes
        self.tiny = ["--tiny"] if options.tiny else []

    def all(self) -> None:
        first, second = (["rcn_pocket:4"], []) if self.options.tiny else (FIRST, SECOND)
        compiling = [] if self.options.tiny else self._compile(first)
        self._make_cache()
        self._wait(compiling)
        self._measure(first, self._after(MEASURING))
        for cores in CORES:
            if cores * self.options.processes > len(os.sched_getaffinity(0)):
                break
            self._run([*self._torchrun(), first[0], "--cores", str(cores), *self._common()], time.time() + A_SETTING)
        compiling = self._compile(second)
        check = [sys.executable, str(HERE / "check.py"), "--processes", str(self.options.processes)]
        self._run([*check, *self._common()], self._after(CHECKING))
        self._wait(compiling)
        self._measure(second, self.end - A_SETTING)

    def _after(self, share: float) -> float:
        """When so large a share of the time that is left is over."""
        now = time.time()
        return now + share * (self.end - now)

    def _make_cache(self) -> None:
        self.results.mkdir()
        (file := self.results / "config.yaml").write_text(yaml.safe_dump(config(self.options.tiny)))
        command = [sys.executable, "-m", "rcn_bench.cli", "data"]
        where = ["--config", str(file), "--results", str(self.results)]
        for what in (["make-digits"], ["cache", "--split", "train"]):
            self._run([*command, *what, *where], self._after(COMPILING))

    def _compile(self, settings: Sequence[str]) -> list[subprocess.Popen]:
        """Each in processes of its own, all at once, since compiling is the work of one core or a few."""
        command = [*self._torchrun(), "--compile-only", *self._common()]
        return [subprocess.Popen([*command, setting], start_new_session=True) for setting in settings]

    def _wait(self, running: Sequence[subprocess.Popen]) -> None:
        end = self._after(COMPILING)
        for process in running:
            self._end(process, end)
        self._say(f"{len(running)} compiled")

    def _measure(self, settings: Sequence[str], until: float) -> None:
        """None is begun after ``until``. One that fails takes its call with it, and the next call goes on behind it."""
        left, end = list(settings), until + A_SETTING
        while left and time.time() < until:
            if self._run([*self._torchrun(), *left, "--until", str(until), *self._common()], end):
                return
            left = left[len(self._measured(left[0])) + 1 :]

    def _measured(self, first: str) -> set[str]:
        """Settings that a call which began with ``first`` has finished."""
        content = read_json(self.options.output) if self.options.output.is_file() else {}
        rows = content.get(str(self.options.processes), {}).get(f"steps from {first}", [])
        return {f"{row['model']}:{row['frames']}" for row in rows}

    def _torchrun(self) -> list[str]:
        start = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--local-addr", "localhost"]
        return [*start, "--nproc-per-node", str(self.options.processes), str(HERE / "measure.py")]

    def _common(self) -> list[str]:
        return ["--output", str(self.options.output), "--results", str(self.results), *self.tiny]

    def _run(self, command: list[str], end: float) -> bool:
        """Whether it has ended well."""
        process = subprocess.Popen(command, start_new_session=True)
        self._end(process, end)
        self._say(f"{' '.join(command[1:6])} ...: {'FAILED' if process.returncode else 'done'}")
        return process.returncode == 0

    def _end(self, process: subprocess.Popen, end: float) -> None:
        """Wait for it, and from then on end it, with all that it has started."""
        for after in (signal.SIGTERM, signal.SIGKILL):
            try:
                process.wait(max(end - time.time(), 10))
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, after)
        process.wait()

    def _say(self, text: str) -> None:
        print(f"[{60 * self.options.minutes - (self.end - time.time()):.0f} s] {text}", flush=True)


if __name__ == "__main__":
    main()

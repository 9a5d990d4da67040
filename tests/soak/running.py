"""A workflow of Snakemake in a folder of its own, which can be watched, killed and gone on with."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

from processes import MARK, Running, jobs, marked

REPOSITORY = Path(__file__).parents[2]
CONFIG = Path(__file__).with_name("tiny.yaml")


class Workflow:
    """folder: Snakemake's working directory. workers: of a training."""

    def __init__(self, folder: Path, workers: int) -> None:
        self.folder, self.workers, self.mark = folder, workers, uuid4().hex
        self.results = folder / "results" / "soak"
        self.output = folder / "snakemake.txt"
        self.snakemake: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True)

    def go_on(self) -> None:
        """Give the one command, which is the same whatever stopped."""
        command = [sys.executable, "-m", "snakemake", "--snakefile", str(REPOSITORY / "Snakefile"), "--cores", "2"]
        command += ["--directory", str(self.folder), "--configfile", str(CONFIG)]
        command += ["--config", f"train={{workers: {self.workers}}}", "--", "all"]
        with self.output.open("ab") as output:
            self.snakemake = subprocess.Popen(
                command,
                env=os.environ | {MARK: self.mark, "PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1"},
                stdout=output,
                stderr=output,
                start_new_session=True,
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # even below `... &`
            )

    @property
    def result(self) -> int | None:
        """The exit status of Snakemake; None while it runs."""
        return self.snakemake.poll() if self.snakemake else None

    def processes(self) -> dict[int, Running]:
        return marked(self.mark)

    def stages(self) -> Iterator[set[str]]:
        """Those that are under way, over and over until Snakemake ends."""
        while self.result is None:
            yield {str(job.stage) for job in jobs(self.processes())}
            time.sleep(0.05)

    def wait_until_gone(self, seconds: float) -> list[Running]:
        """What is still alive after so many seconds."""
        deadline = time.monotonic() + seconds
        while (alive := self.processes()) and time.monotonic() < deadline:
            time.sleep(0.1)
        return list(alive.values())

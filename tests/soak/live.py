"""Live video over loopback for long: memory, open files and lag of `rcn-bench stream` must not grow.

    python tests/soak/live.py --seconds 600

Prints a table, a row a tenth of the time, and ends with exit code 1 if one of them grew. The source sends 25 frames a
second of 320x240 over RTSP: from GStreamer's server (--gst), or from the one of the tests. The network is RCN-18 at
112x112 on one thread, whose weights are random.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import NamedTuple

TESTS = Path(__file__).parents[1]
sys.path[:0] = [str(TESTS), str(TESTS / "engine")]

from live_sources import Sent, rtp, rtsp_stream  # noqa: E402

ROWS = 10
RATE, SIZE, CROP = 25, (320, 240), 112
PORT = 8654  # of GStreamer's
# By which the last row may exceed the second: the first still loads what all others use.
MORE_MEMORY, MORE_FILES, MORE_LAG = 20.0, 0, 0.2  # MB, files, seconds


class Row(NamedTuple):
    """Of a tenth of the time: what the process held at its end, the median and the largest lag of its answers."""

    seconds: float
    memory: float
    files: int
    threads: int
    lag: float
    longest_lag: float
    answered: int
    dropped: int
    cpu_ms: float  # of an answer

    def __str__(self) -> str:
        return (
            f"| {self.seconds:.0f} | {self.memory:.0f} | {self.files} | {self.threads} | {1000 * self.lag:.0f} | "
            f"{1000 * self.longest_lag:.0f} | {self.answered} | {self.dropped} | {self.cpu_ms:.0f} |"
        )


HEAD = (
    "| after s | memory, MB | open files | threads | lag, ms | longest lag, ms | answered | dropped "
    "| CPU an answer, ms |\n|---|---|---|---|---|---|---|---|---|"
)


class Process:
    """What /proc says of one."""

    def __init__(self, pid: int) -> None:
        self._folder = Path("/proc", str(pid))

    @property
    def memory(self) -> float:
        return int((self._folder / "statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6

    @property
    def files(self) -> int:
        return len(os.listdir(self._folder / "fd"))

    @property
    def threads(self) -> int:
        return len(os.listdir(self._folder / "task"))

    @property
    def cpu_seconds(self) -> float:
        fields = (self._folder / "stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def write_weights(path: Path, model: str = "rcn18") -> None:
    """Of an untrained network that takes the source's frames at their rate."""
    from tiny import save_with_card

    from rcn_bench.models import create_model
    from rcn_bench.models.frames import recurrent_layers
    from rcn_bench.plan.run import Run
    from rcn_bench.records.weights import Card
    from results import an_example

    network = create_model(model, 4).eval()
    card = {"run": Run(model, 8, "random", "random", 0).name, "labels": list("abcd"), "stem_pool": True, "frames": 8}
    card |= {"stride": 1, "crop": CROP, "short_side": CROP, "frame_rate": float(RATE), "plugins": []}
    save_with_card(network.state_dict(), path, an_example(Card, **card, recurrent_layers=recurrent_layers(network)))


@contextmanager
def source(seconds: float, with_gst: bool) -> Iterator[str]:
    if not with_gst:
        with rtsp_stream(Sent(rtp(range(int(RATE * (seconds + 60))), RATE, SIZE), RATE)) as address:
            yield address
        return
    command = ["/usr/bin/python3", str(Path(__file__).with_name("gst_rtsp.py")), str(PORT)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        assert server.stdout.readline() == "ready\n"
        yield f"rtsp://127.0.0.1:{PORT}/live"
        server.kill()


def soak(seconds: float, with_gst: bool) -> Iterator[Row]:
    """A row each tenth of the time, from the first answer on."""
    with tempfile.TemporaryDirectory() as folder, source(seconds, with_gst) as address:
        weights = Path(folder) / "model.safetensors"
        write_weights(weights)
        one_thread = os.environ | {"OMP_NUM_THREADS": "1"}
        command = [sys.executable, "-m", "rcn_bench.cli", "stream", address, "--weights", str(weights), "--json"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=one_thread) as live:
            assert live.stdout is not None
            yield from rows(map(json.loads, live.stdout), Process(live.pid), seconds / ROWS)
            live.send_signal(signal.SIGINT)
            end = json.loads(live.stdout.read().splitlines()[-1])
    if end["kind"] != "end" or live.returncode:
        raise SystemExit(f"ended with exit code {live.returncode}: {end}")


def rows(answers: Iterator[dict], process: Process, step: float) -> Iterator[Row]:
    """Lag: by how much later than the earliest an answer came, measured by the times of the frames."""
    began, earliest, lags, dropped, cpu = time.monotonic(), float("inf"), [], 0, 0.0
    until = began + step
    for made, answer in enumerate(answers):
        assert answer["kind"] == "answer", answer
        now = time.monotonic()
        if made == 0:
            began, until, cpu = now, now + step, process.cpu_seconds
        earliest = min(earliest, now - answer["time"])
        lags.append(now - answer["time"])
        dropped += answer["dropped"]
        if now < until:
            continue
        spent, cpu = process.cpu_seconds - cpu, process.cpu_seconds
        late = [lag - earliest for lag in lags]
        counts = len(lags), dropped, 1000 * spent / len(lags)
        yield Row(now - began, process.memory, process.files, process.threads, median(late), max(late), *counts)
        lags, dropped, until = [], 0, until + step
        if now - began >= step * ROWS - step / 2:
            return
    raise SystemExit("the stream ended early")


def grown(rows: list[Row]) -> list[str]:
    """What did not stay."""
    first, last = rows[1], rows[-1]
    return [
        name
        for name, more, limit in (
            ("memory", last.memory - first.memory, MORE_MEMORY),
            ("open files", last.files - first.files, MORE_FILES),
            ("threads", last.threads - first.threads, 0),
            ("lag", last.lag - first.lag, MORE_LAG),
        )
        if more > limit
    ]


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--gst", action="store_true", help="from GStreamer's RTSP server, of Debian's packages")
    options = parser.parse_args(arguments)
    print(HEAD, flush=True)
    made = []
    for row in soak(options.seconds, options.gst):
        made.append(row)
        print(row, flush=True)
    for name in (wrong := grown(made)):
        print(f"DID NOT HOLD: {name} grew")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())

"""Give damaged files to every reader of files, and count what comes of it: a table, and a line for each failure.

PYTHONPATH=tests python tests/fuzz/run.py                                             100,000 inputs
PYTHONPATH=tests python tests/fuzz/run.py --reader shard --first 1234 --inputs 1      one of them again
"""

import argparse
import faulthandler
import resource
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from fuzz.damage import Outcome, fuzz
from fuzz.readers import DECODERS, READERS, fuzz_apart, make_reader

SHOWN = 20  # failures of a reader
SLOWEST = 1800  # seconds of one reader, after which the process ends with the place where it hangs
COLUMNS = ("refused", "same", "another", "crash")
VIDEO_SHARE = 10


def main() -> int:
    parser = argparse.ArgumentParser(description="Give damaged files to every reader of files.")
    parser.add_argument("--inputs", type=int, default=100_000)
    parser.add_argument("--first", type=int, default=0, help="number of the first input of a reader")
    parser.add_argument("--reader", choices=[*READERS, *DECODERS], help="this one alone")
    options = parser.parse_args()
    print("| what is read | inputs | refused | same value | another value | decoder crashed | ms each |")
    print("|---|---|---|---|---|---|---|")
    total = Outcome()
    with tempfile.TemporaryDirectory() as folder:
        shares = _shares(Path(folder), options.reader)
        for name, share in shares.items():
            inputs = -(-options.inputs * share // sum(shares.values()))
            total.add(_row(name, range(options.first, options.first + inputs), Path(folder)))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{total.counts.total():,} inputs, {len(total.failures)} failures, at most {peak:.0f} MiB")
    return 1 if total.failures else 0


def _shares(folder: Path, only: str | None) -> dict[str, int]:
    shares = {name: make_reader(name, folder).share for name in READERS if only in (None, name)}
    return shares | {name: VIDEO_SHARE for name in DECODERS if only in (None, name)}


def _row(name: str, numbers: range, folder: Path) -> Outcome:
    faulthandler.dump_traceback_later(SLOWEST, exit=True)
    began = time.perf_counter()
    apart = name in DECODERS
    outcome = fuzz_apart(name, numbers) if apart else fuzz(make_reader(name, folder / "again"), numbers)
    counts = Counter(outcome.counts)
    cells = [f"{number:,}" for number in (len(numbers), *(counts[column] for column in COLUMNS))]
    milliseconds = 1e3 * (time.perf_counter() - began) / len(numbers)
    print(f"| {name} | {' | '.join(cells)} | {milliseconds:.1f} |", flush=True)
    for failure in outcome.failures[:SHOWN]:
        print(f"  {failure}", file=sys.stderr, flush=True)
    return outcome


if __name__ == "__main__":
    sys.exit(main())

"""Every reader of files in the package, each with whole files of its kind and a way to remake their checksums."""

import atexit
import shutil
import sys
import tempfile
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path

from fuzz import binary, records, tables, texts
from fuzz.damage import Outcome, Reader, fuzz
from rcn_bench.data.processes import in_processes

READERS: dict[str, Callable[[Path], Reader]] = {**binary.READERS, **records.READERS, **texts.READERS, **tables.READERS}
DECODERS: dict[str, Callable[[Path], Reader]] = binary.VIDEOS  # which a file may take with them


def make_reader(name: str, folder: Path) -> Reader:
    """folder: below which it may write; each reader has its own there."""
    own = folder / name.replace(" ", "-")
    own.mkdir(parents=True)
    return (READERS | DECODERS)[name](own)


def fuzz_apart(name: str, numbers: range) -> Outcome:
    """As ``fuzz``, in a process that an input may take with it, as ``rcn-bench data check`` decodes."""
    outcome = Outcome()
    for number, found in in_processes(partial(_one, name), numbers, workers=1):
        if found is None:
            outcome.counts["crash"] += 1
            print(f"{name} --first {number}: crash of the decoder, which the product survives", file=sys.stderr)
        else:
            outcome.add(found)
    return outcome


def _one(name: str, number: int) -> Outcome:
    return fuzz(_reader_of_this_process(name), range(number, number + 1))


@cache
def _reader_of_this_process(name: str) -> Reader:
    folder = tempfile.mkdtemp()
    atexit.register(shutil.rmtree, folder)
    return make_reader(name, Path(folder))

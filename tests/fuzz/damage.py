"""A reader of files, given damaged ones.

Whatever a file holds, reading it gives a value or one line that names the file; without traceback or hang, in bounded
memory. A changed file whose format has a checksum gives the value of the whole one, or is refused; so that what is
behind the checksum is tried too, half of its inputs have it made right again.
"""

import resource
import signal
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from random import Random
from typing import Any

from fuzz.mutate import damaged
from rcn_bench.data.media.medium import UnreadableVideo
from rcn_bench.errors import InputError, one_line

SECONDS, MEMORY = 5, 2**30  # that an input may take, of the processor and of the machine
WAITING = 60  # seconds on the clock, for what waits for something
SEED = 14

Remake = Callable[[bytes, Random], bytes]


@dataclass(frozen=True)
class Reader:
    """A reader of files of one kind.

    examples: whole files. path: where one is put. read: what it gives, which is compared by ==. remake: another
    content, behind a checksum that is right; None for a format without. share: of all inputs, were
    there about 5,000. also: what else a line may name the file by, such as its run.
    """

    name: str
    examples: tuple[bytes, ...]
    path: Path
    read: Callable[[], Any]
    remake: Remake | None = None
    share: int = 100
    also: str = ""

    def given(self, content: bytes) -> Any:
        self.path.write_bytes(content)
        return self.read()

    @cached_property
    def whole(self) -> list[Any]:
        """The values of the examples."""
        return list(map(self.given, self.examples))


class Hang(BaseException):
    """An input that took too long."""


@dataclass
class Outcome:
    """counts: of inputs that gave the same value, another one or a line. failures: a line for each of all others."""

    counts: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)

    def add(self, other: "Outcome") -> None:
        self.counts += other.counts
        self.failures += other.failures


def fuzz(reader: Reader, numbers: range) -> Outcome:
    """Give it the inputs of these numbers, which are always the same."""
    outcome, whole = Outcome(), reader.whole  # read before a checksum is made to go with an input
    for number in numbers:
        rng = Random(f"{SEED} {reader.name} {number}")
        which = rng.randrange(len(reader.examples))
        example = reader.examples[which]
        remake = reader.remake if number % 2 else None
        content = remake(example, rng) if remake else damaged(example, reader.examples, rng)
        kind, failure = _tried(reader, content, whole[which : which + 1] if remake else whole)
        if reader.remake and not remake and kind == "another":
            failure = "damage that no checksum noticed"
        outcome.counts[kind] += 1
        outcome.failures += [f"{reader.name} --first {number}: {failure}"] if failure else []
    return outcome


def _tried(reader: Reader, content: bytes, whole: list[Any]) -> tuple[str, str]:
    """What an input gives, and what is wrong with that."""
    try:
        with _bounded():
            value = reader.given(content)
    except (InputError, UnreadableVideo) as error:
        return "refused", _wrong(error, reader)
    except (Exception, Hang) as error:
        last = traceback.extract_tb(error.__traceback__)[-1]
        return "failed", f"{type(error).__name__}: {str(error)[:200]!r}, {last.filename}:{last.lineno}"
    return ("same" if value in whole else "another"), ""


def _wrong(error: InputError | UnreadableVideo, reader: Reader) -> str:
    """What is wrong with a message; empty if nothing is. A video's is shown behind its path."""
    line, cause = one_line(error), error.__cause__
    if not line or not line.isprintable():
        return f"no line that can be shown: {line!r}"
    if len(line) > 2000:
        return f"a line of {len(line)} characters: {line[:200]}"
    names = [str(reader.path.parent), *([reader.also] if reader.also else [])]
    if isinstance(error, InputError) and not any(name in line for name in names):
        return f"a line without the file's name: {line}"
    if isinstance(cause, MemoryError) or "allocate memory" in str(cause):
        return f"memory: {line}"
    return ""


@contextmanager
def _bounded() -> Iterator[None]:
    """Seconds and memory that an input may take."""

    def stop(*_: object) -> None:
        raise Hang(f"longer than {SECONDS} s")

    before, hard = resource.getrlimit(resource.RLIMIT_AS)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + MEMORY, hard))
    handler = signal.signal(signal.SIGALRM, stop)
    slower = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_REAL, WAITING)
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, slower)
        signal.signal(signal.SIGALRM, handler)
        resource.setrlimit(resource.RLIMIT_AS, (before, hard))

"""Who writes an experiment's results: any number of processes at a time, of one config, and no two the same files.

Each has an entry in a folder of the results, and holds a lock on it that ends with the process; on any machine, as far
as the folder's locks reach.
"""

import fcntl
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import uuid4

from rcn_bench.errors import InputError, warn
from rcn_bench.files import Held, Progress, lock_file, locked, read_json, this_process, write_json
from rcn_bench.plan.config import config_hash
from rcn_bench.plan.experiment import Experiment
from rcn_bench.plan.stages import changes

WORKFLOW = "Snakemake"


@dataclass(frozen=True)
class Writer:
    """title: what it does, such as train RUN. job: of a workflow. makes, reads: the files of a workflow's jobs."""

    title: str
    process: str
    config: dict[str, Any]
    job: bool = False
    makes: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not (isinstance(self.title, str) and isinstance(self.process, str) and isinstance(self.config, dict)):
            raise TypeError("title and process must be texts, config a mapping")  # an entry is read from a file

    def __str__(self) -> str:
        return f"{self.title} ({self.process})"

    def refusal(self, other: "Writer") -> str | None:
        """Why it may not work beside another."""
        if config_hash(self.config) != config_hash(other.config):
            what = ", ".join(changes(other.config, self.config)[:3])
            return f"with another config ({what}); wait for it, stop it, or give one of the two another name"
        made, of_other = set(self.makes), set(other.makes)
        common = made & {*of_other, *other.reads} or of_other & {*self.reads}
        return f"on the same files, such as {min(common)}; wait for it or stop it" if common else None


@contextmanager
def writing(experiment: Experiment, title: str, *, job: bool = False) -> Iterator[None]:
    """Be the one process that does what the title says in an experiment's results, until the block or the process ends.

    job: of a workflow, which waits for another process that does the same, with a line.
    Errors: InputError if another process writes there with another config or, if this is no job, does the same.
    """
    with _writing(experiment, _name(title), Writer(title, this_process(), experiment.config, job)):
        yield


@contextmanager
def carrying_out(experiment: Experiment, makes: Iterable[str], reads: Iterable[str]) -> Iterator[None]:
    """Be a workflow that makes some files of an experiment; first wait for jobs of one that was killed, with a line.

    reads: the files that its jobs read. Errors: InputError if another process writes there with another config, or
    another workflow makes one of these files.
    """
    own = Writer(WORKFLOW, this_process(), experiment.config, makes=tuple(makes), reads=tuple(reads))
    name = uuid4().hex
    with _writing(experiment, name, own):
        _wait_for_orphans(experiment, name)
        yield


@contextmanager
def _writing(experiment: Experiment, name: str, own: Writer) -> Iterator[None]:
    folder, root = experiment.paths.writers.absolute(), experiment.paths.root  # Snakemake ends in another directory
    new = [each for each in (folder.parent, folder.parent.parent) if not each.exists()]
    try:
        with _entry(folder, name, warn if own.job else None):
            with locked(folder, waiting=_say_nothing):
                for other in _others(folder, name):
                    if refusal := own.refusal(other):
                        raise InputError(f"{root}: {other} is at work here {refusal}")
                write_json(_file(folder, name), asdict(own))
            yield
    finally:
        with locked(folder, waiting=_say_nothing):
            lock_file(folder).unlink(missing_ok=True)
        _remove_if_empty([folder, *new])


def at_work(experiment: Experiment) -> list[Writer]:
    """Who writes an experiment's results now; nothing is changed there, so that anybody may ask at any time.

    Errors: InputError for an entry that cannot be understood.
    """
    folder = experiment.paths.writers
    held = [file for file in sorted(folder.glob("*.json")) if _is_held(lock_file(folder, _entry_name(file)))]
    return [writer for file in held if (writer := _read(file, f"{file}: cannot be understood"))]


def _is_held(lock: Path) -> bool:
    try:
        with lock.open() as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # it is gone, or nobody can lock here
        pass
    return False


def _remove_if_empty(folders: Iterable[Path]) -> None:
    for folder in folders:
        with suppress(OSError):
            folder.rmdir()


def _wait_for_orphans(experiment: Experiment, own: str) -> None:
    folder, root = experiment.paths.writers, experiment.paths.root
    others = _others(folder, own)
    if any(writer.title == WORKFLOW for writer in others):
        return  # they may be its jobs, and none of them makes what this one will
    for writer in others:
        if writer.job:
            warn(f"{root}: {writer} is left of a {WORKFLOW} that was stopped; waiting for it")
            with _entry(folder, _name(writer.title), _say_nothing):
                pass


def _others(folder: Path, own: str) -> list[Writer]:
    """All that live but the one whose entry is called ``own``, workflows first; what killed ones left is removed.

    Errors: InputError for an entry that cannot be understood.
    """
    found = []
    for file in sorted(folder.glob("*.json")):
        name = _entry_name(file)
        if name == own:
            continue
        try:
            with _entry(folder, name):
                pass
        except Held as held:
            if writer := _read(file, str(held)):
                found.append(writer)
    # A refusal names the first: the workflow that somebody can stop, not the job that it happens to run.
    return sorted(found, key=lambda writer: writer.title != WORKFLOW)


def _read(file: Path, refusal: str) -> Writer | None:
    """The writer of an entry; None if it has ended just now. Errors: InputError for one that cannot be understood."""
    try:
        return Writer(**read_json(file))
    except FileNotFoundError:
        return None
    except (TypeError, ValueError):
        raise InputError(f"{refusal}; it is of another version of rcn_bench") from None


@contextmanager
def _entry(folder: Path, name: str, waiting: Progress | None = None) -> Iterator[None]:
    """Hold an entry, and remove it in the end."""
    with locked(folder, name, waiting=waiting):
        try:
            yield
        finally:
            _file(folder, name).unlink(missing_ok=True)
            lock_file(folder, name).unlink(missing_ok=True)


def _file(folder: Path, name: str) -> Path:
    return folder / f"{name}.json"


def _entry_name(file: Path) -> str:
    return file.name.removesuffix(".json")


def _name(title: str) -> str:
    """Of its entry, whatever somebody typed."""
    return quote(title, safe=" +=")[:150]


def _say_nothing(line: str) -> None:
    pass

"""Random kills over a whole workflow, which then must go on and end with what an undisturbed one ends with.

    python tests/soak/soak.py FOLDER --kills 50 --seed 0

A line for each kill says where it hit; the last lines count the kinds of places, and what did not hold. Run
it from a tree that nobody edits meanwhile, since an edit trains anew. Exit code 1 if anything did not hold.
"""

import argparse
import random
import signal
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from processes import Running, jobs, send, workers
from running import Workflow
from whole import differences, left_over, torn

STAGES = ["check", "digits", "shard", "cache", "pretrain", "train", "evaluate", "online"]
STAGES += ["causality", "profile", "table", "figure"]
SIGNALS = [signal.SIGKILL, signal.SIGTERM, signal.SIGINT]
VICTIMS = ["job", "Snakemake", "everything"]
PLACES = [(stage, victim) for stage in STAGES for victim in VICTIMS] + [("shard", "worker"), ("train", "worker")]
KILLS_OF_A_SERIES = 14
SHARE_OF_A_STAGE = 0.8  # after which it may be over, if it is quicker than it was undisturbed
SECONDS_TO_END = 10.0  # after which a process whose parent was killed must be gone
BETWEEN_LOOKS = 0.02  # seconds
MOST_SERIES_A_KILL = 2  # since a place may be over before the signal is sent
STOPS_WITHOUT_A_KILL = 5  # after which a series is given up


class Kill(NamedTuple):
    stage: str
    victim: str
    signal: signal.Signals


@dataclass
class Soak:
    """What was hit, and what did not hold."""

    folder: Path
    rng: random.Random
    seconds: dict[str, float] = field(default_factory=dict)  # that each stage takes, undisturbed
    hit: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)

    @property
    def undisturbed(self) -> Path:
        return self.folder / "undisturbed"

    def say(self, line: str) -> None:
        print(line, flush=True)
        with (self.folder / "kills.txt").open("a") as file:
            file.write(line + "\n")

    def fail(self, line: str) -> None:
        self.failures.append(line)
        self.say(f"DID NOT HOLD: {line}")


def plan(kills: int, rng: random.Random) -> list[Kill]:
    """Every kind of place comes before one comes again."""
    places: list[tuple[str, str]] = []
    while len(places) < kills:
        places += rng.sample(PLACES, len(PLACES))
    signals = [SIGNALS[number % len(SIGNALS)] for number in range(kills)]
    rng.shuffle(signals)
    return [Kill(*place, sent) for place, sent in zip(places, signals, strict=False)]


def run_undisturbed(soak: Soak) -> None:
    workflow = Workflow(soak.undisturbed, workers=0)
    workflow.go_on()
    first: dict[str, float] = {}
    for under_way in workflow.stages():
        for stage in under_way:
            soak.seconds[stage] = time.monotonic() - first.setdefault(stage, time.monotonic())
    if workflow.result:
        sys.exit(f"the undisturbed run failed; {workflow.output} says why")
    for path in left_over(workflow.folder):
        soak.fail(f"left over after an undisturbed run: {path}")


def run_series(soak: Soak, number: int, kills: list[Kill]) -> list[Kill]:
    """A whole workflow with some kills; returns those whose place did not come up."""
    workflow = Workflow(soak.folder / f"series{number}", workers=2 * (number % 2))
    missed = []
    for kill in sorted(kills, key=lambda kill: STAGES.index(kill.stage)):
        if wait_for(soak, workflow, kill.stage) and strike(soak, workflow, kill):
            after(soak, workflow, kill)
        else:
            missed.append(kill)
    wait_for(soak, workflow, None)
    for what, found in {
        "left over": left_over(workflow.folder),
        "alive after the end": workflow.wait_until_gone(SECONDS_TO_END),
        "not equal": differences(workflow.results, soak.undisturbed / "results" / "soak"),
    }.items():
        for one in found:
            soak.fail(f"series {number}: {what}: {one}")
    return missed


def wait_for(soak: Soak, workflow: Workflow, stage: str | None) -> bool:
    """Whether a stage is under way; goes on with the workflow, to its end if the stage does not come up any more."""
    for attempt in range(STOPS_WITHOUT_A_KILL):
        if (workflow.result != 0 and workflow.result is not None) or workflow.snakemake is None:
            workflow.go_on()
        if any(stage in under_way for under_way in workflow.stages()):
            return True
        if workflow.result == 0:
            return False
        if attempt:  # the first may end for a job that was killed and may not be tried again
            soak.fail(f"{workflow.folder.name} stopped without a kill; {workflow.output} says why")
    return False


def strike(soak: Soak, workflow: Workflow, kill: Kill) -> bool:
    """Send the signal at a random moment of the stage; False if its kind of victim is not there from then on."""
    seconds = soak.seconds.get(kill.stage, 1.0)
    given_up = time.monotonic() + seconds
    time.sleep(soak.rng.uniform(0, SHARE_OF_A_STAGE * seconds))
    while True:
        running = workflow.processes()
        under_way = [job for job in jobs(running) if job.stage == kill.stage]
        victims = find(kill, workflow, running, under_way)
        if victims and under_way:
            break
        if time.monotonic() > given_up:
            return False
        time.sleep(BETWEEN_LOOKS)  # at the next of several short jobs of a stage
    places = temporaries(workflow.folder)
    send(kill.signal, victims)
    soak.hit[kill.stage, kill.victim, kill.signal.name] += 1
    under_way_too = ", ".join(sorted({str(job.stage) for job in jobs(running)} - {kill.stage})) or "nothing else"
    soak.say(
        f"{soak.hit.total()}: {kill.signal.name} to {kill.victim} in {kill.stage} ({workflow.folder.name}, "
        f"{workflow.workers} workers), with {under_way_too}; {last_line(workflow, under_way[0])}{places}"
    )
    return True


def find(kill: Kill, workflow: Workflow, running: dict[int, Running], under_way: list[Running]) -> list[Running]:
    if kill.victim == "everything":
        return list(running.values())
    if kill.victim == "Snakemake":
        return [one for one in running.values() if workflow.snakemake and one.pid == workflow.snakemake.pid]
    if kill.victim == "worker":
        return [worker for job in under_way for worker in workers(running, job)][:1]
    return under_way[:1]


def temporaries(folder: Path) -> str:
    """Which files were being written."""
    names = [path.name for pattern in ("*.tmp*", ".*.part") for path in folder.rglob(pattern)]
    return f"; writing {', '.join(names)}" if names else ""


def last_line(workflow: Workflow, job: Running) -> str:
    """What the log of a job ends with, if it is one of a run or a split."""
    logs = [log for word in job.arguments for log in workflow.results.glob(f"logs/{job.stage}/{word}.log")]
    lines = [line for log in logs for line in log.read_text().splitlines()]
    return f"last said: {lines[-1][:80]}" if lines else "nothing said yet"


def after(soak: Soak, workflow: Workflow, kill: Kill) -> None:
    """What must hold after a kill: every file whole and, if all was killed, nothing alive."""
    if kill.victim == "everything":
        for one in workflow.wait_until_gone(SECONDS_TO_END):
            soak.fail(f"alive {SECONDS_TO_END:g} s after {kill}: {' '.join(one.arguments)[:200]}")
    if kill.victim in ("Snakemake", "everything") and workflow.snakemake:
        workflow.snakemake.wait()
    for line in torn(workflow.results, soak.undisturbed / "results" / "soak"):
        soak.fail(f"after {kill}: {line}")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="a new one, for some hundred MB")
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    options.folder.mkdir(parents=True)
    soak = Soak(options.folder.resolve(), random.Random(options.seed))
    run_undisturbed(soak)
    left, number = plan(options.kills, soak.rng), 0
    while left and number < MOST_SERIES_A_KILL * options.kills:
        missed = run_series(soak, number, left[:KILLS_OF_A_SERIES])
        left, number = left[KILLS_OF_A_SERIES:] + missed, number + 1
    for kill in left:
        soak.fail(f"never hit: {kill.victim} in {kill.stage}")
    report(soak, number)
    return int(bool(soak.failures))


def report(soak: Soak, series: int) -> None:
    soak.say(f"\n{soak.hit.total()} kills in {series} series; {len(soak.failures)} things did not hold")
    for stage in STAGES:
        counts = {
            sent.name: sum(n for (at, _, name), n in soak.hit.items() if (at, name) == (stage, sent.name))
            for sent in SIGNALS
        }
        victims = sorted({victim for at, victim, _ in soak.hit if at == stage})
        soak.say(f"{stage}: " + ", ".join(f"{n} {name}" for name, n in counts.items()) + f" to {', '.join(victims)}")


if __name__ == "__main__":
    sys.exit(main())

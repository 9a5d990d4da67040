"""The command that tells how far an experiment is, while its jobs run or after: status."""

import json
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from rcn_bench.cli.options import (
    Commands,
    Options,
    add_command,
    add_examples,
    add_experiment_options,
    config_or_folder,
    positive,
)
from rcn_bench.plan.experiment import Experiment

if TYPE_CHECKING:
    from rcn_bench.progress import Progress, RunProgress

CLEAR = "\033[H\033[2J"  # a terminal
MOST_NAMED = 8  # of products that are still to come


def add_commands(commands: Commands) -> None:
    text = "how far an experiment is: its runs with accuracy, epoch, time left or error, and its tables and figures"
    status = add_command(commands, "status", _status, text)
    status.description = (
        "How far an experiment is, by what lies in its results: runs that are done, with their accuracy; under way, "
        "with epoch and time left; failed, with the last line of their log; and waiting. Nothing is changed there. "
        "Whether a result that is there would be made again, `rcn-bench depends` tells."
    )
    status.add_argument("folder", nargs="?", type=Path, help="results, such as results/mini, in place of --config")
    add_experiment_options(status, required=False)
    status.add_argument(
        "--watch", type=positive, metavar="SECONDS", help="tell it again every so often, until all is done"
    )
    status.add_argument("--json", action="store_true", help="as a JSON object; with --watch one a line")
    add_examples(status, "results/mini", "--config config/mini.yaml --watch 10", "results/mini --json")


def _status(options: Options) -> None:
    experiment = config_or_folder(options, "status")
    try:
        while not _tell(experiment, options) and options.watch:
            time.sleep(options.watch)
    except KeyboardInterrupt:  # the end of a watch
        if not options.watch:
            raise


def _tell(experiment: Experiment, options: Options) -> bool:
    """Print it once; whether all is done."""
    from rcn_bench.progress import progress_of

    progress = progress_of(experiment)
    if options.json:
        print(json.dumps(asdict(progress), indent=None if options.watch else 2), flush=True)
    else:
        before = CLEAR if options.watch and sys.stdout.isatty() else ""
        print(before + "\n".join(_lines(progress)), flush=True)
    return progress.is_done


def _lines(progress: "Progress") -> Iterator[str]:
    states = Counter(run.state for run in progress.runs)
    counts = ", ".join(f"{count} {state}" for state, count in states.most_common()) or "none"
    made, products = sum(progress.products.values()), len(progress.products)
    yield f"{progress.name}: of {len(progress.runs)} runs {counts}; {made} of {products} tables and figures done"
    if progress.seconds_left is not None:
        yield f"about {_duration(progress.seconds_left)} of training left, as fast as now"
    width = max((len(run.run) for run in progress.runs), default=0)
    for run in progress.runs:
        yield f"{run.run:<{width}}  {run.state:<7}  {_told(run)}".rstrip()
    if missing := [name for name, is_there in progress.products.items() if not is_there]:
        more = f" and {len(missing) - MOST_NAMED} more" if len(missing) > MOST_NAMED else ""
        yield f"still to come: {', '.join(missing[:MOST_NAMED])}{more}"
    for line in progress.at_work:
        yield f"at work: {line}"


def _told(run: "RunProgress") -> str:
    if run.why:
        return run.why
    if run.video_accuracy is not None:
        return f"{run.video_accuracy:.1%} of {run.videos} videos right"
    if run.doing == "evaluate":
        return "being evaluated"
    if run.state in ("running", "stopped"):
        told = [f"{run.epoch} of {run.epochs} epochs"]
        if run.loss is not None and run.accuracy is not None:
            told.append(f"loss {run.loss:.3f}, accuracy {run.accuracy:.1%} in training")
        if run.validation_accuracy is not None:
            told.append(f"{run.validation_accuracy:.1%} of validation clips right")
        if run.much_waiting is not None:
            told.append(f"{run.much_waiting:.0%} of the last epoch waiting for clips (train.workers)")
        if run.seconds_left is not None:
            told.append(f"about {_duration(run.seconds_left)} left")
        return ", ".join(told)
    return "to be evaluated" if run.state == "trained" else ""


def _duration(seconds: float) -> str:
    """Such as 1 h 20 min."""
    minutes = round(seconds / 60)
    if minutes < 2:
        return f"{seconds:.0f} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"

"""What commands have in common: those that work on an experiment, and the types of their arguments."""

import argparse
import math
import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from itertools import product
from pathlib import Path

from rcn_bench.cli.refusals import FOLDER
from rcn_bench.errors import InputError
from rcn_bench.gpus import taking_gpus
from rcn_bench.plan.config import experiment_in, load_experiment
from rcn_bench.plan.experiment import Experiment
from rcn_bench.plan.writers import writing

Commands = argparse._SubParsersAction
Options = argparse.Namespace
A_RUN = "rcn18-t8-xh_random-hh_identity-s0"  # for examples


class HelpFormatter(argparse.HelpFormatter):
    """Leaves the lines of a text that has several as they are: those of examples."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        return text if "\n" in text else super()._fill_text(text, width, indent)


def add_examples(parser: argparse.ArgumentParser, *arguments: str) -> None:
    """Show calls of a command, or of the whole command line, at the end of its help."""
    parser.epilog = "\n".join(["examples:", *(f"  {parser.prog} {each}".rstrip() for each in arguments)])


def add_command(
    commands: Commands, name: str, run: Callable[[Options], int | None], text: str
) -> argparse.ArgumentParser:
    """A command that needs no experiment. text: its line in the list of commands, and the start of its own help.

    run: returns the exit code, None for 0.
    """
    description = text[0].upper() + text[1:] + "."
    parser = commands.add_parser(name, help=text, description=description, formatter_class=HelpFormatter)
    parser.set_defaults(run_command=run, results=Path("results"))
    return parser


def add_experiment_command(
    commands: Commands, name: str, run: Callable[[Experiment, Options], None], text: str
) -> argparse.ArgumentParser:
    """A command on one experiment: it reads a config, and what lies below its results folder."""
    parser = add_command(commands, name, partial(_on_experiment, run), text)
    add_experiment_options(parser)
    return parser


def add_writing_command(
    commands: Commands, name: str, run: Callable[[Experiment, Options], None], text: str, of: Sequence[str] = ()
) -> argparse.ArgumentParser:
    """A command that writes results of one experiment. of: its arguments that say which, a list for several."""
    return add_experiment_command(commands, name, as_writer(name, run, of), text)


def as_writer(
    name: str, run: Callable[[Experiment, Options], None], of: Sequence[str]
) -> Callable[[Experiment, Options], None]:
    """Let it work only where nobody else does the same, or works with another config."""

    def run_as_writer(experiment: Experiment, options: Options) -> None:
        given = [getattr(options, argument) for argument in of]
        lists = [each if isinstance(each, list) else [each] for each in given if each is not None]
        titles = dict.fromkeys(" ".join([name, *map(str, targets)]) for targets in product(*lists))
        with ExitStack() as held:
            for title in titles:
                held.enter_context(writing(experiment, title, job=FOLDER in os.environ))
            run(experiment, options)

    return run_as_writer


def on_a_gpu(
    run: Callable[[Experiment, Options], None],
    need: Callable[[Experiment, Options], int] | None = None,
    count: Callable[[Experiment, Options], int] = lambda experiment, options: 1,
) -> Callable[[Experiment, Options], None]:
    """Let it compute on GPUs of its own, where there are any; first wait for free ones, with a line.

    count: how many. need: the bytes that it takes there, where it may share one.
    """

    def run_there(experiment: Experiment, options: Options) -> None:
        with taking_gpus(count(experiment, options), partial(need, experiment, options) if need else None):
            run(experiment, options)

    return run_there


def add_experiment_options(parser: argparse.ArgumentParser, *, required: bool = True) -> None:
    parser.add_argument(
        "--config",
        required=required,
        nargs="+",
        action="extend",
        type=Path,
        metavar="FILE",
        help="the experiment, such as config/mini.yaml; more files change values of those before",
    )
    parser.add_argument("--results", default=Path("results"), type=Path, help="folder of results (default: results)")


def add_plugins(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--plugin", action="append", default=[], help="module that registers models of your own")


def experiment_of(options: Options) -> Experiment:
    return load_experiment(options.config, options.results)


def config_or_folder(options: Options, command: str) -> Experiment:
    """The experiment that --config names, or that of a folder of results, one of the two."""
    if (options.folder is None) == (options.config is None):
        raise InputError(f"{command}: give --config, or a folder of results")
    return experiment_of(options) if options.config else experiment_in(options.folder)


def _on_experiment(run: Callable[[Experiment, Options], None], options: Options) -> None:
    run(experiment_of(options), options)


def output_file(path: Path, otherwise: str, kind: str = "") -> Path:
    """Where to write the file that a user named; of a link, where it leads, so that the link stays.

    kind: how its name ends. Errors: InputError for a folder, for a device or a pipe, which a file would take the place
    of, and for a file of another kind, such as a record, which would be lost.
    """
    file = Path(os.path.realpath(path)) if path.is_symlink() else path
    if file.exists() and not file.is_file():
        raise InputError(f"{path}: {'a folder' if file.is_dir() else 'a device or a pipe'}; {otherwise}")
    if file.exists() and not file.name.endswith(kind):
        raise InputError(f"{path}: is there already, and no {kind} file; {otherwise}")
    return file


def positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a positive number")
    return number


def not_negative(text: str) -> int:
    number = int(text)
    if number < 0:
        raise argparse.ArgumentTypeError(f"{text} is negative")
    return number


def rate(text: str) -> float:
    number = float(text)
    if not 0 < number < math.inf:
        raise argparse.ArgumentTypeError(f"{text} is not a positive number")
    return number


def seconds(text: str) -> float:
    number = float(text)
    if not 0 <= number < math.inf:
        raise argparse.ArgumentTypeError(f"{text} is not a number from 0 on")
    return number


def points(text: str) -> float:
    number = float(text)
    if not 0 <= number <= 100:
        raise argparse.ArgumentTypeError(f"{text} is not from 0 to 100 points")
    return number


def share(text: str) -> float:
    try:
        number = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        number = -1.0
    if not 0 <= number <= 1:
        raise argparse.ArgumentTypeError(f"{text} is not a share, such as 1% or 0.01")
    return number

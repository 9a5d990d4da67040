"""Commands that put results into the form of other tools: report, tensorboard, crate."""

import argparse
import re
from pathlib import Path

from rcn_bench.cli.options import (
    Commands,
    Options,
    add_command,
    add_examples,
    add_experiment_options,
    config_or_folder,
    experiment_of,
    output_file,
)
from rcn_bench.errors import InputError, shown


def add_commands(commands: Commands) -> None:
    text = "put results, complete or not, on one HTML page that needs no network"
    report = add_command(commands, "report", _report, text)
    report.add_argument("folders", nargs="*", type=Path, metavar="FOLDER", help="such as results/mini, or kept results")
    page = Path("results/report.html")
    report.add_argument("--output", type=Path, default=page, metavar="FILE", help=f"default: {page}")
    add_experiment_options(report, required=False)

    text = "write the learning curves of all runs, finished or in training, as files that TensorBoard reads"
    tensorboard = add_command(commands, "tensorboard", _tensorboard, text)
    tensorboard.add_argument("folder", nargs="?", type=Path, help="results, such as results/mini, in place of --config")
    logs = Path("tensorboard")
    tensorboard.add_argument("--output", type=Path, default=logs, metavar="FOLDER", help=f"default: {logs}")
    add_experiment_options(tensorboard, required=False)
    add_examples(tensorboard, "results/mini", "--config config/mini.yaml --output logs")

    text = "pack results without weights as an RO-Crate: their records as actions that catalogues can read"
    crate = add_command(commands, "crate", _crate, text)
    crate.add_argument("folder", type=Path, help="results of one experiment that are complete, at work or kept")
    crate.add_argument("--output", type=Path, required=True, metavar="FILE", help="such as results/mini.crate.zip")
    text = "of the results, which a crate must name: an identifier of SPDX, such as CC-BY-4.0"
    crate.add_argument("--licence", type=_spdx, required=True, metavar="NAME", help=text)
    add_examples(crate, "results/reference/mini --output results/mini.crate.zip --licence MIT")


def _report(options: Options) -> None:
    from rcn_bench.page.write import write_page

    own = [experiment_of(options).paths.root] if options.config else []
    folders = [*own, *options.folders]
    if not folders:
        raise InputError("report: give folders of results, such as results/mini, or --config")
    write_page(folders, output_file(options.output, "name the HTML file to write, such as report.html", ".html"))
    print(f"{shown(str(options.output))}: open it in a browser")


def _tensorboard(options: Options) -> None:
    from rcn_bench.page.events import write_events

    written = write_events(config_or_folder(options, "tensorboard"), options.output)
    print(f"{shown(str(options.output))}: {written} runs; tensorboard --logdir {shown(str(options.output))}")


def _crate(options: Options) -> None:
    from rcn_bench.crate import write_crate

    output = output_file(options.output, "name the zip file to write, such as results/mini.crate.zip", ".zip")
    print(f"{shown(str(output))}: {write_crate(options.folder, output, options.licence)}")


def _spdx(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9.+-]+", text):
        raise argparse.ArgumentTypeError(f"{text!r} is no identifier of SPDX, such as MIT or CC-BY-4.0")
    return text

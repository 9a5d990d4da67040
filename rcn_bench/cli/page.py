"""Commands that put results where they are looked at: report, tensorboard."""

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


def _report(options: Options) -> None:
    from rcn_bench.page.write import write_page

    own = [experiment_of(options).paths.root] if options.config else []
    folders = [*own, *options.folders]
    if not folders:
        raise InputError("report: give folders of results, such as results/mini, or --config")
    write_page(folders, output_file(options.output, "name the HTML file to write, such as report.html"))
    print(f"{shown(str(options.output))}: open it in a browser")


def _tensorboard(options: Options) -> None:
    from rcn_bench.page.events import write_events

    written = write_events(config_or_folder(options, "tensorboard"), options.output)
    print(f"{shown(str(options.output))}: {written} runs; tensorboard --logdir {shown(str(options.output))}")

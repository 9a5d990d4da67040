"""The command that puts results on one page: report."""

from pathlib import Path

from rcn_bench.cli.options import Commands, Options, add_command, add_experiment_options, experiment_of, output_file
from rcn_bench.errors import InputError, shown


def add_commands(commands: Commands) -> None:
    text = "put results, complete or not, on one HTML page that needs no network"
    report = add_command(commands, "report", _report, text)
    report.add_argument("folders", nargs="*", type=Path, metavar="FOLDER", help="such as results/mini, or kept results")
    page = Path("results/report.html")
    report.add_argument("--output", type=Path, default=page, metavar="FILE", help=f"default: {page}")
    add_experiment_options(report, required=False)


def _report(options: Options) -> None:
    from rcn_bench.page.write import write_page

    own = [experiment_of(options).paths.root] if options.config else []
    folders = [*own, *options.folders]
    if not folders:
        raise InputError("report: give folders of results, such as results/mini, or --config")
    write_page(folders, output_file(options.output, "name the HTML file to write, such as report.html"))
    print(f"{shown(str(options.output))}: open it in a browser")

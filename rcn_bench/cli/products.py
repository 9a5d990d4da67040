"""Commands that turn results into something to look at: table, figure, bench."""

from functools import partial
from pathlib import Path

from rcn_bench.cli.options import (
    Commands,
    Options,
    add_command,
    add_examples,
    add_experiment_command,
    add_writing_command,
    as_writer,
)
from rcn_bench.cli.terminal import fitted, terminal_width
from rcn_bench.plan.experiment import Experiment


def add_commands(commands: Commands) -> None:
    text = "assemble a table from result files"
    table = add_experiment_command(commands, "table", _table, text)
    table.add_argument("name", help="such as table1_init")
    table.add_argument(
        "--partial", action="store_true", help="print what is there of it and what is missing, and write nothing"
    )
    add_examples(table, "table1_init --config config/mini.yaml", "table1_init --config config/mini.yaml --partial")
    text = "draw a figure from result files"
    figure = add_writing_command(commands, "figure", partial(_write, "figure"), text, ["name"])
    figure.add_argument("name", help="such as figure1")

    bench = add_command(commands, "bench", _bench, "run the benchmarks of this checkout and keep their results")
    bench.add_argument("--compare", action="store_true", help="print the ratios, beside those kept of other machines")
    bench.add_argument("--kept", action="store_true", help="run none, print the ratios of those kept")
    bench.add_argument("--all", action="store_true", help="the slow ones too: deeper, longer clips, compiled on a CPU")
    text = "draw throughput by clip length, from the training steps of the machine that were timed in turns"
    bench.add_argument("--figure", action="store_true", help=text)
    bench.add_argument("-k", metavar="EXPRESSION", default="", help="only these, as in pytest")
    bench.add_argument("--machine", help="name of the machine in the results (default: that of its GPU or processor)")
    bench.add_argument("--results", default=Path("results"), type=Path, help="results are kept in its reference/")


def _table(experiment: Experiment, options: Options) -> None:
    if not options.partial:
        as_writer("table", partial(_write, "table"), ["name"])(experiment, options)
        return
    from rcn_bench.reporting.write import table_in_part

    made, missing = table_in_part(experiment, options.name)
    print(*fitted(made.markdown(), terminal_width()), sep="\n")
    print(*([f"missing: {line}" for line in missing] or ["Nothing is missing."]), sep="\n")


def _write(kind: str, experiment: Experiment, options: Options) -> None:
    from rcn_bench.reporting.write import write_product

    write_product(experiment, kind, options.name)
    made = experiment.paths.table(options.name) if kind == "table" else experiment.paths.figure(options.name)
    print(f"{made}.{'md' if kind == 'table' else 'png'}: written, and other forms beside it")


def _bench(options: Options) -> None:
    from rcn_bench.reporting.benchmarks import benchmarks_of, compare, run_benchmarks
    from rcn_bench.reporting.throughput_by_length import draw_throughput_by_length

    folder = options.results / "reference"
    if options.kept:
        path = benchmarks_of(folder, options.machine)
        print(compare(folder))
    else:
        path = run_benchmarks(folder, options.machine, options.k, options.all)
        if options.compare:
            print(compare(folder, own=path.parent.name))
    if options.figure:
        print(f"{draw_throughput_by_length(path)}.png: written, and other forms beside it")

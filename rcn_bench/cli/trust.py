"""Commands on whether results hold: verify, why, keep, compare."""

import json
from pathlib import Path

from rcn_bench.cli.options import Commands, Options, add_command, add_examples, add_experiment_options, experiment_of
from rcn_bench.errors import InputError


def add_commands(commands: Commands) -> None:
    text = "compute every number of a folder of results again, and name the first link that does not hold"
    verify = add_command(commands, "verify", _verify, text)
    verify.add_argument("folder", type=Path, help="such as results/mini, or results that were kept")
    verify.add_argument("--json", action="store_true", help="print what was found as a JSON object")
    add_examples(verify, "results/mini", "results/reference/mini", "results/mini --json")

    why = add_command(commands, "why", _why, "walk a cell of a table to runs, weights, data, code and machine")
    why.add_argument("table", help="such as table1_init")
    text = 'its number from 1 on, or what its first columns say, such as "stills identity"'
    why.add_argument("--row", required=True, help=text)
    why.add_argument("--column", required=True, help='its name, such as "video acc %%", or its number')
    why.add_argument("--in", dest="folder", type=Path, metavar="FOLDER", help="results, in place of --config")
    add_experiment_options(why, required=False)
    cell = 'table1_init --row "stills identity" --column "video acc %"'
    add_examples(why, f"{cell} --config config/mini.yaml", f"{cell} --in results/reference/mini")

    text = "copy results without weights and videos, with the checksum of every file"
    keep = add_command(commands, "keep", _keep, text)
    keep.add_argument("folder", type=Path, help="results of one experiment that are complete, such as results/mini")
    keep.add_argument("destination", type=Path, help="a folder that is not there yet")

    text = "runs of two machines or dates on the videos that both scored, with paired intervals"
    compare = add_command(commands, "compare", _compare, text)
    for name in ("first", "second"):
        compare.add_argument(name, type=Path, help="a folder of results, or of one run")


def _verify(options: Options) -> None:
    from rcn_bench.trust.verify import Verifier

    report = Verifier(options.folder).verify()
    if options.json:
        print(json.dumps(report.plain(), indent=2))
    else:
        print(*report.lines(), sep="\n")
    if not report.holds:
        raise InputError(f"{options.folder}/{report.findings[0]}")


def _why(options: Options) -> None:
    from rcn_bench.plan.config import experiment_in
    from rcn_bench.trust.why import why

    if (options.folder is None) == (options.config is None):
        raise InputError("why: give --config, or --in and a folder of results")
    experiment = experiment_of(options) if options.config else experiment_in(options.folder)
    for line in why(experiment, options.table, options.row, options.column):
        print(line)


def _keep(options: Options) -> None:
    from rcn_bench.trust.keep import keep

    print(f"{options.destination}: {keep(options.folder, options.destination)}")


def _compare(options: Options) -> None:
    from rcn_bench.reporting.compare import compare

    for line in compare(options.first, options.second):
        print(line)

"""The command line: `rcn-bench COMMAND ...`; every rule of the workflow is one call of it.

A module holds a group of commands. Nothing heavy is imported until a command runs, so that --help and bad arguments
answer at once.
"""

import argparse
import errno
import io
import os
import select
import shlex
import sys
from collections.abc import Sequence
from typing import Any

from rcn_bench import __version__
from rcn_bench.cli import completion, data, experiment, export, models, page, products, runs, start, status, trust
from rcn_bench.cli.options import HelpFormatter, add_examples
from rcn_bench.cli.refusals import earlier_refusal, refuse
from rcn_bench.errors import InputError, ProcessDied, TrainingDiverged, one_line, shown


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; its exit code, 0 of most.

    With one line on stderr, 1 if training diverged or one of its processes died, 2 on bad input, 130 on Ctrl-C.
    Where whoever reads its output has had enough, as `head` has, it ends without a word, with 141 as by SIGPIPE.
    Any other error is a fault of this package: it keeps its traceback, whose last line asks to report it.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # names of files can be any bytes
    given = [_as_path(each) for each in (sys.argv[1:] if arguments is None else arguments)]
    try:
        options = _parsed(given)
        if refusal := earlier_refusal(given):
            return _complain(*refusal)
        code = options.run_command(options)
        sys.stdout.flush()
    except BrokenPipeError:
        if _is_read():
            raise
        return _stop_printing()
    except InputError as error:
        return _complain(*refuse(given, one_line(error), 2))
    except TrainingDiverged as error:
        return _complain(*refuse(given, one_line(error), 1))
    except ProcessDied as error:
        return _complain(one_line(error), 1)
    except OSError as error:
        if error.filename is None and error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO):
            raise
        return _complain(f"{error.filename or options.results}: {error.strerror}; nothing half-written is left", 2)
    except MemoryError:
        return _complain("too little memory for this; stop what else runs here, or use a machine with more", 2)
    except KeyboardInterrupt:
        return _complain("interrupted; the same command goes on with what is left", 130)
    except Exception as error:
        line = f"a fault of its own; please report it with the lines above, the config and: {shlex.join(given)}"
        error.add_note(f"rcn-bench: {shown(line)}")
        raise
    return code or 0


def _parsed(arguments: Sequence[str]) -> argparse.Namespace:
    """Errors: BrokenPipeError, too, where nobody reads what --help or --version print, which end in here."""
    try:
        return build_parser().parse_args(arguments)
    except SystemExit:
        sys.stdout.flush()
        raise


def _as_path(argument: str) -> str:
    """Names of files that are there may begin with "-", as YouTube's ids do; no option has a dot or a slash."""
    is_name = argument.startswith("-") and ("." in argument or "/" in argument) and os.path.lexists(argument)
    return f"./{argument}" if is_name else argument


def _is_read() -> bool:
    """Whether there is still somebody at the other end of the output."""
    output = select.poll()
    output.register(sys.stdout.fileno(), 0)  # errors are always told
    return not output.poll(0)


def _stop_printing() -> int:
    """What is not printed yet goes nowhere: else Python would fail on it again as it ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 141


def _complain(message: str, code: int) -> int:
    print(f"rcn-bench: {shown(message)}", file=sys.stderr)
    return code


class _Version(argparse.Action):
    """Prints which rcn_bench this is, and beside which torch; neither torch nor a model is imported."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        from rcn_bench import provenance

        now = provenance.start(with_torch=False)
        commit = f" (commit {now.commit[:10]}{', changed since' if now.dirty else ''})" if now.commit else ""
        packages = (f"{name} {now.packages[name] or 'is not installed'}" for name in ("torch", "torchvision"))
        print(f"{parser.prog} {__version__}{commit}", *packages, f"Python {now.machine.python}", sep="\n")
        parser.exit()


def build_parser() -> argparse.ArgumentParser:
    text = "Benchmark and reproduce recurrent 3D CNNs (RCN)."
    parser = argparse.ArgumentParser(prog="rcn-bench", description=text, formatter_class=HelpFormatter)
    parser.add_argument("--version", action=_Version, nargs=0, help="print it, with the commit and torch's, and exit")
    add_examples(parser, "check --config config/mini.yaml", "models", "status results/mini")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for group in (start, experiment, status, data, runs, export, models, products, trust, page, completion):
        group.add_commands(commands)
    return parser

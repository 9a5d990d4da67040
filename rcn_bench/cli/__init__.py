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

from rcn_bench.cli import data, experiment, models, page, products, runs, trust
from rcn_bench.cli.refusals import earlier_refusal, refuse
from rcn_bench.errors import InputError, TrainingDiverged, one_line, shown


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 0, or with one line on stderr 1 if training diverged, 2 on bad input, 130 on Ctrl-C.

    Where whoever reads its output has had enough, as `head` has, it ends without a word, with 141 as by SIGPIPE.
    Any other error is a fault of this package: it keeps its traceback, whose last line asks to report it.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # names of files can be any bytes
    given = [_as_path(each) for each in (sys.argv[1:] if arguments is None else arguments)]
    options = build_parser().parse_args(given)
    try:
        if refusal := earlier_refusal(given):
            return _complain(*refusal)
        options.run_command(options)
        sys.stdout.flush()
    except BrokenPipeError:
        if _is_read():
            raise
        return _stop_printing()
    except InputError as error:
        return _complain(*refuse(given, one_line(error), 2))
    except TrainingDiverged as error:
        return _complain(*refuse(given, one_line(error), 1))
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
    return 0


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


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="rcn-bench", description="Benchmark and reproduce recurrent 3D CNNs (RCN).")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for group in (experiment, data, runs, models, products, trust, page):
        group.add_commands(commands)
    return parser

"""A job that a workflow tries again, after a kill or a crash, is not done again for bad input: it would end the same.

Where RCN_BENCH_REFUSALS names a folder, which a workflow empties when it starts, a command that ends by an error of its
own leaves it there; the same command, started again, says the same and does nothing.
"""

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from rcn_bench.files import read_json, write_json
from rcn_bench.plan.config import config_hash

FOLDER = "RCN_BENCH_REFUSALS"


def refuse(arguments: Sequence[str], message: str, code: int) -> tuple[str, int]:
    """The message and exit code of a command that ends here, which are kept for the next try."""
    if file := _file(arguments):
        with suppress(OSError):  # a full disk must not hide the message
            write_json(file, {"message": message, "code": code})
    return message, code


def earlier_refusal(arguments: Sequence[str]) -> tuple[str, int] | None:
    file = _file(arguments)
    if file is None or not file.is_file():
        return None
    with suppress(OSError, ValueError, RecursionError, TypeError, KeyError):  # no refusal: the command finds it anew
        refusal = read_json(file)
        return str(refusal["message"]), 1 if refusal["code"] == 1 else 2
    return None


def _file(arguments: Sequence[str]) -> Path | None:
    folder = os.environ.get(FOLDER)
    return Path(folder) / f"{config_hash(list(arguments))}.json" if folder else None

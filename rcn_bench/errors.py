"""The exceptions that the command line shows as one line."""

import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

LONGEST_LINE = 1200  # characters, since a file can have values of any length; what to do stands at the end


class InputError(ValueError):
    """Bad input; the message names the file, key or value and says what to do."""


class TrainingDiverged(RuntimeError):
    """The loss is no longer a finite number; the message says which run and what to change."""


class ProcessDied(RuntimeError):
    """One of the processes that share a training has ended without a word; the message says which and what to do."""


def one_line(error: BaseException) -> str:
    """Its message on one line that can be shown, is never empty and not without end, whatever names and values it has.

    Of an error that left a worker process of torch's data loader with a traceback, the message in there.
    """
    text = str(error)
    if text.startswith("Caught ") and "Original Traceback" in text:
        text = re.split(rf"^[\w.]*\b{type(error).__name__}: ", text, flags=re.MULTILINE)[-1]
    return _shortened(shown(text.strip())) or type(error).__name__


def warn(text: str) -> None:
    """Say on stderr, in one line that can be shown, what the reader of a result must know though it goes on."""
    print(_shortened(shown(text)), file=sys.stderr, flush=True)


def _shortened(line: str) -> str:
    return line if len(line) <= LONGEST_LINE else f"{line[: LONGEST_LINE // 2]} ... {line[-LONGEST_LINE // 2 :]}"


def shown(text: str) -> str:
    """A text as one line can hold it: what is no letter, digit, mark or blank is escaped, as the end of a line is."""
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in text)


def reason(error: BaseException) -> str:
    """The first line of what went wrong; of a compiler's error, of the one inside it."""
    error = getattr(error, "inner_exception", None) or error
    return shown(next(iter(str(error).strip().splitlines()), "")) or type(error).__name__


@contextmanager
def refusing(refusal: Callable[[str], InputError]) -> Iterator[None]:
    """For reading what something else may have written: any of its values can be of any kind, and raise anything.

    Errors: what ``refusal`` makes of the reason; an InputError as it is.
    """
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        raise refusal(reason(error)) from error

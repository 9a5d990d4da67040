"""The exceptions that the command line shows as one line."""


class InputError(ValueError):
    """Bad input; the message names the file, key or value and says what to do."""


def one_line(error: InputError) -> str:
    """Its message; of one that left a worker process of torch's data loader with a traceback, the message in there."""
    lines = str(error).strip().splitlines()
    return lines[0] if len(lines) == 1 else lines[-1].partition(": ")[2]


def reason(error: BaseException) -> str:
    """The first line of what went wrong; of a compiler's error, of the one inside it."""
    error = getattr(error, "inner_exception", None) or error
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


class TrainingDiverged(RuntimeError):
    """The loss is no longer a finite number; the message says which run and what to change."""

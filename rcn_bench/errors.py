"""The exceptions that the command line shows as one line."""


class InputError(ValueError):
    """Bad input; the message names the file, key or value and says what to do."""


def reason(error: BaseException) -> str:
    """The first line of what went wrong; of a compiler's error, of the one inside it."""
    error = getattr(error, "inner_exception", None) or error
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


class TrainingDiverged(RuntimeError):
    """The loss is no longer a finite number; the message says which run and what to change."""

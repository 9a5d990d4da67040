"""The exceptions that the command line shows as one line."""


class InputError(ValueError):
    """Bad input; the message names the file, key or value and says what to do."""


class TrainingDiverged(RuntimeError):
    """The loss is no longer a finite number; the message says which run and what to change."""

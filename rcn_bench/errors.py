"""The one exception for mistakes in what a user gave: the command line prints its text as one line."""


class InputError(ValueError):
    """Bad input; the message names the file, key or value and says what to do."""

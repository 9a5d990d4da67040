"""Numbers of one column as a reader sees them: with one count of decimals, so that their sizes compare at a glance."""

import math
from collections.abc import Iterable

SIGNIFICANT, MOST_DECIMALS = 3, 4
TOO_WIDE = 1e5  # the ratio of a column's largest to its smallest number that no one count of decimals shows


def decimals_of(values: Iterable[float]) -> int | None:
    """As many as the smallest needs; None where no one number of them fits all."""
    sizes = [abs(value) for value in values if value]
    if not sizes:
        return 0
    if max(sizes) / min(sizes) > TOO_WIDE or min(sizes) < 10 ** (1 - MOST_DECIMALS):
        return None
    return min(max(SIGNIFICANT - 1 - math.floor(math.log10(min(sizes))), 0), MOST_DECIMALS)


def number_text(value: float, decimals: int | None) -> str:
    """A zero is shown as exact, and nothing else as one."""
    if value == 0:
        return "0"
    text = f"{value:.{SIGNIFICANT}g}" if decimals is None else f"{value:,.{decimals}f}"
    return text if float(text.replace(",", "")) else f"{value:.{SIGNIFICANT}g}"

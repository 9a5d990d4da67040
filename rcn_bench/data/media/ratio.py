"""Rates, ticks and shapes of pixels as exact numbers of Python's own, whichever type a release of PyAV has."""

from fractions import Fraction
from typing import Protocol


class Ratio(Protocol):
    """Of PyAV 19 an AVRational, which cannot be rounded and multiplies by another inexactly; before, a Fraction."""

    @property
    def numerator(self) -> int: ...
    @property
    def denominator(self) -> int: ...


def exact(ratio: Ratio | None) -> Fraction | None:
    """None where the file says nothing, for which PyAV has None, zero or a denominator of zero."""
    if ratio is None or ratio.numerator == 0 or ratio.denominator == 0:
        return None
    return Fraction(ratio.numerator, ratio.denominator)

"""Rates and ticks leave PyAV as Fractions, whichever type a release of it has for them."""

import ast
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import pytest
from timed import write_at

from rcn_bench.data.media.ratio import exact

PACKAGE = Path(__file__).parents[3] / "rcn_bench"
RATIOS = {
    "average_rate",
    "guessed_rate",
    "base_rate",
    "framerate",
    "time_base",
    "pkt_timebase",
    "sample_aspect_ratio",
    "display_aspect_ratio",
}


@dataclass
class Ratio:
    """What PyAV 19 has in common with a Fraction and no more: it cannot be rounded, nor made an int."""

    numerator: int
    denominator: int


def test_a_ratio_of_any_type_becomes_a_fraction():
    for ratio in (Ratio(30000, 1001), Fraction(30000, 1001), av.AVRational(30000, 1001)):
        assert type(exact(ratio)) is Fraction
        assert exact(ratio) == Fraction(30000, 1001)
    assert round(exact(Ratio(30000, 1001))) == 30


@pytest.mark.parametrize("unsaid", [None, Ratio(0, 1), Ratio(0, 0), Ratio(1, 0), Fraction(0)])
def test_what_a_file_does_not_say_is_none(unsaid):
    assert exact(unsaid) is None


def test_products_stay_exact_beyond_32_bits():
    """Those of two AVRationals do not."""
    rate, tick = Ratio(2147483647, 71582789), Ratio(1, 2147483629)
    assert exact(rate) * exact(tick) == Fraction(2147483647, 71582789 * 2147483629)


def test_all_ratios_of_a_file_are_taken_as_this_pyav_gives_them(tmp_path):
    with av.open(str(write_at(tmp_path / "a.mp4", Fraction(30000, 1001)))) as file:
        stream = file.streams.video[0]
        assert {exact(stream.average_rate), exact(stream.guessed_rate)} == {Fraction(30000, 1001)}
        assert exact(stream.time_base) == Fraction(1, 30000)


def test_the_package_reads_no_ratio_but_as_a_fraction():
    """What PyAV returns differs by its release, and CI has one of them."""
    read, found = 0, []
    for path in PACKAGE.rglob("*.py"):
        tree = ast.parse(path.read_text())
        calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
        made_exact = {id(call.args[0]) for call in calls if isinstance(call.func, ast.Name) and call.func.id == "exact"}
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and node.attr in RATIOS and ast.unparse(node) != "av.time_base":
                read += 1
                found += [f"{path}:{node.lineno}: {ast.unparse(node)}"] * (id(node) not in made_exact)
    assert not found, found
    assert read

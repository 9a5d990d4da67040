"""The types of arguments."""

from argparse import ArgumentTypeError

import pytest

from rcn_bench.cli.options import not_negative, positive, share


def test_counts():
    assert (positive("1"), not_negative("0")) == (1, 0)
    for kind, text in ((positive, "0"), (positive, "-1"), (not_negative, "-1")):
        with pytest.raises(ArgumentTypeError, match=text):
            kind(text)


@pytest.mark.parametrize(("text", "value"), [("1%", 0.01), ("0.01", 0.01), ("0", 0.0), ("100%", 1.0)])
def test_shares(text, value):
    assert share(text) == value


@pytest.mark.parametrize("text", ["2", "-1%", "101%", "few", "nan", "%"])
def test_what_is_no_share_is_refused(text):
    with pytest.raises(ArgumentTypeError, match=r"is not a share, such as 1% or 0\.01"):
        share(text)

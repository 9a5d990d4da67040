"""Jester, gestures in front of a laptop."""

from rcn_bench.lists.formats import list_format
from rcn_bench.lists.semicolon import SemicolonFormat


@list_format
class Jester(SemicolonFormat):
    """Jester: lines of number;label, a folder of pictures for each number, and the file of labels beside."""

    name = "jester"
    other = "something"

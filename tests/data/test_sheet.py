"""The sheet of real-life files in the documentation is what comes out of them."""

from pathlib import Path

import pytest
from sheet import SHEET, table

DOCUMENT = Path(__file__).parents[2] / "docs" / "data.md"


@pytest.mark.slow
def test_the_documentation_shows_what_comes_out_of_forty_files():
    assert len(SHEET) == len({kind for kind, _, _ in SHEET}) == 40
    shown = DOCUMENT.read_text().partition("## Forty files")[2].partition("\n## ")[0]
    assert table() in shown

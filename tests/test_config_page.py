"""The page of a config's keys says what the code says."""

from pathlib import Path

import config_page


def test_the_page_is_made_of_the_keys_as_they_are():
    assert Path("docs/config.md").read_text() == config_page.page(), "python tests/config_page.py > docs/config.md"

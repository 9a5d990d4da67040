"""Pages of results that are kept, and of copies of them that tests change."""

import shutil
from pathlib import Path

import pytest
from page_read import PageRead

from rcn_bench.page.write import write_page

KEPT = Path("results/reference/mini")


@pytest.fixture(scope="session")
def kept_page(tmp_path_factory):
    """The file of a page of the kept results."""
    file = tmp_path_factory.mktemp("page") / "report.html"
    write_page([KEPT], file)
    return file


@pytest.fixture(scope="session")
def page(kept_page):
    return PageRead(kept_page.read_text())


@pytest.fixture
def copy(tmp_path):
    """Results of one's own to change."""
    return shutil.copytree(KEPT, tmp_path / "mini")


@pytest.fixture
def read(tmp_path):
    """What a page of folders shows."""

    def of(*folders: Path) -> PageRead:
        file = tmp_path / "report.html"
        write_page(folders, file)
        return PageRead(file.read_text())

    return of

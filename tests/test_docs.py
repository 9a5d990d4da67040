"""The documentation: every page is in its menu, and what pages name is there."""

import csv
import os
import re
import shutil
import subprocess
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml
from kept_results import kept_rows

from rcn_bench.plan.products import product_classes

DOCS = Path("docs")
PAPER = (DOCS / "paper.md").read_text()
TUTORIALS = (DOCS / "tutorial.md", Path("README.md"))
READING = (DOCS / "reading.md").read_text()


def pages_of(menu):
    for entry in menu:
        for target in entry.values():
            yield from [target] if isinstance(target, str) else pages_of(target)


def test_the_menu_has_every_page_once():
    menu = list(pages_of(yaml.safe_load(Path("mkdocs.yml").read_text())["nav"]))
    assert sorted(menu) == sorted(page.relative_to(DOCS).as_posix() for page in DOCS.rglob("*.md"))


@pytest.mark.parametrize("page", [Path("README.md"), Path("CONTRIBUTING.md"), *sorted(DOCS.glob("*.md"))], ids=str)
def test_prose_is_read_without_scrolling(page):
    prose = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    lines = [line for line in prose.splitlines() if not line.startswith(("|", "#", " ", "<"))]
    assert [line for line in lines if len(line) > 100] == []


FUNCTIONS = sorted(set(re.findall(r"`(rcn_bench\.[\w.]+)`", PAPER)))


def test_the_paper_is_mapped_to_code():
    assert len(FUNCTIONS) >= 20


@pytest.mark.parametrize("name", FUNCTIONS)
def test_what_an_equation_leads_to_is_there(name):
    module, _, function = name.rpartition(".")
    assert callable(getattr(import_module(module), function))


def test_what_a_table_or_figure_leads_to_is_there_and_no_product_is_left_out():
    rows = re.findall(r"^\| .* \| `(\w+)` \| `([\w.]+)` \|$", PAPER, re.MULTILINE)
    assert dict(rows) == {name: ".".join(cls.section) for name, cls in product_classes().items()}
    assert len(rows) == len(dict(rows))


def columns():
    """Those of the kept tables, without the row's start that stands before the columns of w_hh."""
    for table in sorted(Path("results/reference").glob("*/tables/*.csv")):
        with table.open(newline="") as file:
            names = next(csv.reader(file))
        for name in names:
            yield table.stem, re.sub(r"^w_xh .*: | (low|high)$", "", name)


@pytest.mark.parametrize(("table", "column"), sorted(set(columns())))
def test_every_column_of_a_table_is_explained(table, column):
    explained = set(re.findall(r"`([^`]+)`", READING[READING.index("## Columns of the tables") :]))
    assert column in explained | {"w_xh", "w_hh"}


def test_the_tutorials_table_1_is_that_of_the_kept_results():
    shown = re.findall(r"^((?:random|stills)  .*)$", (DOCS / "tutorial.md").read_text(), re.MULTILINE)
    for line, row in zip(shown, kept_rows("mini/tables/table1_init.csv"), strict=True):
        accuracies = [f"{float(row[f'{kind} acc %']):.1f}" for kind in ("clip", "video")]
        assert [row["w_xh"], row["w_hh"], *accuracies] == [line.split()[at] for at in (0, 1, 2, 4)]


def test_the_tutorials_model_is_that_of_the_readme_which_is_run():
    blocks = [set(re.findall(r"```python\n# my_models.py\n.*?```", page.read_text(), re.DOTALL)) for page in TUTORIALS]
    assert blocks[0]
    assert blocks[0] == blocks[1]


def test_the_page_of_functions_names_what_is_there():
    blocks = re.findall(
        r"^::: ([\w.]+)(?:\n    options:\n      members: \[(.*)\])?", (DOCS / "api.md").read_text(), re.M
    )
    assert len(blocks) >= 15
    for module, members in blocks:
        for member in filter(None, members.split(", ")):
            assert getattr(import_module(module), member).__doc__, f"{module}.{member}"


@pytest.mark.slow
@pytest.mark.skipif(find_spec("mkdocs") is None, reason="mkdocs is not installed: pip install -e .[docs]")
def test_the_site_is_built_and_asks_no_network(tmp_path):
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path)]
    subprocess.run(command, check=True)
    built = list(tmp_path.rglob("*.html"))
    assert len(built) > 10
    for page in built:
        loaded = re.findall(r"<(?:script|img|iframe)[^>]* src=\"([^\"]+)|<link[^>]* href=\"([^\"]+)", page.read_text())
        assert not [address for pair in loaded for address in pair if re.match(r"(https?:)?//", address)], page


@pytest.mark.slow
@pytest.mark.skipif(find_spec("mkdocs") is None, reason="mkdocs is not installed: pip install -e .[docs]")
@pytest.mark.parametrize("link", ["nowhere.md", "reading.md#nowhere", "../nowhere.md"])
def test_a_link_that_leads_nowhere_stops_the_site(tmp_path, link):
    tracked = subprocess.run(["git", "ls-files"], check=True, capture_output=True, text=True).stdout
    for name in filter(os.path.exists, tracked.splitlines()):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(name, tmp_path / name)
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path / "site")]
    subprocess.run(command, check=True, cwd=tmp_path)
    page = tmp_path / "docs" / "index.md"
    page.write_text(f"{page.read_text()}\n[a link]({link})\n")
    assert subprocess.run(command, cwd=tmp_path, capture_output=True, check=False).returncode != 0

"""The page of results in a headless Chromium: it works by keys alone, on narrow screens, and asks for nothing."""

import json
import shutil
from pathlib import Path

import pytest
from browser import CHROMIUM, Browser

from rcn_bench.page.write import write_page

KEPT = Path("results/reference/mini")

pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here")]


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with Browser(tmp_path_factory.mktemp("profile")) as browser:
        yield browser


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """A page of two results."""
    folder = tmp_path_factory.mktemp("two")
    write_page([KEPT, shutil.copytree(KEPT, folder / "other")], folder / "report.html")
    return folder / "report.html"


def focus(browser, selector):
    browser.run(f"document.querySelector({json.dumps(selector)}).focus()")


@pytest.mark.parametrize("width", [1280, 400])
def test_it_asks_for_nothing_and_nothing_is_amiss(browser, two, width):
    browser.open(two, width)
    browser.run("document.querySelectorAll('[role=tab]').forEach((tab) => tab.click())")
    assert browser.said == []
    assert {address for address in browser.asked if not address.startswith("data:")} == {two.as_uri()}
    assert browser.run("document.documentElement.scrollWidth") <= width, "only tables may be wider than the screen"
    assert browser.run("[...document.images].every((image) => image.complete && image.naturalWidth > 0)")


def test_a_column_is_sorted_by_its_button(browser, kept_page):
    browser.open(kept_page)
    table = "#t0-table-table4_cost"
    title = f"{table} thead th:nth-child(6)"
    browser.run(f"document.querySelector('{title}').scrollIntoView()")
    values = f"[...document.querySelectorAll('{table} tbody td:nth-child(6)')].map((cell) => cell.dataset.order)"
    before = [float(value) for value in browser.run(values)]
    assert before != sorted(before)
    for order, way in (("ascending", 1), ("descending", -1)):
        focus(browser, f"{title} button")
        browser.press("Enter")
        assert browser.run(f"document.querySelector('{title}').ariaSort") == order
        assert [float(value) for value in browser.run(values)] == sorted(before)[::way]


def test_a_row_opens_its_runs_and_their_origins_by_keys_and_escape_closes_them(browser, kept_page):
    browser.open(kept_page)
    link = "#t0-table-table1_init tbody tr:nth-child(4) a.source"
    focus(browser, link)
    browser.press("Enter")
    assert browser.run("document.querySelector('dialog').open")
    assert browser.run("document.querySelector('dialog h2').textContent").endswith(": stills, identity")
    rows = "[...document.querySelectorAll('dialog .{} tbody tr')].map((row) => row.dataset.label)"
    runs = [f"rcn18-t8-xh_stills-hh_identity-s{seed}" for seed in range(5)]
    assert browser.run(rows.format("runs")) == runs
    assert browser.run("document.querySelectorAll('dialog .runs svg').length") == 5
    assert {f"runs/{run}/provenance.json" for run in runs} < set(browser.run(rows.format("records")))
    browser.press("Escape")
    assert not browser.run("document.querySelector('dialog').open")
    assert browser.run(f"document.activeElement === document.querySelector('{link}')")


def test_a_cell_that_is_clicked_says_its_whole_value(browser, kept_page):
    browser.open(kept_page)
    browser.run("document.querySelector('#t0-table-table1_init tbody tr:nth-child(2) td:nth-child(6)').click()")
    assert browser.run("document.querySelector('dialog .value').textContent") == "video acc %: 63.66666666666667"


def test_tabs_are_moved_between_by_arrows_and_a_link_shows_its_results(browser, two):
    browser.open(two)
    shown = "[...document.querySelectorAll('.tree')].filter((tree) => !tree.hidden).map((tree) => tree.id)"
    assert browser.run(shown) == ["beside"]
    focus(browser, "#tab-beside")
    for key, tree in (("ArrowRight", "t0"), ("ArrowRight", "t1"), ("ArrowRight", "beside"), ("End", "t1")):
        browser.press(key)
        assert browser.run(shown) == [tree]
        assert browser.run("document.activeElement.id") == f"tab-{tree}"
    browser.run("location.hash = 't0-part-runs'; new Promise((done) => setTimeout(done))")
    assert browser.run(shown) == ["t0"]


def test_all_of_it_is_printed(browser, two):
    browser.open(two)
    browser.send("Emulation.setEmulatedMedia", media="print")
    try:
        assert browser.run("[...document.querySelectorAll('.tree')].every((tree) => tree.checkVisibility())")
        assert not browser.run("document.querySelector('.tabs').checkVisibility()")
    finally:
        browser.send("Emulation.setEmulatedMedia", media="")

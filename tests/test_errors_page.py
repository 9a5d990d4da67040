"""Every row of docs/errors.md is met as a user meets it: one line that says what the page says."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from provokers import cache, command, config, exports, findings, lists, plugins, system, training, trust, videos  # noqa: F401
from provokers.user import PROVOKERS, SLOW, User, decode_here, finish, forgetting

PAGE = (Path(__file__).parents[1] / "docs" / "errors.md").read_text()


@dataclass(frozen=True)
class Row:
    """A row of one of the page's tables: name, what is said, what it means, what to do."""

    says: str
    means: str
    do: str

    @property
    def code(self) -> int:
        told = re.search(r"exit code (\d+)", self.means)
        return int(told[1]) if told else 2


def rows() -> Iterator[tuple[str, Row]]:
    for line in PAGE.splitlines():
        if found := re.fullmatch(r"\| ([a-z0-9 ]+) \| `` ?(.*?) ?`` \| (.*) \| (.*) \|", line):
            yield found[1], Row(*found.groups()[1:])


ROWS = dict(rows())
PLACEHOLDERS = set(re.findall(r"[A-Z]+", PAGE[PAGE.index("Words in capitals") : PAGE.index("stand for")]))


def test_no_row_stands_there_twice_or_was_overlooked():
    assert len(list(rows())) == len(ROWS) == len(re.findall(r"^\| [a-z].*``", PAGE, re.MULTILINE))
    assert len(ROWS) >= 60


def test_every_row_has_a_provoker_and_every_provoker_a_row():
    assert set(ROWS) == set(PROVOKERS)


def test_every_row_says_what_it_means_and_what_to_do():
    assert [name for name, row in ROWS.items() if not (row.means.strip() and row.do.strip())] == []


def pattern(says: str) -> str:
    """A regular expression of a line in which words in capitals stand for anything, "..." for more of the same."""
    parts = re.split(r"([A-Z]+|\.\.\.)", says)
    return "".join(".+" if part in PLACEHOLDERS or part == "..." else re.escape(part) for part in parts)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Makes the experiment that many rows start from, when the first one asks for it; they copy its folder."""
    made = []

    def once() -> Path:
        if not made:
            folder = tmp_path_factory.mktemp("finished")
            with pytest.MonkeyPatch.context() as monkeypatch:
                decode_here(monkeypatch)
                finish(folder)
            made.append(folder)
        return made[0]

    return once


@pytest.fixture
def user(tmp_path, monkeypatch, capsys, finished):
    monkeypatch.chdir(tmp_path)
    with forgetting(monkeypatch):
        decode_here(monkeypatch)
        yield User(tmp_path, monkeypatch, capsys, finished)


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] if name in SLOW else []) for name in ROWS]
)
def test_a_row_is_met(name, user):
    row, met = ROWS[name], PROVOKERS[name](user)
    assert met.code == row.code, met.stderr
    assert ("Traceback" in met.stderr) == ("traceback" in row.means), met.stderr
    *_, last = met.stderr.splitlines()
    assert last.startswith("rcn-bench") or "snakemake" in name, met.stderr
    found = re.sub(r"^rcn-bench[a-z -]*: (error: )?", "", last)
    assert re.fullmatch(pattern(row.says), found), f"{found}\nis not\n{row.says}"
    assert [part for part in met.names if part not in last] == []

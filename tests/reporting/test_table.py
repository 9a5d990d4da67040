"""The files of a table."""

import re

import pytest
from written import shown, written_table

from rcn_bench.errors import InputError
from rcn_bench.plan.run import Run
from rcn_bench.records.products import TableRecord
from rcn_bench.reporting.table import Table
from results import an_origin

RUNS = [Run("rcn18", 8, "random", "identity"), Run("i3d18", 8, "random")]
TABLES = [
    "table1_init",
    "table2_architectures",
    "table3_clip_length",
    "table4_cost",
    "table5_causality",
    "table6_memory",
]


@pytest.mark.parametrize("name", TABLES)
def test_latex_is_a_whole_table_with_escaped_names(experiment, name):
    _, _, latex = written_table(experiment, name)
    assert latex.startswith("\\begin{table}")
    assert latex.rstrip().endswith("\\end{table}")
    assert not re.search(r"(?<!\\)[%_]", latex.replace(f"tab:{name}", ""))


def test_the_record_tells_where_a_table_comes_from(tmp_path):
    origin = an_origin(stage="table")
    Table.of("A title", [{"model": "rcn18"}], ["a note"]).write(tmp_path / "mine", origin, RUNS)
    record = TableRecord.read(tmp_path / "mine.json")
    assert (record.name, record.title, record.notes) == ("mine", "A title", ["a note"])
    assert record.origin == origin
    assert record.runs == ["rcn18-t8-xh_random-hh_identity-s0", "i3d18-t8-xh_random-s0"]
    for path in (tmp_path / "mine.csv", tmp_path / "mine.md", tmp_path / "mine.tex"):
        content = path.read_bytes()
        assert record.content(path) == content
        path.write_bytes(content.replace(b"rcn18", b"rcn34"))
        with pytest.raises(InputError, match=rf"{path}: has changed since .*; run `rcn-bench table mine` again"):
            record.content(path)
        path.unlink()
        with pytest.raises(InputError, match=rf"{path}: not there; run `rcn-bench table mine` first"):
            record.content(path)
    with pytest.raises(InputError, match=r"mine.png: its record tells of no .png"):
        record.content(tmp_path / "mine.png")


def test_values_as_a_reader_sees_them():
    rows = [
        {"count": 1234567, "acc %": 12.345, "acc % low": 10.0, "acc % high": 14.04, "big": 123.456, "small": 0.12345},
        {"count": None, "acc %": None, "acc % low": None, "acc % high": None, "big": float("nan"), "small": 0.0},
    ]
    rows = [{name: value for name, value in row.items() if name != "acc %"} | {"true %": row["acc %"]} for row in rows]
    lines = Table.of("T", rows, []).markdown().splitlines()
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines if line.startswith("| ")]
    assert cells == [
        ["count", "acc %", "big", "small", "true %"],
        ["1,234,567", "10.0-14.0", "123.5", "0.123", "12.3"],
        ["n/a", "n/a", "n/a", "0", "n/a"],
    ]


def test_counts_in_which_no_rows_differ_are_shown_in_a_line():
    rows = [{"model": "rcn18", "videos": 1040, "seeds": None}, {"model": "i3d18", "videos": 1040, "seeds": "0"}]
    table = Table.of("T", rows, ["a note"])
    assert table.markdown().endswith("\n\n- Of each row: videos 1,040.\n- a note\n")
    assert r"\caption{T. Of each row: videos 1,040. a note}" in table.latex("t")
    for text in (table.markdown(), table.latex("t")):
        assert [list(row.values()) for row in shown(text)] == [["rcn18", "n/a"], ["i3d18", "0"]]


def test_runs_are_links_in_markdown_and_left_out_of_latex():
    table = Table.of("T", [{"model": "rcn18", "runs": "one two"}, {"model": "i3d18", "runs": ""}], ["100 % of a_b"])
    assert "[one](../runs/one/eval.json), [two](../runs/two/eval.json)" in table.markdown()
    assert table.markdown().endswith("\n- 100 % of a_b\n")
    latex = table.latex("t")
    assert "one" not in latex.replace("\\begin", "")
    assert r"100 \% of a\_b" in latex

"""The files of a table."""

import re
import shutil
import subprocess
from functools import cache
from pathlib import Path

import matplotlib
import pytest
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextPath
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
    needed, *lines = latex.splitlines()
    assert needed.startswith(r"% \usepackage{booktabs")
    text = "\n".join(lines)
    for kind in re.findall(r"\\begin{(\w+)}", text):
        assert text.count(rf"\begin{{{kind}}}") == text.count(rf"\end{{{kind}}}")
    assert not re.search(r"(?<!\\)[%_]", text.replace(f"tab:{name}", ""))
    assert not re.search(r"\\caption{[^}]*Table \d", text)


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
        ["1,234,567", "10.0-14.0", "123", "0.123", "12.3"],
        ["n/a", "n/a", "n/a", "0", "n/a"],
    ]


def test_counts_in_which_no_rows_differ_are_shown_in_a_line():
    rows = [{"model": "rcn18", "videos": 1040, "seeds": "0 1"}, {"model": "i3d18", "videos": 1040, "seeds": "0"}]
    table = Table.of("T", rows, ["a note"])
    assert table.markdown().endswith("\n\n- Of each row: 1,040 videos.\n- a note\n")
    assert r"Of each row: 1,040 videos. a note" in table.latex("t")
    for text in (table.markdown(), table.latex("t")):
        assert [list(row.values()) for row in shown(text)] == [["rcn18", "2"], ["i3d18", "1"]]


def test_numbers_stand_to_the_right():
    table = Table.of("T", [{"model": "a", "acc %": 1.0, "n": 3, "pool": True, "seeds": "0"}] * 2, [])
    assert table.markdown().splitlines()[3].split("|")[1:-1] == [":--------", "--------:", "----:", ":-------"]
    assert r"\begin{tabular}{lrrl}" in table.latex("t")
    assert "- Of each row: 1 seed.\n" in table.markdown()


def test_yes_no_and_why_not():
    rows = [{"model": "a", "pool": True, "gain": 1.0}, {"model": "b", "pool": None, "gain": None}]
    table = Table.of("T", rows, [], why={"pool": "no such choice", "gain": "no such choice", "other": "not there"})
    assert [row["pool"] for row in shown(table.markdown())] == ["yes", "n/a"]
    assert table.notes == ["n/a for pool and gain: no such choice."]


def test_columns_without_any_value_are_named_and_not_shown():
    rows = [{"model": "a", "x": None, "y low": None, "y high": None}, {"model": "b", "x": None, "y low": None}]
    table = Table.of("T", rows, [], why={"y": "too few videos"})
    assert [list(row) for row in shown(table.markdown())] == [["model"], ["model"]]
    assert table.markdown().endswith("- Of no row: x.\n- n/a for y: too few videos.\n")
    assert table.csv() == "model,x,y low,y high\na,,,\nb,,,\n"


def test_a_number_with_its_spread_is_one_cell():
    rows = [{"model": "a", "clips/s": 12.0, "clips/s spread %": 3.2}, {"model": "b", "clips/s": 2.0}]
    table = Table.of("T", rows, [])
    assert [row["clips/s"] for row in shown(table.markdown())] == ["12.00 \N{PLUS-MINUS SIGN}3%", "2.00"]
    assert r"12.00 $\pm$\,3\%" in table.latex("t")


# LaTeX


@cache
def points(text, size):
    """Its width in Computer Modern, which matplotlib has; letters of smaller sizes are wider than in proportion."""
    plain = re.sub(r"\\\w+|[\\${}]", "", text)
    font = FontProperties(fname=f"{matplotlib.get_data_path()}/fonts/ttf/cmr10.ttf")
    scale = {"small": 9.25, "footnotesize": 8.5, "scriptsize": 7.97}[size]
    return TextPath((0, 0), plain, size=scale, prop=font).get_extents().width if plain else 0


def width_of(latex):
    """Of the rows of a table in points, and that of the page that it lies on."""
    size = re.search(r"\\(small|footnotesize|scriptsize)\\", latex)[1]
    places = re.findall(r"p{\d+pt}|[lr]", re.search(r"\\begin{(?:tabular|longtable)}{(.*)}\n", latex)[1])
    rows = [line.partition(r"\tabularnewline")[0].removesuffix(r"\\") for line in latex.splitlines() if " & " in line]
    columns = zip(*(re.split(r"(?<!\\)&", row) for row in rows), strict=True)
    total = 0
    for place, cells in zip(places, columns, strict=True):
        shown = [re.sub(r"\\shortstack\[.\]|\\rule{0pt}{2ex}", "", cell) for cell in cells]
        lines = [part for cell in shown for part in cell.split(r"\\")]
        wide = max(points(line.strip(), size) for line in lines)
        total += 6 + (float(place[2:-3]) if place.startswith("p") else wide)
    return total, 550 if "landscape" in latex else 345


@pytest.mark.parametrize("name", TABLES)
def test_latex_is_no_wider_than_a_page(experiment, name):
    width, page = width_of(written_table(experiment, name)[2])
    assert width <= page


def test_latex_wraps_long_texts_and_goes_on_on_the_next_page():
    rows = [{"claim": "some long words " * 9, "p": 0.1, "note": "and as many others " * 6}] * 40
    latex = Table.of("T", rows, []).latex("t")
    width, page = width_of(latex)
    assert width <= page == 345
    assert latex.count(r"\begin{longtable}{p{") == 1
    assert r"% \usepackage{booktabs,longtable}" in latex


def test_latex_lies_on_its_side_where_it_is_too_wide_to_stand():
    latex = Table.of("T", [{f"a_column_{number}": 123456.0 for number in range(9)}] * 3, []).latex("t")
    width, page = width_of(latex)
    assert width <= page == 550
    assert r"% \usepackage{booktabs,pdflscape}" in latex


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="there is no LaTeX here")
@pytest.mark.parametrize("file", sorted(Path("results/reference").glob("[ms]*/tables/*.tex")), ids=str)
def test_latex_takes_the_kept_tables_and_nothing_is_wider_than_its_page(file, tmp_path):
    packages, _, table = file.read_text().partition("\n")
    article = [r"\documentclass{article}", packages.removeprefix("% "), r"\begin{document}", table, r"\end{document}"]
    (tmp_path / "article.tex").write_text("\n".join(article))
    done = subprocess.run(["pdflatex", "-halt-on-error", "article"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-1000:]
    assert "Overfull" not in done.stdout


def test_runs_are_links_in_markdown_and_left_out_of_latex():
    table = Table.of("T", [{"model": "rcn18", "runs": "one two"}, {"model": "i3d18", "runs": ""}], ["100 % of a_b"])
    assert "[one](../runs/one/eval.json), [two](../runs/two/eval.json)" in table.markdown()
    assert table.markdown().endswith("\n- 100 % of a_b\n")
    latex = table.latex("t")
    assert "one" not in latex.replace("\\begin", "")
    assert r"100 \% of a\_b" in latex

"""What a reader sees of a written table or figure."""

import csv
import re
from io import StringIO

import pandas as pd

from rcn_bench.plan.products import find_product
from rcn_bench.reporting.style import house_style
from rcn_bench.reporting.write import build, write_product


def written_table(experiment, name):
    """Its rows of plain numbers, its Markdown, its LaTeX."""
    write_product(experiment, "table", name)
    path = experiment.paths.table(name)
    with path.with_suffix(".csv").open() as file:
        return list(csv.DictReader(file)), path.with_suffix(".md").read_text(), path.with_suffix(".tex").read_text()


def shown(text):
    """The rows that a reader of the Markdown or the LaTeX sees, by column."""
    lines = [line[1:-1] for line in text.splitlines() if line.startswith("| ")]
    lines = lines or [of_latex(line) for line in text.splitlines() if " & " in line]
    columns, *rows = ([cell.strip() for cell in re.split(r"[|&]", line)] for line in lines)
    return [dict(zip(columns, row, strict=True)) for row in rows]


def of_latex(line):
    """A row without what LaTeX is told of how to set it."""
    line = line.partition(r"\tabularnewline")[0].removesuffix(r"\\").replace(r"\raggedright ", "")
    line = re.sub(r"\\parbox\[b\]\{\d+pt\}\{\\strut (.*?)\\strut\}", r"\1", line.replace(r"\rule{0pt}{2ex}", ""))
    line = re.sub(r"\\shortstack\[.\]\{(.*?[^\\])\}", r"\1", line).replace("/\\\\", "/").replace(r"\\", " ")
    line = line.replace("$-$", "-").replace(r"$\pm$\,", "\N{PLUS-MINUS SIGN}").replace("\\", "")
    return re.sub(r"(?<=\d)--(?=\d)", "-", line)


def drawn_figure(experiment, name, **how):
    """The numbers behind it, read as pandas is told ``how``.

    It is drawn, and not written in every form, which test_style.py has for one.
    """
    with house_style():
        made = build(find_product(experiment, name, "figure"))
        made.figure.draw_without_rendering()
    return pd.read_csv(StringIO(made.csv()), **how)

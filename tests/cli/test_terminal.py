"""Tables as a terminal shows them, and those that are printed in part."""

import pytest

from rcn_bench.cli.terminal import fitted
from rcn_bench.reporting.table import Table

ROWS = [
    {"model": "rcn18", "pool": True, "parameters": 12774352, "training clips/s": 26.2, "note": "long words " * 8},
    {"model": "rcn18", "pool": False, "parameters": 12774352, "training clips/s": 12.7, "note": "a|b"},
]


def lines(width, rows=ROWS, notes=("a note that is long enough to be wrapped at forty characters",)):
    return list(fitted(Table.of("A title", rows, notes).markdown(), width))


@pytest.mark.parametrize("width", [40, 60, 100, 200])
def test_no_line_is_wider_than_the_terminal(width):
    assert max(map(len, lines(width))) <= width


def test_a_table_that_fits_stands_side_by_side_with_its_numbers_to_the_right():
    assert lines(60, [{key: row[key] for key in list(row)[:4]} for row in ROWS], ())[2:-2] == [
        "                         training",
        "model  pool  parameters   clips/s",
        "-----  ----  ----------  --------",
        "rcn18  yes   12,774,352      26.2",
        "rcn18  no    12,774,352      12.7",
    ]


def test_long_texts_wrap_and_pipes_stay():
    shown = lines(70)
    assert len([line for line in shown if "long words" in line]) > 2
    assert any(line.endswith("a|b") for line in shown)


def test_a_table_that_is_too_wide_comes_in_parts_each_with_what_tells_its_rows_apart():
    rows = [{"model": model, **{f"value_{number}": 1234.5 for number in range(6)}} for model in ("a", "b")]
    shown = lines(40, rows, ())
    assert [line.split() for line in shown if line.startswith("model")] == [
        ["model", "value_0", "value_1", "value_2"],
        ["model", "value_3", "value_4", "value_5"],
    ]


def test_a_table_in_part_is_printed_and_not_written(output, assert_refused, mini, tmp_path):
    from table_results import write_results

    from rcn_bench.plan.config import load_experiment

    experiment = load_experiment([mini], tmp_path)
    write_results(experiment)
    missing = experiment.paths.profile("i3d18")
    missing.unlink()
    arguments = ("table", "table4_cost", "--config", mini, "--results", tmp_path)
    told = output(*arguments, "--partial")
    assert "rcn18" in told
    assert f"missing: {missing}: not there; run `rcn-bench profile i3d18` first" in told
    assert not experiment.paths.table("table4_cost").with_suffix(".md").exists()
    assert_refused(arguments, missing)

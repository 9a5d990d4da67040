"""Rows of a CSV as columns of a page."""

from rcn_bench.page.cells import column, columns_of
from rcn_bench.page.grid import without_constants


def texts(values, name="value"):
    return [cell.text for cell in column(name, values).cells]


def test_numbers_of_a_column_have_one_count_of_decimals():
    assert texts(["4.2676", "40.6917", "15.2"]) == ["4.27", "40.69", "15.20"]
    assert texts(["0.16", "1234.5678"]) == ["0.160", "1,234.568"]
    assert texts(["12774352", "8"]) == ["12,774,352", "8"]
    assert texts(["52.583333", "9.96"], "video acc %") == ["52.6", "10.0"]


def test_a_zero_is_shown_as_exact_and_nothing_else_as_one():
    assert texts(["0.0", "1.68", "0.00001"]) == ["0", "1.68", "1e-05"]
    assert texts(["0.01", "60.0"], "share %") == ["0.01", "60.0"]
    assert texts(["0.0", "0.0"]) == ["0", "0"]


def test_what_is_missing_is_said_and_has_no_place_in_the_order():
    found = column("value", ["1.5", "", "2.5"])
    assert [cell.text for cell in found.cells] == ["1.50", "n/a", "2.50"]
    assert [cell.order for cell in found.cells] == ["1.5", "", "2.5"]
    assert found.numeric


def test_texts_that_look_like_numbers_to_python_alone_stay_texts():
    for value in ("nan", "inf", "1_000", " 1", "0x1"):
        assert texts([value, "2"]) == [value, "2"]
        assert not column("value", [value, "2"]).numeric


def test_truth_is_yes_or_no():
    assert texts(["True", "False", ""]) == ["yes", "no", "n/a"]


def test_the_ends_of_an_interval_stand_in_one_column_and_runs_in_none():
    row = {"acc %": "50.0", "acc interval low": "40.04", "acc interval high": "60.0", "runs": "a b", "so low": "1"}
    found = {each.name: each.cells[0].text for each in columns_of([row])}
    assert found == {"acc %": "50.0", "acc interval": "40.0 to 60.0", "so low": "1"}
    assert [each.name for each in columns_of([])] == []


def test_columns_in_which_no_rows_differ_become_a_note():
    rows = [{"model": name, "videos": "240", "error": "", "acc": "1"} for name in "ab"]
    columns, notes = without_constants(columns_of(rows))
    assert [each.name for each in columns] == ["model"]
    assert notes == ["Of each row: videos: 240; acc: 1.", "Not available for any row: error."]
    first, _ = without_constants(columns_of([{"model": "a", "frames": frames} for frames in "12"] * 2))
    assert [each.name for each in first] == ["model", "frames"]
    alone = columns_of(rows[:1])
    assert without_constants(alone) == (alone, [])

"""The counts of an overlap, as a record holds them and as a reader is told of them."""

import re
from dataclasses import replace

import pytest

from rcn_bench.errors import InputError
from rcn_bench.records.overlap import Overlap, Some, overlap_notes
from rcn_bench.records.runs import Evaluation
from results import APART, an_evaluation


def test_nothing_is_told_of_splits_that_are_apart():
    assert overlap_notes(APART) == []


def test_it_is_told_that_there_was_nothing_to_compare():
    (note,) = overlap_notes(None)
    assert note.startswith("Not compared with the training videos")


def test_every_count_that_is_not_zero_is_told_in_a_note():
    some = Some(1234, 5678, "an example")
    overlap = Overlap(some, some, some, some, {"jump": 2, "a\nb": 1, "\udcff": 1})
    notes = overlap_notes(overlap)
    assert [note for note in notes[:4] if re.match("1,234 of 5,678 .*an example first", note)] == notes[:4]
    assert notes[4].startswith("4 of 5,678 validation videos cannot be right")
    assert notes[4].endswith(r"(3): jump, a\nb, \udcff.")
    assert all(note.isprintable() for note in notes)


@pytest.mark.parametrize("overlap", [None, APART, replace(APART, untrained={"jump": 2})])
def test_a_record_holds_it(tmp_path, overlap):
    an_evaluation(overlap=overlap).write(tmp_path / "eval.json")
    assert Evaluation.read(tmp_path / "eval.json").overlap == overlap


def test_more_than_there_are_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"overlap\.trained_on: count: 5 is more than there are, 4"):
        an_evaluation(overlap=replace(APART, trained_on=Some(5, 4, "a"))).write(tmp_path / "eval.json")

"""Models from the command line, trained or not."""

import pytest


def test_unknown_model_is_named_with_a_suggestion(assert_refused):
    assert_refused(("certify", "rcn19"), "'rcn19'", "did you mean rcn1")


@pytest.mark.parametrize("model", ["rcn19", "rcn101"])
def test_model_that_no_table_shows_is_not_profiled(assert_refused, tmp_path, mini, model):
    arguments = ("profile", model, "--config", mini, "--results", tmp_path)
    assert_refused(arguments, model, "tables.table4.models")
    assert not any(tmp_path.iterdir())


def test_models_are_listed_by_pattern(output):
    assert output("models", "rcn*").split() == ["rcn101", "rcn18", "rcn34", "rcn50"]


def test_models_are_certified_a_line_each(output):
    rcn, i3d = output("certify", "rcn18", "i3d18", "--frames", "4").splitlines()
    assert rcn == "rcn18: causal; sees 3 earlier and 0 later frames of 4; 4 outputs in time"
    assert i3d.startswith("i3d18: NOT causal")


def test_model_that_needs_longer_clips_is_not_certified(assert_refused):
    assert_refused(("certify", "s3d", "--frames", "4"), "s3d", "5 frames or more", "got 4")

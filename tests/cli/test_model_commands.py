"""Models from the command line, trained or not."""

import json
from dataclasses import asdict

import pytest

from rcn_bench.code import find_models
from rcn_bench.models import list_models, specification


def test_unknown_model_is_named_with_a_suggestion(assert_refused):
    assert_refused(("certify", "rcn19"), "'rcn19'", "did you mean rcn1")


@pytest.mark.parametrize("model", ["rcn19", "rcn101"])
def test_model_that_no_table_shows_is_not_profiled(assert_refused, tmp_path, mini, model):
    arguments = ("profile", model, "--config", mini, "--results", tmp_path)
    assert_refused(arguments, model, "tables.table4.models")
    assert not any(tmp_path.iterdir())


def test_models_are_listed_by_pattern_with_what_they_state(output):
    title, *lines = output("models", "rcn*").splitlines()
    assert title.split() == ["model", "parameters", "GMACs", "of", "a", "clip", "causal"]
    assert [line.split()[0] for line in lines] == [*("rcn101", "rcn18", "rcn18_gru", "rcn18_lstm", "rcn34", "rcn50")]
    assert lines[1].split() == ["rcn18", "12,774,352", "4.27", "8x112x112", "yes"]


def test_a_pattern_that_fits_no_model_is_refused(assert_refused):
    assert_refused(("models", "rnc*"), "'rnc*'", "`rcn-bench models`")


def test_what_is_listed_without_importing_models_is_what_their_specifications_are(output):
    """The tests of models recompute the figures of every specification."""
    listed = json.loads(output("models", "--json"))
    stated = {name: asdict(specification(name)) for name in listed}
    assert listed == json.loads(json.dumps(stated))
    assert set(listed) == {name for name in list_models() if name in find_models()}


OWN_MODELS = """
from rcn_bench import models
from rcn_bench.models import Specification

raise RuntimeError("a model is listed without running its module")

ALL = Specification(1, 0.5, (8, 112, 112), causal=True)

@models.register(specification=models.Specification(7, 0.25, (4, 32, 32), False, shortest_clip=2))
def stated(num_classes): ...

@models.register
def silent(num_classes): ...

@models.register(specification=ALL)
def by_name(num_classes): ...

@models.register(specification=Specification(1, 2, (8, 112, 112), True, 1, 1, 1))
def too_much(num_classes): ...

@models.register(specification=Specification("1", 2, (8, 112, 112), True))
def a_text(num_classes): ...

@models.register(specification=Specification(1, {[]: 2}, 8, True))
def odd(num_classes): ...
"""


def test_models_of_plugins_are_listed_with_what_can_be_read_of_them(output, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own_models.py").write_text(OWN_MODELS)
    listed = json.loads(output("models", "--plugin", "own_models", "--json"))
    assert listed["stated"]["parameters"] == 7
    assert (listed["stated"]["causal"], listed["stated"]["shortest_clip"]) == (False, 2)
    assert [listed[name] for name in ("silent", "by_name", "too_much", "a_text", "odd")] == [None] * 5
    assert listed["rcn18"]["causal"] is True
    assert output("models", "silent", "--plugin", "own_models").splitlines()[1] == "silent  it states no figures"


@pytest.mark.slow
def test_models_are_certified_a_line_each(output):
    rcn, i3d = output("certify", "rcn18", "i3d18", "--frames", "4").splitlines()
    assert rcn == "rcn18: causal; sees 3 earlier and 0 later frames of 4; 4 outputs in time"
    assert i3d.startswith("i3d18: NOT causal")


def test_model_that_needs_longer_clips_is_not_certified(assert_refused):
    assert_refused(("certify", "s3d", "--frames", "4"), "s3d", "5 frames or more", "got 4")

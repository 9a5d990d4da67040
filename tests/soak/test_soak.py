"""The soak with a few kills; `python tests/soak/soak.py FOLDER` sends as many as there is time for."""

import random

import pytest
import soak


@pytest.mark.soak
def test_a_workflow_that_is_killed_ends_with_what_an_undisturbed_one_ends_with(tmp_path, capsys):
    assert soak.main([str(tmp_path / "soak"), "--kills", "3", "--seed", "0"]) == 0, capsys.readouterr().out


def test_every_kind_of_place_is_planned_before_one_comes_again():
    kills = soak.plan(2 * len(soak.PLACES), random.Random(0))
    for half in (kills[: len(soak.PLACES)], kills[len(soak.PLACES) :]):
        assert {(kill.stage, kill.victim) for kill in half} == set(soak.PLACES)
    assert {kill.signal for kill in kills} == set(soak.SIGNALS)

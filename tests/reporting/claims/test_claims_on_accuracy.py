"""The claims on accuracy and on the speed of training, on records that support, contradict or leave them open."""

import numpy as np
import pytest
import scipy.stats
from changes import MISSING
from claim_results import (
    I3D,
    LONGER,
    R2P1D,
    ROWS,
    claims_experiment,
    found,
    runs_of,
    write_accuracies,
    write_lifetimes,
    write_speeds,
)
from hypothesis import given
from hypothesis import strategies as st

from rcn_bench.errors import InputError
from rcn_bench.intervals import holm
from rcn_bench.records.runs import Epoch
from rcn_bench.reporting.claims.speed import share_until
from results import an_example

NO_PRETRAINING = {
    "pretrained": MISSING,
    "pretrain": MISSING,
    **{f"models.{model}.w_xh": ["random"] for model in ("c2d18", "rcn18", "i3d18", "rcn34")},
}
WITHOUT_TABLE2 = {"tables.table2": MISSING}
RCN = ROWS[1], ROWS[3]


def of(starts, *shares):
    return dict(zip(starts, shares, strict=True))


VERDICTS = [
    ("init-identity", of(ROWS, 0.2, 0.2, 0.2, 0.8), "supported"),
    ("init-identity", of(ROWS, 0.2, 0.2, 0.8, 0.2), "contradicted"),
    ("init-identity", of(ROWS, 0.5, 0.5, 0.5, 0.5), "undecided"),
    ("init-imagenet", of(ROWS, 0.2, 0.2, 0.9, 0.8), "supported"),
    ("init-imagenet", of(ROWS, 0.2, 0.8, 0.2, 0.2), "contradicted"),
    ("init-imagenet", of(ROWS, 0.2, 0.5, 0.2, 0.5), "undecided"),
    ("init-best", of(ROWS, 0.2, 0.3, 0.2, 0.9), "supported"),
    ("init-best", of(ROWS, 0.9, 0.3, 0.2, 0.5), "contradicted"),
    ("init-best", of(ROWS, 0.2, 0.2, 0.9, 0.9), "undecided"),
    ("init-jump", of(ROWS, 0.2, 0.2, 0.2, 0.9), "supported"),
    ("init-jump", of(ROWS, 0.1, 0.5, 0.9, 0.95), "contradicted"),
    ("init-jump", of(ROWS, 0.2, 0.5, 0.5, 0.8), "undecided"),
    ("r2p1d-random", of((R2P1D, RCN[0]), 0.9, 0.3), "supported"),
    ("r2p1d-random", of((R2P1D, RCN[0]), 0.3, 0.9), "contradicted"),
    ("r2p1d-random", of((R2P1D, RCN[0]), 0.5, 0.5), "undecided"),
    ("rcn-recovers", of((R2P1D, RCN[1]), 0.3, 0.9), "supported"),
    ("rcn-recovers", of((R2P1D, RCN[1]), 0.9, 0.3), "contradicted"),
    ("rcn-recovers", of((R2P1D, RCN[1]), 0.5, 0.5), "undecided"),
    ("imagenet-gain", of((*I3D, *RCN), 0.3, 0.9, 0.3, 0.9), "supported"),
    ("imagenet-gain", of((*I3D, *RCN), 0.3, 0.9, 0.9, 0.3), "contradicted"),
    ("imagenet-gain", of((*I3D, *RCN), 0.3, 0.9, 0.5, 0.5), "undecided"),
    ("clip-length", of((RCN[1], LONGER), 0.3, 0.9), "undecided"),  # in one way alone
]


@pytest.mark.parametrize(
    ("claim", "shares", "verdict"),
    [pytest.param(*each, marks=[] if each[2] == "supported" else pytest.mark.slow) for each in VERDICTS],
)
def test_a_claim_on_accuracy_is_decided_by_its_rule(tmp_path, claim, shares, verdict):
    experiment = claims_experiment(tmp_path)
    write_accuracies(experiment, shares)
    finding = found(experiment, claim)
    assert finding.verdict == verdict, finding
    assert {run.name for run in finding.runs} == {run.name for start in shares for run in runs_of(experiment, start)}
    low, high = finding.effect.interval
    assert low < finding.effect.value < high
    assert finding.data.endswith("60 videos")


EQUAL = LONGER.replace("rcn18", "rcn18+t8_batch")  # its clips of 8 frames are rcn18's own


@pytest.mark.parametrize(
    ("shares", "verdict"),
    [
        ((0.3, 0.9, 0.9), "supported"),
        ((0.6, 0.9, 0.3), "contradicted"),
        ((0.5, 0.9, 0.5), "undecided"),
        ((0.5, 0.5, 0.9), "undecided"),
    ],
)
def test_longer_clips_are_decided_where_equal_updates_were_run_too(tmp_path, shares, verdict):
    batches = {"models.rcn18+t8_batch": {"w_xh": ["stills"], "w_hh": ["identity"]}}
    experiment = claims_experiment(tmp_path, batches | {"tables.table3.models": ["rcn18", "rcn18+t8_batch"]})
    write_accuracies(experiment, of((RCN[1], LONGER, EQUAL), *shares))
    assert found(experiment, "clip-length").verdict == verdict


# The lifetime of a state


@pytest.mark.parametrize(
    ("losses", "verdict"),
    [
        ({"rcn18": 0.9, "i3d18": 0.0, "c2d18": 0.0}, "supported"),
        ({"rcn18": 0.9, "i3d18": 0.9, "c2d18": 0.0}, "undecided"),  # the control loses as much
        ({"rcn18": 0.1, "i3d18": 0.9, "c2d18": 0.0}, "undecided"),
        ({"rcn18": -1.0, "i3d18": 0.0, "c2d18": 0.0}, "contradicted"),  # it gains
    ],
)
def test_a_state_must_lose_with_age_and_lose_more_than_controls(tmp_path, losses, verdict):
    experiment = claims_experiment(tmp_path)
    write_lifetimes(experiment, losses)
    finding = found(experiment, "state-lifetime")
    assert finding.verdict == verdict, finding
    assert finding.data == "12 trainings, 60 long videos"


def test_a_length_without_controls_is_left_out_and_named(tmp_path):
    experiment = claims_experiment(tmp_path, {"figures.lifetime": {"rcn18": [8, 16], "i3d18": [8, 16], "c2d18": [8]}})
    write_lifetimes(experiment, {"rcn18": 0.9, "i3d18": 0.0, "c2d18": 0.0})
    write_lifetimes(experiment, {"rcn18": 0.9, "i3d18": 0.0}, frames=16)
    finding = found(experiment, "state-lifetime")
    assert finding.verdict == "supported"
    assert finding.data == "12 trainings, 60 long videos; no c2d18 at 16 frames to compare with"
    assert {run.frames for run in finding.runs} == {8}


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"figures.lifetime": MISSING}, "figures.lifetime is not in this config"),
        ({"figures.lifetime": {"i3d18": [8]}}, "figures.lifetime shows no rcn18"),
        (
            {"figures.lifetime": {"rcn18": [8], "c2d18": [16]}},
            "figures.lifetime shows no i3d18 at 8 frames, c2d18 at 8",
        ),
    ],
)
def test_without_controls_or_a_figure_lifetime_is_not_tested(tmp_path, changes, told):
    finding = found(claims_experiment(tmp_path, changes), "state-lifetime")
    assert finding.verdict == "not tested"
    assert finding.note.startswith(told)


def test_with_three_seeds_lifetime_is_undecided(tmp_path):
    experiment = claims_experiment(tmp_path, {"seeds": [0, 1, 2]})
    write_lifetimes(experiment, {"rcn18": 0.9, "i3d18": 0.0, "c2d18": 0.0})
    assert found(experiment, "state-lifetime").verdict == "undecided"


# What is not there


@pytest.mark.parametrize(
    ("claim", "changes", "told"),
    [
        ("init-identity", NO_PRETRAINING, "Table 1 has no rows from pretrained w_xh"),
        ("init-jump", NO_PRETRAINING, "Table 1 has no rows from pretrained w_xh"),
        ("init-best", {"tables.table1": MISSING}, "tables.table1 is not in this config"),
        ("r2p1d-random", WITHOUT_TABLE2, "tables.table2 is not in this config"),
        ("r2p1d-random", {"tables.table2.models": ["rcn18"]}, f"no table shows the accuracy of {R2P1D}"),
        ("rcn-recovers", NO_PRETRAINING, "no run starts from pretrained weights"),
        ("imagenet-gain", {"tables.table2.models": ["rcn18"]}, f"no table shows the accuracy of {I3D[1]}, {I3D[0]}"),
        ("imagenet-speed", WITHOUT_TABLE2, "tables.table2 is not in this config"),
        ("clip-length", {"tables.table3": MISSING}, "tables.table3 shows no model at two clip lengths"),
        ("clip-length", {"tables.table3.frames": [8]}, "tables.table3 shows no model at two clip lengths"),
    ],
)
def test_what_a_config_does_not_show_is_named_and_not_tested(tmp_path, claim, changes, told):
    finding = found(claims_experiment(tmp_path, changes), claim)
    assert (finding.verdict, finding.effect) == ("not tested", None)
    assert finding.note.startswith(told)


@pytest.mark.parametrize("claim", ["init-identity", "init-best", "init-jump"])
def test_with_three_seeds_a_claim_on_accuracy_is_undecided_whatever_its_interval(tmp_path, claim):
    experiment = claims_experiment(tmp_path, {"seeds": [0, 1, 2]})
    write_accuracies(experiment, of(ROWS, 0.2, 0.2, 0.2, 0.9))
    finding = found(experiment, claim)
    assert finding.verdict == "undecided"
    assert finding.effect.interval[0] > 0
    assert "3 trainings of a row, where 4 are needed" in finding.note


def test_a_records_absence_is_an_error_where_the_config_shows_its_run(tmp_path):
    experiment = claims_experiment(tmp_path)
    write_accuracies(experiment, of(ROWS, 0.2, 0.2, 0.2, 0.9))
    experiment.paths.evaluation(runs_of(experiment, ROWS[2])[1]).unlink()
    with pytest.raises(
        InputError, match=r"eval\.json: not there; run `rcn-bench evaluate rcn18-t8-xh_stills-hh_random-s1`"
    ):
        found(experiment, "init-identity")


def test_a_record_of_other_settings_is_an_error(tmp_path):
    write_accuracies(claims_experiment(tmp_path), of(ROWS, 0.2, 0.2, 0.2, 0.9))
    with pytest.raises(InputError, match=r"made with other settings: train\.lr was 0\.02, is 0\.5"):
        found(claims_experiment(tmp_path, {"train.lr": 0.5}), "init-identity")


def test_p_is_holms_of_the_six_pairs_of_table_1(tmp_path):
    experiment = claims_experiment(tmp_path)
    write_accuracies(experiment, of(ROWS, 0.3, 0.4, 0.45, 0.55))
    found_p = {claim: found(experiment, claim).effect.p for claim in ("init-identity", "init-imagenet")}
    from rcn_bench.plan.products import products_of
    from rcn_bench.reporting.claims.evidence import Evidence

    evidence = Evidence(products_of(experiment)["claims"])
    pairs = [(ROWS[high], ROWS[low]) for high in range(4) for low in range(high)]
    parts, _, _ = evidence.compared({f"{high} {low}": {high: 1, low: -1} for high, low in pairs})
    expected = dict(zip(pairs, holm([part.effect.p for part in parts]), strict=True))
    assert found_p == {
        "init-identity": pytest.approx(expected[ROWS[3], ROWS[2]]),
        "init-imagenet": pytest.approx(expected[ROWS[3], ROWS[1]]),
    }


def test_the_effect_of_init_jump_is_the_jump_less_the_spread_of_the_others(tmp_path):
    experiment = claims_experiment(tmp_path)
    write_accuracies(experiment, of(ROWS, 0.2, 0.3, 0.25, 0.9))
    assert found(experiment, "init-jump").effect.value == pytest.approx(100 * ((0.9 - 0.3) - (0.3 - 0.2)), abs=1e-9)


def test_the_difference_on_training_clips_stands_beside(tmp_path):
    experiment = claims_experiment(tmp_path)
    write_accuracies(experiment, of(ROWS, 0.5, 0.5, 0.5, 0.5), **{ROWS[2]: [0.1, 0.4], ROWS[3]: [0.2, 0.75]})
    assert found(experiment, "init-identity").on_training == pytest.approx(35)


# The speed of training

SLOW, QUICK = [0.2, 0.3, 0.5, 0.6], [0.5, 0.6, 0.6, 0.6]
STARTS = (*I3D, *RCN)


@pytest.mark.parametrize(
    ("epochs", "verdict"),
    [
        ((SLOW, QUICK, SLOW, QUICK), "supported"),
        ((SLOW, QUICK, QUICK, SLOW), "contradicted"),
        ((SLOW, QUICK, SLOW, SLOW), "undecided"),
    ],
)
def test_the_claim_on_speed_is_decided_by_when_an_accuracy_is_reached(tmp_path, epochs, verdict):
    experiment = claims_experiment(tmp_path)
    write_speeds(experiment, of(STARTS, *epochs))
    finding = found(experiment, "imagenet-speed")
    assert finding.verdict == verdict, finding
    assert finding.data == "16 trainings"


def test_the_claim_on_speed_is_welchs_t_over_seeds(tmp_path):
    experiment = claims_experiment(tmp_path)
    write_speeds(experiment, of(STARTS, SLOW, QUICK, SLOW, QUICK))
    chance, target = 1 / 3, 0.54  # of three classes
    reached = [
        [share_until(epochs_of([*(each + 0.01 * seed for each in others), last]), target, chance) for seed in range(4)]
        for *others, last in (QUICK, SLOW)
    ]
    expected = scipy.stats.ttest_ind(*reached, equal_var=False)
    effect = found(experiment, "imagenet-speed").effect
    assert effect.value == pytest.approx(100 * (np.mean(reached[0]) - np.mean(reached[1])))
    assert effect.p == pytest.approx(expected.pvalue)


def test_with_three_seeds_speed_is_undecided(tmp_path):
    experiment = claims_experiment(tmp_path, {"seeds": [0, 1, 2]})
    write_speeds(experiment, of(STARTS, SLOW, QUICK, SLOW, QUICK))
    assert found(experiment, "imagenet-speed").verdict == "undecided"


def epochs_of(accuracies):
    return [an_example(Epoch, accuracy=each) for each in accuracies]


@pytest.mark.parametrize(
    ("accuracies", "target", "share"),
    [
        ([0.5, 1.0], 0.5, 0.25),  # at the middle of the first of two epochs
        ([0.5, 1.0], 0.75, 0.5),  # half way between the two
        ([0.5, 1.0], 0.25, 0.25 * 0.15 / 0.4),  # between chance at the start and the first
        ([0.9, 0.2, 0.9], 0.5, 1 / 6 * 0.4 / 0.8),  # when it is reached first
        ([0.5], 0.05, 0),  # chance is enough
    ],
)
def test_straight_lines_lie_between_chance_and_the_middles_of_epochs(accuracies, target, share):
    assert share_until(epochs_of(accuracies), target, chance=0.1) == pytest.approx(share)


@given(st.lists(st.floats(0.1, 1), min_size=1, max_size=8), st.floats(0.01, 1))
def test_at_a_share_until_the_curve_is_at_the_target_and_was_below_before(accuracies, part):
    target = part * accuracies[-1]
    times = [0, *((number + 0.5) / len(accuracies) for number in range(len(accuracies)))]
    share = share_until(epochs_of(accuracies), target, chance=0.1)
    before = np.interp(np.linspace(0, share, 100)[:-1], times, [0.1, *accuracies])
    if target <= 0.1:
        assert share == 0
    else:
        assert np.interp(share, times, [0.1, *accuracies]) == pytest.approx(target)
        assert before.max() <= target + 1e-9

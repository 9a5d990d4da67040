"""The claims on counts, on w_hh and on time, each on records that support it, contradict it or leave it open."""

from dataclasses import replace

import pytest
from changes import MISSING
from claim_results import IN_FIGURE2, LONGER, ROWS, claims_experiment, found, write_certificates, write_layers
from table_results import measured, model_costs, write_profile

from rcn_bench.records.costs import MemoryCosts
from rcn_bench.records.hidden_state import HiddenLayer, MatrixStatistics
from rcn_bench.reporting.claims.hidden_state import concentration, slope

GIB = 2**30


@pytest.mark.parametrize(
    ("others", "verdict", "share"),
    [
        ((2_000_000, 3_000_000), "supported", 0.5),
        ((2_000_000, 1_999_999), "contradicted", 1_000_000 / 1_999_999),
    ],
)
def test_far_fewer_parameters_are_at_most_half_of_each(tmp_path, others, verdict, share):
    experiment = claims_experiment(tmp_path)
    for model, parameters in zip(("rcn18", "r2plus1d18", "i3d18"), (1_000_000, *others), strict=True):
        rows = [replace(model_costs(model, frames, stem_pool=True), parameters=parameters) for frames in (8, 16)]
        write_profile(experiment, model, rows)
    finding = found(experiment, "rcn-params")
    assert finding.verdict == verdict
    assert finding.effect == (pytest.approx(share), None, None)


def test_parameters_that_nobody_counts_or_at_other_classes_are_not_tested(tmp_path):
    finding = found(claims_experiment(tmp_path, {"tables.table2.models": ["rcn18"]}), "rcn-params")
    assert (finding.verdict, finding.note) == ("not tested", "no table counts the parameters of r2plus1d18, i3d18")
    experiment = claims_experiment(tmp_path, {"profile.num_classes": 8})
    for model in ("rcn18", "r2plus1d18", "i3d18"):
        rows = [replace(model_costs(model, frames, stem_pool=True), classes=8) for frames in (8, 16)]
        write_profile(experiment, model, rows)
    finding = found(experiment, "rcn-params")
    assert (finding.verdict, finding.note[:21]) == ("not tested", "counted at 8 classes,")


def memory(training, largest):
    return MemoryCosts(GIB, round(training * GIB), GIB, largest)


@pytest.mark.parametrize(
    ("lengths", "verdict", "times"),
    [
        ({8: (16, 100), 16: (16, 50)}, "supported", 2),
        ({8: (16, 100), 16: (12, 50)}, "supported", 1.5),
        ({8: (16, 100), 16: (11, 50)}, "contradicted", 1.375),
        ({8: (16, 100), 16: (16, 100)}, "contradicted", 2),
        ({8: (16, 100), 12: (9, 90)}, "contradicted", 0.9),  # of a clip it falls
        ({8: (16, 0), 16: (16, 0)}, "supported", 2),  # none fits, of either
    ],
)
def test_memory_must_rise_with_length_by_half_where_that_doubles(tmp_path, lengths, verdict, times):
    experiment = claims_experiment(tmp_path, {"tables.table3.frames": list(lengths), "train.frames_per_batch": 192})
    rows = [
        replace(model_costs("rcn18", frames, stem_pool=True), estimated=memory(*costs), memory_batch=128 // frames)
        for frames, costs in lengths.items()
    ]
    write_profile(experiment, "rcn18", rows)
    finding = found(experiment, "clip-memory")
    assert finding.verdict == verdict
    assert finding.effect.value == pytest.approx(times)
    assert finding.data == "rcn18, memory estimated"


def test_memory_is_the_measured_one_where_all_of_it_was_measured(tmp_path):
    experiment = claims_experiment(tmp_path)
    rows = [model_costs("rcn18", 8, True, measured(8 * GIB, 10)), model_costs("rcn18", 16, True, measured(16 * GIB, 5))]
    write_profile(experiment, "rcn18", rows)
    finding = found(experiment, "clip-memory")
    assert (finding.verdict, finding.effect.value, finding.data) == ("supported", 4, "rcn18, memory measured")


def test_one_clip_length_alone_tells_nothing_of_memory(tmp_path):
    finding = found(claims_experiment(tmp_path, {"tables.table3": MISSING}), "clip-memory")
    assert (finding.verdict, finding.note[:24]) == ("not tested", "no table shows the memor")


# w_hh

FALLS, RISES, EVEN = [0.01, 0.0, 0.01, 0.0], [0.0, 0.01, 0.0, 0.01], [0.01, 0.01, 0.01, 0.01]


@pytest.mark.parametrize(
    ("std", "diagonal", "verdict"),
    [
        (FALLS, RISES, "supported"),
        (FALLS, FALLS, "contradicted"),
        (RISES, RISES, "contradicted"),
        (EVEN, RISES, "undecided"),
    ],
)
def test_std_must_fall_and_the_diagonal_rise_within_equal_widths(tmp_path, std, diagonal, verdict):
    experiment = claims_experiment(tmp_path, {"tables.table3.frames": [8, 16]})
    for start in (ROWS[1], ROWS[3], *IN_FIGURE2):
        write_layers(experiment, start, std, diagonal)
    finding = found(experiment, "whh-std")
    told = "one training, where two are needed"  # Figure 2 shows one seed of the start that no table has
    assert finding.verdict == (verdict if verdict == "contradicted" else "undecided"), finding
    alone = claims_experiment(tmp_path, {"figures.figure2": MISSING})
    assert found(alone, "whh-std").verdict == verdict
    if verdict == "supported":
        assert told in finding.note


@pytest.mark.parametrize(
    ("diagonal", "verdict"),
    [
        ([-0.5, -0.3, -0.2, -0.1], "supported"),
        ([-0.1, -0.2, -0.1, -0.4], "contradicted"),
        ([-0.3, -0.2, -0.1, -0.1], "undecided"),
    ],
)
def test_the_last_layer_must_be_more_concentrated_than_the_first(tmp_path, diagonal, verdict):
    experiment = claims_experiment(tmp_path)
    write_layers(experiment, ROWS[3], [0.0] * 4, diagonal)
    finding = found(experiment, "whh-sparse")
    assert finding.verdict == verdict, finding
    assert finding.data == "4 trainings"


def test_one_training_alone_leaves_claims_on_w_hh_open(tmp_path):
    experiment = claims_experiment(tmp_path, {"seeds": [0]})
    write_layers(experiment, ROWS[3], [0.0] * 4, [-0.5, -0.3, -0.2, -0.1])
    finding = found(experiment, "whh-sparse")
    assert (finding.verdict, finding.effect.interval) == ("undecided", None)
    assert "one training, where two are needed" in finding.note


@pytest.mark.parametrize("claim", ["whh-std", "whh-sparse"])
def test_without_figures_w_hh_is_not_tested(tmp_path, claim):
    experiment = claims_experiment(tmp_path, {"tables.table1": MISSING, "figures.figure2": MISSING})
    assert found(experiment, claim).verdict == "not tested"


def layer(number, channels, trained, start):
    return HiddenLayer(number, f"{number}", channels, trained, start, None)


def test_a_slope_is_of_changes_within_a_width_alone():
    zero = MatrixStatistics(0.0, 0.0, 0.0, 0.0)
    stds = {1: (8, 0.1), 2: (8, 0.3), 3: (16, 5.0), 4: (16, 5.1), 5: (32, 9.0)}
    layers = [layer(at, width, MatrixStatistics(0.0, std, 0.0, 0.0), zero) for at, (width, std) in stds.items()]
    assert slope(layers, lambda found: found.std) == pytest.approx((0.2 + 0.1) / 2)


def test_concentration_is_the_diagonals_share_of_squares_beyond_that_of_the_start():
    spread = MatrixStatistics(0.0, 1.0, 0.0, 1.0)  # 4 x 4 elements alike, of which 4 on the diagonal
    identity = MatrixStatistics(0.25, (0.25 - 1 / 16) ** 0.5, 1.0, 0.0)
    assert concentration(layer(1, 4, spread, identity)) == pytest.approx(0.25 - 1)


# Time

CAUSAL = {"rcn18", "rcn50", "i3d18_causal", "c2d18"}


@pytest.mark.parametrize(
    ("causal", "verdict"),
    [(CAUSAL, "supported"), (CAUSAL - {"rcn50"}, "contradicted"), (CAUSAL | {"i3d50_nl"}, "contradicted")],
)
def test_rcn_must_be_causal_and_the_three_other_families_not(tmp_path, causal, verdict):
    experiment = claims_experiment(tmp_path)
    write_certificates(experiment, causal)
    assert found(experiment, "causal").verdict == verdict


def test_families_that_table_5_lacks_are_named(tmp_path):
    experiment = claims_experiment(tmp_path, {"tables.table5.models": ["rcn18", "i3d18_causal", "r2plus1d18"]})
    write_certificates(experiment, {"rcn18"})
    finding = found(experiment, "causal")
    assert (finding.verdict, finding.note) == ("not tested", "tables.table5 shows no I3D, non-local network")
    assert found(claims_experiment(tmp_path, {"tables.table5": MISSING}), "resolution").verdict == "not tested"


@pytest.mark.parametrize(("outputs", "verdict"), [({}, "supported"), ({"rcn50": 8}, "contradicted")])
def test_rcn_must_give_an_output_a_frame(tmp_path, outputs, verdict):
    experiment = claims_experiment(tmp_path)
    write_certificates(experiment, CAUSAL, outputs)
    finding = found(experiment, "resolution")
    assert (finding.verdict, finding.effect.value) == (verdict, 0.5 if outputs else 1)


def test_figure_2_adds_to_the_starts_of_the_claim_on_std(tmp_path):
    experiment = claims_experiment(tmp_path)
    for start in (ROWS[1], ROWS[3], *IN_FIGURE2):
        write_layers(experiment, start, FALLS, RISES)
    names = {run.name.rpartition("-s")[0] for run in found(experiment, "whh-std").runs}
    assert names == {ROWS[1], ROWS[3], IN_FIGURE2[0], LONGER}

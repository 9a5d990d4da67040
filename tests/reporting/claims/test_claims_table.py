"""The table of claims and the forest plot, of an experiment that shows all that claims are tested on."""

import pytest
from claim_results import (
    I3D,
    IN_FIGURE2,
    LONGER,
    R2P1D,
    ROWS,
    claims_experiment,
    write_accuracies,
    write_certificates,
    write_layers,
    write_lifetimes,
)
from table_results import model_costs, write_profile
from written import drawn_figure, shown, written_table

from rcn_bench.plan.products import find_product, products_of
from rcn_bench.records.products import TableRecord
from rcn_bench.reporting.claims.claims import CLAIMS
from rcn_bench.reporting.claims.forest import forest

STARTS = [*ROWS, LONGER, *I3D, R2P1D]


@pytest.fixture(scope="module")
def experiment(tmp_path_factory):
    experiment = claims_experiment(tmp_path_factory.mktemp("results"))
    for start in (ROWS[1], ROWS[3], *IN_FIGURE2):
        write_layers(experiment, start, [0.01, 0.0, 0.01, 0.0], [-0.3, -0.2, -0.2, -0.1])
    write_accuracies(experiment, dict(zip(STARTS, [0.2, 0.2, 0.2, 0.8, 0.5, 0.5, 0.5, 0.3], strict=True)))
    for model in ("rcn18", "i3d18", "r2plus1d18"):
        write_profile(experiment, model, [model_costs(model, frames, True) for frames in (8, 16)])
    write_lifetimes(experiment, {"rcn18": 0.5, "i3d18": 0.0, "c2d18": 0.0})
    write_certificates(experiment, {"rcn18", "rcn50", "i3d18_causal", "c2d18"})
    return experiment


@pytest.fixture(scope="module")
def table(experiment):
    return written_table(experiment, "claims")


def test_the_table_has_numbers_in_full_and_text_to_read(table):
    rows, markdown, latex = table
    assert [row["claim"] for row in rows] == [claim.id for claim in CLAIMS]
    by_id = {row["claim"]: row for row in rows}
    first = by_id["init-identity"]
    assert (first["verdict"], first["unit"], float(first["paper"])) == ("supported", "points", 2.6)
    assert float(first["effect 95 % interval low"]) < float(first["effect"]) == pytest.approx(60)
    assert float(first["p"]) < 0.001
    assert first["runs"].split() == [f"{start}-s{seed}" for start in reversed(ROWS) for seed in range(4)]
    readable = shown(markdown)
    assert len(readable) == len(CLAIMS)
    assert readable[0]["claim"] == "init-identity: given pretrained w_xh, identity w_hh beats random w_hh (Table 1)"
    assert readable[0]["effect (95 % interval)"].startswith("+60.0 points (+")
    assert (readable[0]["p"], readable[0]["paper"]) == ("<0.001", "+2.6")
    assert readable[0]["tested on"] == "4 + 4 + 4 + 4 trainings, 60 videos; stills in place of ImageNet"
    assert "tab:claims" in latex


def test_where_stills_stand_in_for_imagenet_the_claim_says_so_and_elsewhere_not(table):
    rows, _, _ = table
    told = {row["claim"] for row in rows if "stills in place of ImageNet" in row["tested on"]}
    of_accuracy = {"init-identity", "init-imagenet", "init-best", "init-jump", "rcn-recovers", "imagenet-gain"}
    assert told == of_accuracy | {"imagenet-speed", "clip-length", "whh-std", "whh-sparse", "state-lifetime"}


def test_the_title_names_the_data_and_the_record_its_runs_and_files(experiment, table):
    _, markdown, _ = table
    assert markdown.startswith("# The paper's claims, tested on moving digits\n")
    record = TableRecord.read(experiment.paths.table("claims").with_suffix(".json"))
    product = find_product(experiment, "claims", "table")
    assert record.runs == [run.name for run in product.runs()]
    assert set(record.origin.inputs) == {path.relative_to(experiment.results).as_posix() for path in product.reads()}
    kinds = {path.rpartition("/")[2] for path in record.origin.inputs}
    assert kinds >= {"eval.json", "predictions.csv", "metrics.jsonl", "provenance.json", "w_hh.json", "causality.json"}
    assert not {kind for kind in kinds if "model" in kind}


def test_claims_show_no_run_of_their_own(experiment):
    products = products_of(experiment)
    others = {run for name, each in products.items() if name not in ("claims", "forest") for run in each.runs()}
    assert set(products["claims"].runs()) <= others


def test_the_forest_has_a_line_a_claim_on_accuracy(experiment, table):
    numbers = drawn_figure(experiment, "forest").set_index("claim")
    assert list(numbers.index) == [claim.id for claim in CLAIMS if claim.unit == "points"]
    rows, _, _ = table
    for row in rows:
        if row["claim"] in numbers.index and row["effect"]:
            line = numbers.loc[row["claim"]]
            assert line["verdict"] == row["verdict"]
            low, high = row["effect 95 % interval low"], row["effect 95 % interval high"]
            expected = [float(end) for end in (row["effect"], low, high)]
            assert list(line[["effect", "low", "high"]]) == pytest.approx(expected, rel=1e-5)


def test_the_forests_verdicts_stand_beside_it_in_words_and_with_the_p_that_decides(experiment):
    drawing = forest(find_product(experiment, "forest", "figure"))
    (axis,) = drawing.figure.axes
    told = [text.get_text().partition(", p ") for text in axis.texts]
    assert [verdict for verdict, _, _ in told] == list(drawing.numbers["verdict"])
    assert [bool(p) for _, _, p in told] == list(drawing.numbers["low"].notna())


def test_a_config_without_tables_to_test_claims_on_leaves_all_untested(tmp_path):
    experiment = claims_experiment(tmp_path, {"tables": {"claims": {}}, "figures": {"forest": {}}})
    rows, _, _ = written_table(experiment, "claims")
    assert {row["verdict"] for row in rows} == {"not tested"}
    assert all(row["note"] for row in rows)
    assert set(forest(find_product(experiment, "forest", "figure")).numbers["verdict"]) == {"not tested"}

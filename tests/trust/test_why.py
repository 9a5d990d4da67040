"""A cell of a table, walked back to what it was made from."""

import pytest
import yaml

from rcn_bench import cli
from rcn_bench.plan.config import load_experiment
from rcn_bench.records.runs import Evaluation, Trained
from rcn_bench.reporting.write import write_product
from rcn_bench.trust.why import row_names

pytestmark = pytest.mark.slow

INITS = ("tables/table1_init.csv", "table1_init")


def why(capsys, *arguments):
    code = cli.main(["why", *map(str, arguments)])
    out, err = capsys.readouterr()
    return code, out.splitlines(), err.strip()


@pytest.mark.parametrize("row", ["4", "stills identity", "stills, identity"])
@pytest.mark.parametrize("column", ["video acc %", "8"])
def test_an_accuracy_is_walked_to_its_runs_their_weights_and_their_machine(whole, capsys, row, column):
    code, lines, _ = why(capsys, "table1_init", "--row", row, "--column", column, "--in", whole)
    assert code == 0
    assert lines[1].startswith("row 4 (stills, identity), video acc %: ")
    assert lines[2] == "the mean of the video accuracy of 2 runs:"
    value, values = float(lines[1].split(": ")[1]), []
    for line, seed in zip(lines[3:5], (0, 1), strict=True):
        run = f"rcn18-t8-xh_stills-hh_identity-s{seed}"
        evaluation = Evaluation.read(whole / "runs" / run / "eval.json")
        assert line.startswith(f"  {run}: {evaluation.video_accuracy:.1%} (")
        values.append(evaluation.video_accuracy)
        trained = Trained.read(whole / "runs" / run / "provenance.json")
        assert f"  runs/{run}/model.safetensors, sha256 {trained.weights_sha256[:12]}: holds" in lines
        assert f"  runs/{run}/scores.safetensors, sha256 {evaluation.scores_sha256[:12]}: holds" in lines
        assert f"runs/{run}/provenance.json: holds" in lines
    assert value == pytest.approx(100 * sum(values) / 2)
    assert not [line for line in lines if "hh_random-s" in line and line.startswith("runs/")]  # of other rows
    assert max(map(len, lines)) <= 100
    assert "pretrained/resnet18-stills.json: holds" in lines


def test_of_kept_results_it_says_what_is_not_there(kept, capsys):
    _, lines, _ = why(capsys, "table1_init", "--row", 1, "--column", "clip acc %", "--in", kept)
    assert any(line.endswith(": not kept") and "model.safetensors" in line for line in lines)


def test_a_link_that_does_not_hold_is_shown(whole, capsys):
    path = whole / "runs" / "rcn18-t8-xh_random-hh_random-s1" / "metrics.jsonl"
    path.write_text(path.read_text().replace("0.25", "0.75"))
    _, lines, _ = why(capsys, "table1_init", "--row", 1, "--column", "clip acc %", "--in", whole)
    assert any("metrics.jsonl, sha256" in line and "does not hold" in line for line in lines)


def test_a_row_of_all_runs_is_walked_to_each(whole, capsys):
    _, lines, _ = why(capsys, "w_hh", "--row", 1, "--column", 3, "--in", whole)
    runs = [f"runs/rcn18-t8-xh_{w_xh}-hh_{w_hh}-s1" for w_xh in ("random", "stills") for w_hh in ("random", "identity")]
    assert {f"{run}/w_hh.json: holds" for run in runs} < set(lines)


def test_a_cost_is_walked_to_the_profile_of_its_model_alone(whole, capsys):
    _, lines, _ = why(capsys, "table4_cost", "--row", "c2d18 True", "--column", "GMACs", "--in", whole)
    assert lines[2] == "computed from the records below"
    assert "profiles/c2d18.json: holds" in lines
    assert "throughput.json: holds" in lines
    assert "profiles/rcn18.json: holds" not in lines


def test_rows_that_three_cells_do_not_tell_apart_are_named_by_as_many_as_do():
    starts = [("random", "random"), ("random", "identity"), ("stills", "identity")]
    rows = [{"model": "rcn18", "frames": "8", "w_xh": w_xh, "w_hh": w_hh, "clips": "640"} for w_xh, w_hh in starts]
    rows.append({"model": "c2d18", "frames": "8", "w_xh": "random", "w_hh": "", "clips": "640"})
    assert row_names(rows) == [*(["rcn18", "8", *start] for start in starts), ["c2d18", "8", "random"]]
    assert row_names(rows[1:]) == [["rcn18", "8", start[0]] for start in starts[1:]] + [["c2d18", "8", "random"]]
    assert row_names([{"model": "rcn18", "acc %": "50.0"}] * 2) == [["rcn18"]] * 2
    assert row_names([]) == []


def test_rows_and_columns_that_are_not_there_are_answered_with_those_that_are(whole, capsys):
    code, _, refused = why(capsys, "table1_init", "--row", 5, "--column", 1, "--in", whole)
    assert code == 2
    assert "row '5' is none of its rows: 1 random random; 2 random identity; 3 stills random" in refused
    code, _, refused = why(capsys, "table1_init", "--row", "random", "--column", 1, "--in", whole)
    assert "row 'random' is several of its rows" in refused
    code, _, refused = why(capsys, "table1_init", "--row", 1, "--column", "accuracy", "--in", whole)
    assert "column 'accuracy' is none of its columns: w_xh; w_hh; clip acc %;" in refused
    code, _, refused = why(capsys, "table9", "--row", 1, "--column", 1, "--in", whole)
    assert "no table 'table9'" in refused
    code, _, refused = why(capsys, "table1_init", "--row", 1, "--column", 1)
    assert "why: give --config, or --in and a folder of results" in refused


def test_a_table_that_only_the_config_given_has_is_none_of_the_results(whole, capsys, tmp_path):
    config = yaml.safe_load((whole / "config.yaml").read_text())
    config["tables"]["trainings"] = {}
    (tmp_path / "more.yaml").write_text(yaml.safe_dump(config))
    place = ("--config", tmp_path / "more.yaml", "--results", whole.parent)
    write_product(load_experiment([tmp_path / "more.yaml"], whole.parent), "table", "trainings")
    code, _, refused = why(capsys, "trainings", "--row", 1, "--column", 1, *place)
    assert code == 2
    assert "no table 'trainings' in small; it has table1_init, " in refused


def test_the_config_can_be_given_as_to_other_commands(whole, capsys):
    config, results = whole / "config.yaml", whole.parent
    place = ("--config", config, "--results", results)
    code, lines, _ = why(capsys, "table1_init", "--row", 1, "--column", "video acc %", *place)
    assert code == 0
    assert lines[1].startswith("row 1 (random, random), video acc %: ")

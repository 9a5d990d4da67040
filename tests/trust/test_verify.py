"""What holds, and what is named where it does not."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import yaml
from whole_results import make_consistent

from rcn_bench import cli
from rcn_bench.records.base import with_checksum
from rcn_bench.records.hidden_state import HiddenState
from rcn_bench.records.kept import MANIFEST
from rcn_bench.records.runs import Evaluation, Trained
from rcn_bench.trust.verify import Verifier

pytestmark = pytest.mark.slow

RUN = "runs/rcn18-t8-xh_stills-hh_identity-s0"
OTHER = "runs/rcn18-t8-xh_random-hh_random-s1"


def named(root):
    """The files that do not hold, each with why."""
    return {finding.path: finding.why for finding in Verifier(root).verify().findings}


def verified(capsys, root):
    code = cli.main(["verify", str(root)])
    out, err = capsys.readouterr()
    return code, out.splitlines(), err.splitlines()


def change(path, **changes):
    """Fields of a record, whose own checksum goes with them."""
    plain = json.loads(path.read_text())
    plain.pop("sha256")
    path.write_text(json.dumps(with_checksum({**plain, **changes})))


def test_results_at_work_hold(whole, capsys):
    code, lines, complaints = verified(capsys, whole)
    assert (code, complaints) == (0, [])
    assert lines[-1].startswith(f"{whole}: ")
    assert lines[-1].endswith("numbers computed again; all hold")


def test_kept_results_hold_wherever_they_lie_and_say_what_was_not_kept(kept, tmp_path, capsys):
    moved = shutil.move(kept, tmp_path / "elsewhere" / "by_another_name")
    code, lines, complaints = verified(capsys, moved)
    assert (code, complaints) == (0, [])
    assert any(line.startswith("not kept, known by their sha256 alone: pretrained/") for line in lines)
    assert not [*moved.rglob("model.safetensors")]


def test_the_first_link_that_does_not_hold_is_named_first_and_what_rests_on_it_is_not_judged(whole, capsys):
    change(whole / RUN / "eval.json", video_accuracy=0.9)
    code, lines, complaints = verified(capsys, whole)
    assert code == 2
    assert lines[0].startswith(f"{whole}/{RUN}/eval.json: video_accuracy: 0.9, the scores come to 0.")
    assert "tables/table1_init.json" in lines[1]
    assert lines[1].startswith("not judged, since they rest on these: ")
    assert lines[-1].endswith(f"1 do not hold, the first is {RUN}/eval.json")
    assert complaints == [f"rcn-bench: {lines[0]}"]


@pytest.mark.parametrize(
    "name", ["eval.json", "scores.safetensors", "provenance.json", "metrics.jsonl", "w_hh.json", "model.safetensors"]
)
def test_what_is_missing_is_named(whole, name):
    (whole / RUN / name).unlink()
    assert "not there" in named(whole)[f"{RUN}/{name}"]


def test_a_table_that_was_not_made_is_missed(whole):
    for suffix in ("csv", "md", "tex", "json"):
        (whole / "tables" / f"table1_init.{suffix}").unlink()
    assert [*named(whole)] == ["tables/table1_init.json"]


def test_kept_results_have_no_file_more_or_less(kept):
    (kept / RUN / "notes.txt").write_text("mine")
    (kept / OTHER / "metrics.jsonl").unlink()
    assert named(kept) == {f"{OTHER}/metrics.jsonl": "not there", f"{RUN}/notes.txt": f"{MANIFEST} does not know it"}


def test_a_seed_that_the_config_asks_for_is_missed(kept):
    config = yaml.safe_load((kept / "config.yaml").read_text())
    (kept / "config.yaml").write_text(yaml.safe_dump({**config, "seeds": [0, 1, 2]}, sort_keys=False))
    make_consistent_but_for_what_is_missing(kept)
    assert f"{RUN[:-1]}2/eval.json" in named(kept)


def make_consistent_but_for_what_is_missing(kept):
    path = kept / MANIFEST
    change(path, files={name: Verifier(kept).hash(name) for name in json.loads(path.read_text())["files"]})
    path.write_text(json.dumps(json.loads(path.read_text()), indent=2) + "\n")


def test_results_of_another_config_are_named_with_the_key(whole):
    config = yaml.safe_load((whole / "config.yaml").read_text())
    config["train"]["lr"] = 0.5
    (whole / "config.yaml").write_text(yaml.safe_dump(config, sort_keys=False))
    assert "train.lr was 0.02, is 0.5" in named(whole)[f"{RUN}/provenance.json"]


def test_other_weights_than_were_trained_are_named(kept):
    path = kept / RUN / "eval.json"
    replace(Evaluation.read(path), weights_sha256="0" * 64).write(path)
    make_consistent(kept)
    assert named(kept)[f"{RUN}/eval.json"].startswith("weights_sha256: not that of the training of rcn18")


def test_a_training_on_other_frames_or_of_another_seed_is_named(kept):
    for run, changes in ((RUN, {"data_fingerprint": "other"}), (OTHER, {"seed": 7})):
        path = kept / run / "provenance.json"
        replace(Trained.read(path), **changes).write(path)
    make_consistent(kept)
    found = named(kept)
    assert found[f"{OTHER}/provenance.json"] == f"seed: 7 is not that of {OTHER.removeprefix('runs/')}"
    assert found[f"{RUN}/provenance.json"].startswith("data_fingerprint: trained on other frames than")


def test_an_input_that_is_another_than_is_there_is_named(whole):
    path = whole / RUN / "provenance.json"
    replace(Trained.read(path), training_seconds=123.0).write(path)
    found = named(whole)
    assert found["tables/table1_init.json"] == f"made from another {RUN}/provenance.json than is there"


def test_statistics_of_w_hh_that_its_matrices_do_not_have_are_named(kept):
    path = kept / RUN / "w_hh.json"
    record = HiddenState.read(path)
    first = replace(record.layers[0], trained=replace(record.layers[0].trained, std=np.pi))
    replace(record, layers=[first, *record.layers[1:]]).write(path)
    make_consistent(kept)
    assert named(kept)[f"{RUN}/w_hh.json"].startswith("layer 1: std: 3.14")


def test_the_manifest_names_the_machines_of_the_records(kept):
    path = kept / MANIFEST
    plain = json.loads(path.read_text())
    plain.pop("sha256")
    plain["systems"][0]["machine"]["cpu"] = "another"
    path.write_text(json.dumps(with_checksum(plain), indent=2) + "\n")
    assert named(kept) == {MANIFEST: "systems: others than the records were made on"}


def test_other_code_is_one_line_and_breaks_nothing(kept, capsys):
    for path in [*kept.glob("runs/*/eval.json"), kept / "tables" / "table1_init.json"]:
        plain = json.loads(path.read_text())
        change(path, origin={**plain["origin"], "code": "0123456789ab"})
    path = kept / "tables" / "table1_init.json"
    record = json.loads(path.read_text())
    markdown = path.with_suffix(".md")
    markdown.write_text(markdown.read_text().replace(record["notes"][0], "Once worded otherwise."))
    latex = path.with_suffix(".tex")
    latex.write_text(latex.read_text().replace(record["notes"][0], "Once worded otherwise."))
    change(path, notes=["Once worded otherwise.", *record["notes"][1:]])
    make_consistent(kept)
    code, lines, complaints = verified(capsys, kept)
    assert (code, complaints) == (0, [])
    (told,) = [line for line in lines if "other code" in line]
    assert "evaluate (12 of 12), table (1 of 8)" in told


def test_the_same_words_are_not_let_pass_under_todays_code(kept):
    path = kept / "tables" / "table1_init.json"
    change(path, title="Table 1. Of something else")
    make_consistent(kept)
    assert "Of something else" in named(kept)["tables/table1_init.json"]


def test_a_folder_without_results_is_refused(tmp_path, capsys):
    code, _, complaints = verified(capsys, tmp_path)
    assert code == 2
    assert complaints == [
        f"rcn-bench: {tmp_path}/config.yaml: not there; name a folder with the results of one experiment, such as "
        "results/mini"
    ]


def test_what_was_found_can_be_had_as_json(whole, capsys):
    assert cli.main(["verify", str(whole), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["holds"] is True
    change(whole / RUN / "eval.json", video_accuracy=0.9)
    assert cli.main(["verify", str(whole), "--json"]) == 2
    found = json.loads(capsys.readouterr().out)
    assert (found["root"], found["holds"]) == (str(whole), False)
    assert found["findings"][0]["path"] == f"{RUN}/eval.json"
    assert found["not_judged"]
    assert not [key for key in found if key.startswith("_")]

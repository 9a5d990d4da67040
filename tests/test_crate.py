"""Results as an RO-Crate: all that it refers to is described, all that it holds is as its metadata says."""

import hashlib
import json
import shutil
import zipfile
from pathlib import Path
from urllib.parse import unquote

import pytest

from rcn_bench import cli
from rcn_bench.crate import METADATA, PROFILE, write_crate
from rcn_bench.errors import InputError
from rcn_bench.records.products import FigureRecord
from rcn_bench.records.runs import Trained

KEPT = Path("results/reference/mini")
RUN = "rcn18-t8-xh_stills-hh_identity-s0"


@pytest.fixture(scope="module")
def crate(tmp_path_factory):
    file = tmp_path_factory.mktemp("crate") / "mini.crate.zip"
    assert cli.main(["crate", str(KEPT), "--output", str(file), "--licence", "MIT"]) == 0
    return file


@pytest.fixture(scope="module")
def entities(crate):
    with zipfile.ZipFile(crate) as content:
        graph = json.loads(content.read(METADATA))["@graph"]
    found = {entity["@id"]: entity for entity in graph}
    assert len(found) == len(graph)
    return found


def references(value):
    if isinstance(value, list):
        return [name for each in value for name in references(each)]
    if not isinstance(value, dict):
        return []
    return [value["@id"]] if set(value) == {"@id"} else [name for each in value.values() for name in references(each)]


def test_whatever_is_referred_to_is_described(entities):
    outside = {"https://w3id.org/ro/crate/1.1", "http://schema.org/CompletedActionStatus"}
    assert {name for entity in entities.values() for name in references(entity)} - outside <= set(entities)


def test_it_says_which_profile_it_keeps_and_under_which_licence(entities):
    root = entities["./"]
    assert root["conformsTo"] == {"@id": PROFILE}
    assert root["license"] == {"@id": "https://spdx.org/licenses/MIT"}
    assert root["datePublished"].startswith("2026-")


def test_it_holds_the_files_of_the_results_as_they_are(crate, entities):
    with zipfile.ZipFile(crate) as content:
        assert content.namelist()[0] == METADATA
        names = content.namelist()[1:]
        assert set(names) == {path.relative_to(KEPT).as_posix() for path in KEPT.rglob("*") if path.is_file()}
        assert {unquote(name) for name in references(entities["./"]["hasPart"])} == set(names)
        for name in names:
            held = content.read(name)
            entity = entities[references(entities["./"]["hasPart"])[names.index(name)]]
            assert (entity["sha256"], entity["contentSize"]) == (hashlib.sha256(held).hexdigest(), str(len(held)))


def test_a_training_is_an_action_with_what_it_read_made_and_ran_on(entities):
    path = f"runs/{RUN}/provenance.json"
    action, record = entities[f"#{path}"], Trained.read(KEPT / path)
    start = record.origin.starts[0]
    assert (action["name"], action["description"]) == (f"train {RUN}", start.command)
    assert action["startTime"] == start.time
    assert entities[action["instrument"]["@id"]]["softwareVersion"] == start.commit
    assert {"@id": f"runs/{RUN}/metrics.jsonl"} in action["result"]
    weights = entities[f"#not-kept/runs/{RUN}/model.safetensors"]
    assert weights["value"] == record.weights_sha256
    assert {"@id": weights["@id"]} in action["result"]
    told = {entities[name]["name"]: entities[name]["value"] for name in references(action["environment"])}
    assert told["torch"] == start.packages["torch"]
    assert told["cpu"] == start.machine.cpu
    assert len(references(action["object"])) == len(record.origin.inputs)


def test_a_figure_is_an_action_whose_pdf_is_known_by_its_checksum_alone(entities):
    action, record = entities["#figures/figure1.json"], FigureRecord.read(KEPT / "figures/figure1.json")
    results = references(action["result"])
    assert {"figures/figure1.json", "figures/figure1.png", "figures/figure1.csv"} < set(results)
    for suffix in ("pdf", "svg"):
        assert f"#not-kept/figures/figure1.{suffix}" in results
        assert f"figures/figure1.{suffix}" not in results
        assert entities[f"#not-kept/figures/figure1.{suffix}"]["value"] == record.files[suffix]


def test_every_record_is_an_action_that_the_results_mention(entities):
    actions = {name for name, entity in entities.items() if entity["@type"] == "CreateAction"}
    assert actions == set(references(entities["./"]["mentions"]))
    assert len(actions) == len(set(KEPT.rglob("*.json")) - {KEPT / "MANIFEST.json"})


def test_the_same_results_are_the_same_bytes(crate, tmp_path):
    write_crate(KEPT, tmp_path / "again.zip", "MIT")
    assert (tmp_path / "again.zip").read_bytes() == crate.read_bytes()


def test_results_that_lack_a_record_or_have_a_wrong_one_are_refused(tmp_path):
    copy = shutil.copytree(KEPT, tmp_path / "mini")
    evaluation = copy / "runs" / RUN / "eval.json"
    text = evaluation.read_text()
    evaluation.write_text(text.replace("1", "2", 1))
    with pytest.raises(InputError, match=f"{RUN}/eval.json: "):
        write_crate(copy, tmp_path / "crate.zip", "MIT")
    evaluation.unlink()
    with pytest.raises(InputError, match=f"{RUN}/eval.json"):
        write_crate(copy, tmp_path / "crate.zip", "MIT")
    assert not (tmp_path / "crate.zip").exists()


def test_a_licence_that_spdx_cannot_know_is_refused(capsys):
    with pytest.raises(SystemExit):
        cli.main(["crate", str(KEPT), "--output", "crate.zip", "--licence", "do what you like"])
    assert "no identifier of SPDX" in capsys.readouterr().err

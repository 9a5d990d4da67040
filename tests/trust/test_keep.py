"""What is kept of results, and what is not."""

import json
import shutil
from dataclasses import replace

import pytest

from rcn_bench import cli
from rcn_bench.files import file_hash
from rcn_bench.plan.config import experiment_in
from rcn_bench.plan.writers import writing
from rcn_bench.records.kept import MANIFEST, Manifest
from rcn_bench.records.products import FigureRecord
from rcn_bench.records.runs import Evaluation
from rcn_bench.trust import keep as keeping
from rcn_bench.trust.keep import keep
from rcn_bench.trust.verify import Verifier

pytestmark = pytest.mark.slow

RUN = "runs/rcn18-t8-xh_stills-hh_identity-s0"


def test_all_but_weights_and_frames_is_kept(kept, written):
    manifest = Manifest.read(kept / MANIFEST)
    files = {path.relative_to(kept).as_posix() for path in kept.rglob("*") if path.is_file()}
    assert files == {*manifest.files, MANIFEST}
    weights = {path.relative_to(written).as_posix() for path in written.rglob("model.safetensors")}
    for_print = {path.relative_to(written).as_posix() for end in ("pdf", "svg") for path in written.rglob(f"*.{end}")}
    assert "figures/figure3.svg" in for_print
    assert {*manifest.left_out} == weights | for_print | {"pretrained/resnet18-stills.safetensors"}
    for name in manifest.files:
        if not name.endswith("README.md"):
            assert (kept / name).read_bytes() == (written / name).read_bytes()
    for name in ("eval.json", "predictions.csv", "scores.safetensors", "metrics.jsonl", "provenance.json"):
        assert f"{RUN}/{name}" in files
    assert {"config.yaml", "tables/table1_init.md", "figures/figure3.png", "throughput.json"} <= files


def test_the_manifest_describes_every_machine_once_with_what_was_made_on_it(kept):
    systems = Manifest.read(kept / MANIFEST).systems
    made_on = {stage: system.machine.cpu for system in systems for stage in system.stages}
    assert made_on["throughput"] == "a processor"  # as table_results has it
    assert made_on["table"] == systems[-1].machine.cpu


def test_pdf_and_svg_of_figures_are_known_by_the_checksum_that_their_record_has_and_the_rest_holds(kept, written):
    report, left_out = Verifier(kept).verify(), Manifest.read(kept / MANIFEST).left_out
    assert report.holds
    for suffix in ("pdf", "svg"):
        name = f"figures/figure3.{suffix}"
        assert left_out[name] == FigureRecord.read(kept / "figures/figure3.json").files[suffix]
        assert left_out[name] == file_hash(written / name)
        assert name in report.not_kept


@pytest.mark.parametrize("name", ["figures/figure1.png", "figures/figure1.csv"])
def test_an_edit_of_what_is_kept_of_a_figure_is_named(kept, name):
    content = (kept / name).read_bytes()
    (kept / name).write_bytes(content[:-2] + bytes([content[-2] ^ 1]) + content[-1:])
    assert [finding.path for finding in Verifier(kept).verify().findings] == [name]
    (kept / name).unlink()
    assert [str(finding) for finding in Verifier(kept).verify().findings] == [f"{name}: not there"]


def test_what_was_left_out_may_be_brought_back_and_another_in_its_place_is_named(kept, whole, tmp_path, capsys):
    for name in ("figures/figure1.pdf", f"{RUN}/model.safetensors"):
        shutil.copyfile(whole / name, kept / name)
        report = Verifier(kept).verify()
        assert report.holds
        assert name not in report.not_kept
        (kept / name).write_bytes(b"another")
        (finding,) = Verifier(kept).verify().findings
        assert (finding.path, finding.why) == (name, f"changed: its sha256 is not that of {MANIFEST}")
        (kept / name).unlink()
    (whole / "figures/figure1.pdf").write_bytes(b"another")
    (finding,) = Verifier(whole).verify().findings
    assert str(finding) == "figures/figure1.pdf: not as figures/figure1.json tells of it, by its sha256"
    assert cli.main(["keep", str(whole), str(tmp_path / "again")]) == 2
    assert f"{whole}/figures/figure1.pdf: not as its record tells of it" in capsys.readouterr().err


def test_large_files_on_which_nothing_rests_are_left_out_and_still_verified(whole, tmp_path, monkeypatch):
    monkeypatch.setattr(keeping, "LARGEST", 1000)
    keep(whole, kept := tmp_path / "kept")
    left_out = Manifest.read(kept / MANIFEST).left_out
    assert "tables/table1_init.csv" in left_out
    assert "runs/rcn18-t8-xh_random-hh_random-s0/scores.safetensors" not in left_out
    report = Verifier(kept).verify()
    assert report.holds
    assert "tables/table1_init.csv" in report.not_kept


def test_only_whole_results_that_hold_are_kept(whole, tmp_path, capsys):
    path = whole / RUN / "eval.json"
    evaluation = Evaluation.read(path)
    path.unlink()
    assert cli.main(["keep", str(whole), str(tmp_path / "kept")]) == 2
    assert f"{path}: not there; run `rcn-bench evaluate {path.parent.name}` first" in capsys.readouterr().err
    replace(evaluation, clip_accuracy=0.125).write(path)
    assert cli.main(["keep", str(whole), str(tmp_path / "kept")]) == 2
    assert f"{path}: clip_accuracy: 0.125, the scores come to" in capsys.readouterr().err
    assert not (tmp_path / "kept").exists()


@pytest.mark.parametrize("name", ["figures/figure1.png", "figures/figure1.csv"])
def test_a_figure_is_not_kept_without_its_picture_or_numbers(whole, tmp_path, capsys, name):
    (whole / name).unlink()
    assert cli.main(["keep", str(whole), str(tmp_path / "kept")]) == 2
    assert f"{whole}/{name}: not there" in capsys.readouterr().err
    assert not (tmp_path / "kept").exists()


def test_weights_may_have_stayed_elsewhere_but_those_that_are_there_must_be_right(whole, tmp_path, capsys):
    weights = whole / RUN / "model.safetensors"
    content = weights.read_bytes()
    weights.unlink()
    keep(whole, tmp_path / "without")
    weights.write_bytes(content)
    keep(whole, tmp_path / "with")
    assert (tmp_path / "with" / MANIFEST).read_bytes() == (tmp_path / "without" / MANIFEST).read_bytes()
    weights.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    assert cli.main(["keep", str(whole), str(tmp_path / "damaged")]) == 2
    assert f"{weights}: not as its record tells of it" in capsys.readouterr().err
    assert not (tmp_path / "damaged").exists()


def test_nothing_is_kept_while_somebody_writes_there(whole, tmp_path, capsys):
    with writing(experiment_in(whole), "train a run"):
        assert cli.main(["keep", str(whole), str(tmp_path / "kept")]) == 2
    assert f"{whole}: train a run (PID" in capsys.readouterr().err
    assert cli.main(["keep", str(whole), str(tmp_path / "kept")]) == 0
    assert capsys.readouterr().out.startswith(f"{tmp_path}/kept: ")


def test_nothing_is_written_over(whole, tmp_path, capsys):
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "mine").write_text("")
    assert cli.main(["keep", str(whole), str(tmp_path / "kept")]) == 2
    assert f"{tmp_path}/kept: something is there" in capsys.readouterr().err


def test_what_is_kept_is_not_kept_again(kept, tmp_path, capsys):
    assert cli.main(["keep", str(kept), str(tmp_path / "again")]) == 2
    assert f"{kept}: is kept already" in capsys.readouterr().err
    assert not (tmp_path / "again").exists()


def test_no_path_of_the_machine_is_kept(kept, written):
    for path in kept.rglob("*"):
        if path.is_file():
            assert str(written.parent).encode() not in path.read_bytes(), path


@pytest.mark.parametrize("changed", ["video_accuracy", "trained"])
def test_the_card_of_a_run_says_what_its_records_say(kept, changed):
    path = kept / RUN / "README.md"
    card = path.read_text()
    evaluation = Evaluation.read(kept / RUN / "eval.json")
    weights = json.loads((kept / RUN / "provenance.json").read_text())["weights_sha256"]
    assert card.startswith(f"# {RUN.removeprefix('runs/')}\n")
    assert f"- Of videos: {evaluation.video_accuracy:.1%} (" in card
    assert "3 classes: walk, run, sit." in card
    assert f"sha256 `{weights}`" in card
    of_accuracy = f"{evaluation.video_accuracy:.1%}"
    path.write_text(card.replace(*((of_accuracy, "99.9%") if changed == "video_accuracy" else ("walk", "swim"))))
    (kept / MANIFEST).unlink()
    assert [finding.path for finding in Verifier(kept).verify().findings if "README" in finding.path] == [
        f"{RUN}/README.md"
    ]

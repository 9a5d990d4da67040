"""Results as frames: what the records say, in columns that the documentation explains."""

import pydoc
import re
import shutil
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pandas as pd
import pytest

import rcn_bench
from rcn_bench.errors import InputError
from rcn_bench.intervals import Scores
from rcn_bench.results import Results

KEPT = Path("results/reference")
PAGE = Path("docs/results.md").read_text()
RUN = "rcn18-t8-xh_stills-hh_identity-s0"


@pytest.fixture(scope="module")
def both():
    return rcn_bench.load_results(KEPT / "mini", str(KEPT / "standard"))


@pytest.fixture
def copy(tmp_path):
    """Results of one's own to change."""
    return shutil.copytree(KEPT / "mini", tmp_path / "mini")


def frames_of(results):
    return {name: frame for name, frame in vars(results).items() if name != "tables"}


def test_every_run_of_every_folder_has_its_row(both):
    found = both.runs.groupby("results").run.apply(set)
    for name in ("mini", "standard"):
        assert found[name] == {folder.name for folder in (KEPT / name / "runs").iterdir()}
    assert both.gaps.empty


def test_a_run_has_what_its_records_say(both):
    run = both.runs[(both.runs.results == "mini") & (both.runs.run == RUN)].iloc[0]
    assert (run.model, run.clip_frames, run.w_xh, run.w_hh, run.seed) == ("rcn18", 8, "stills", "identity", 0)
    assert run.epochs == 4
    assert run.video_accuracy_95_low < run.video_accuracy < run.video_accuracy_95_high
    card = (KEPT / "mini" / "runs" / RUN / "README.md").read_text()
    assert f"{run.video_accuracy:.1%}".replace("%", " %") in card or f"{run.video_accuracy:.1%}" in card


def test_videos_epochs_and_tables_tell_of_the_same_numbers(both):
    keys = ["results", "run"]
    from_videos = both.predictions.groupby(keys).correct.mean()
    known = both.runs.dropna(subset="video_accuracy").set_index(keys).video_accuracy
    pd.testing.assert_series_equal(from_videos.sort_index(), known.sort_index(), check_names=False)
    last = both.epochs.groupby(keys).training_loss.last()
    of_runs = both.runs.set_index(keys).last_epoch_training_loss
    pd.testing.assert_series_equal(last.sort_index(), of_runs.sort_index(), check_names=False)
    row = both.tables["table1_init"].query("results == 'mini' and w_xh == 'stills' and w_hh == 'identity'").iloc[0]
    of_row = both.predictions.query("results == 'mini'")
    of_row = of_row[of_row.run.isin(row.runs.split())]
    scores = [Scores.of_videos(one.correct, list(one.group)) for _, one in of_row.groupby("run")]
    low, high = Scores.of_trainings(scores).interval()
    assert (100 * low, 100 * high) == pytest.approx(
        (row["video acc 95 % interval low"], row["video acc 95 % interval high"])
    )


def test_accuracies_online_and_by_age_are_those_of_the_kept_figures(both):
    figure = pd.read_csv(KEPT / "standard" / "figures" / "online_accuracy.csv")
    row = figure[(figure.model == "rcn18") & (figure.way == "carried")].iloc[-1]
    answers = both.online[both.online.run.isin(row.runs.split()) & (both.online.way == "carried")]
    assert answers[answers.share_of_video == 1].correct.mean() == pytest.approx(row.accuracy, abs=1e-6)
    figure = pd.read_csv(KEPT / "standard" / "figures" / "lifetime.csv")
    row = figure[(figure.model == "rcn18+carried") & (figure.way == "last") & (figure.age == 1024)].iloc[0]
    lived = both.lifetime.query("model == 'rcn18+carried' and way == 'last' and state_age_frames == 1024")
    assert lived.correct.mean() == pytest.approx(row.accuracy, abs=1e-6)


def test_profiles_hold_costs_and_timings_of_one_clip_length(both):
    mini = both.profiles[both.profiles.results == "mini"]
    assert mini.training_clips_per_second.notna().any()
    assert not mini.duplicated(["model", "stem_pool", "clip_frames"]).any()
    assert set(both.causality[both.causality.is_causal].model) >= {"rcn18", "c2d18"}


def section(name):
    """The columns that a section of the page names in the first cells of its tables."""
    (text,) = [part for part in PAGE.split("\n## ") if f"`{name}`" in part.partition("\n")[0]]
    cells = re.findall(r"^\| (`[^|]*) \|", text, re.MULTILINE)
    return {column for cell in cells for column in re.findall(r"`(\w+)`", cell)}


def test_every_column_is_explained(both):
    shared = {"results", "run", "model", "clip_frames", "w_xh", "w_hh", "seed"}
    for name, frame in frames_of(both).items():
        if name == "gaps":
            assert all(f"`{column}`" in PAGE for column in frame)
        elif name not in ("online", "lifetime"):
            assert set(frame) - shared == section(name), name
    assert section("online") == (set(both.online) | set(both.lifetime)) - shared
    assert {field.name for field in fields(Results)} <= set(re.findall(r"`(\w+)`", PAGE))


def test_what_the_page_shows_runs(both, monkeypatch):
    (shown,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    folders = []
    monkeypatch.setattr(rcn_bench, "load_results", lambda *given: folders.extend(given) or both)
    exec(shown, {})
    assert all(Path(folder).is_dir() for folder in folders)


def test_frames_have_their_columns_where_they_have_no_row(both):
    mini = rcn_bench.load_results(KEPT / "mini")
    assert mini.online.empty
    for name, frame in frames_of(mini).items():
        assert list(frame) == list(frames_of(both)[name])


def test_what_is_not_there_yet_or_of_other_settings_is_told_of(copy):
    (copy / "MANIFEST.json").unlink()
    (copy / "runs" / RUN / "eval.json").unlink()
    config = copy / "config.yaml"
    config.write_text(config.read_text().replace("evaluation_clips: 10", "evaluation_clips: 4"))
    results = rcn_bench.load_results(copy)
    assert len(results.runs) == 20
    assert results.runs.video_accuracy.isna().all()
    assert results.predictions.empty
    why = results.gaps.set_index("record").why
    assert why[f"runs/{RUN}/eval.json"] == f"not there; rcn-bench evaluate {RUN} makes it"
    other = why["runs/rcn18-t8-xh_stills-hh_identity-s1/eval.json"]
    assert "clip.evaluation_clips was 10, is 4" in other


@pytest.mark.parametrize("name", ["eval.json", "metrics.jsonl", "predictions.csv"])
def test_what_cannot_be_read_is_one_line_that_names_the_file(copy, name):
    file = copy / "runs" / RUN / name
    file.write_text(file.read_text().replace("1", "2", 1))
    with pytest.raises(InputError, match=re.escape(str(file))) as told:
        rcn_bench.load_results(copy)
    assert "\n" not in str(told.value)


def test_a_folder_without_results_is_refused(copy, tmp_path):
    with pytest.raises(InputError, match="name a folder with the results of one experiment"):
        rcn_bench.load_results(tmp_path)
    for name in ("runs", "tables", "figures", "profiles", "pretrained"):
        shutil.rmtree(copy / name)
    for name in ("causality.json", "throughput.json", "MANIFEST.json"):
        (copy / name).unlink()
    with pytest.raises(InputError, match="no results yet; `rcn-bench status"):
        rcn_bench.load_results(copy)


def test_the_import_loads_nothing_heavy_and_help_shows_the_functions():
    script = "import sys, rcn_bench; print(*dir(rcn_bench)); assert not {'torch', 'pandas', 'numpy'} & {*sys.modules}"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert {"create_model", "list_models", "load_results"} <= {*done.stdout.split()}
    told = pydoc.plain(pydoc.render_doc(rcn_bench))
    for name in rcn_bench.__all__:
        assert f"    {name}(" in told


def test_the_package_says_that_it_has_types():
    assert (Path(rcn_bench.__file__).parent / "py.typed").is_file()

import csv
import json
import re

import numpy as np
import pandas as pd
import pytest

from rcn_bench.config import check_config, load_config
from rcn_bench.errors import InputError
from rcn_bench.experiment import Run, profiled_clips, table_runs, timed_clips
from rcn_bench.layout import Layout
from rcn_bench.reporting import paper
from rcn_bench.reporting.tables import BUILDERS, write_table

CLIPS = 10
GIB = 2**30


@pytest.fixture
def config():
    return load_config("config/mini.yaml") | {"seeds": [0, 1]}


@pytest.fixture
def layout(config, tmp_path):
    return result_files(config, Layout(tmp_path / "results"))


def result_files(config, layout):
    """Result files of every run with random predictions, as training and profiling would leave them."""
    rng = np.random.default_rng(0)
    for run in table_runs(config):
        layout.run(run).mkdir(parents=True)
        write_predictions(layout, run, rng.random(40) < 0.5, rng.integers(0, CLIPS + 1, 40))
    stills = layout.pretrained("resnet18").with_suffix(".json")
    stills.parent.mkdir()
    stills.write_text(json.dumps({"held_out_accuracy": 0.975, "held_out_stills": 250}))
    for model, lengths in profiled_clips(config).items():
        rows = [profile_row(model, frames, stem_pool) for frames in lengths for stem_pool in stems(model)]
        write_profile(layout, model, rows)
    speeds = [
        throughput_row(model, frames, stem_pool)
        for model, lengths in timed_clips(config).items()
        for frames in lengths
        for stem_pool in stems(model)
    ]
    machine = {"device": "cpu", "cpu": "a processor", "threads": 2}
    layout.throughput.write_text(json.dumps({"rows": speeds, "machine": machine}))
    certificates = [
        certificate("rcn18", True, 0.0, past=15, future=0, outputs=16),
        certificate("i3d18", False, 0.123456, past=13, future=14, outputs=2),
    ]
    layout.causality.write_text(json.dumps({"rows": certificates}))
    return layout


def stems(model):
    return (None,) if model == "i3d18_causal" else (True, False)  # one of the models is to lack the option


def write_predictions(layout, run, video_correct, clips_correct):
    rows = {
        "video": [f"v{i}" for i in range(len(video_correct))],
        "group": [f"g{i // 2}" for i in range(len(video_correct))],
        "label": "walk",
        "predicted": np.where(video_correct, "walk", "run"),
        "clips_correct": clips_correct,
    }
    pd.DataFrame(rows).to_csv(layout.predictions(run), index=False)
    evaluation = {"clips_per_video": CLIPS, "videos_used": len(video_correct), "videos_skipped": ["x", "y", "z"]}
    layout.evaluation(run).write_text(json.dumps(evaluation))


def write_profile(layout, model, rows, device="cpu"):
    layout.profile(model).parent.mkdir(parents=True, exist_ok=True)
    layout.profile(model).write_text(json.dumps({"rows": rows, "machine": {"device": device}}))


def profile_row(model, frames, stem_pool):
    gmacs = 4.268 * frames / 8 * (4 if stem_pool is False else 1)
    return {
        "model": model,
        "stem_pool": stem_pool,
        "frames": frames,
        "parameters": 1234567,
        "gmacs": gmacs,
        "gmacs_per_new_frame": gmacs / frames if model.startswith(("rcn", "c2d")) else gmacs,
        "input": f"3x{frames}x112x112",
        "classes": 400,
        "memory_batch": 128 // frames,
        "activation_checkpointing": False,
        "estimated_activations_bytes": GIB,
        "estimated_training_bytes": 2 * GIB,
        "estimated_inference_bytes": GIB // 4,
        "estimated_largest_batch": 1200 // frames,
    }


def measured(row, training, largest_batch):
    """A profile's row as a machine with a GPU writes it; no bytes for a batch that is too large."""
    sizes = {
        "measured_activations_bytes": training and training // 2,
        "measured_training_bytes": training,
        "measured_inference_bytes": training and training // 4,
    }
    return row | sizes | {"measured_largest_batch": largest_batch}


def throughput_row(model, frames, stem_pool):
    return {
        "model": model,
        "stem_pool": stem_pool,
        "frames": frames,
        "timing_input": f"3x{frames}x32x32",
        "timing_batch": 64 // frames,
        "training_clips_per_second": 40.0,
        "inference_clips_per_second": 120.0,
        "live_frames_per_second": 200.0 if model.startswith(("rcn", "c2d")) else 25.0,
        "live_by": "state" if model.startswith(("rcn", "c2d")) else "window",
    }


def certificate(model, causal, change, *, past, future, outputs):
    return {
        "model": model,
        "causal": causal,
        "largest_change": change,
        "frames": 16,
        "outputs": outputs,
        "past_frames": past,
        "future_frames": future,
    }


def written(name, config, layout):
    write_table(name, config, layout)
    path = layout.table(name)
    with path.with_suffix(".csv").open() as file:
        return list(csv.DictReader(file)), path.with_suffix(".md").read_text(), path.with_suffix(".tex").read_text()


def shown(text):
    """The rows that a reader of the Markdown or the LaTeX sees, by column."""
    lines = [line[1:-1] for line in text.splitlines() if line.startswith("| ")]
    lines = lines or [line.removesuffix(r"\\").replace("\\", "") for line in text.splitlines() if " & " in line]
    columns, *rows = ([cell.strip() for cell in re.split(r"[|&]", line)] for line in lines)
    return [dict(zip(columns, row, strict=True)) for row in rows]


def test_table1_averages_seeds_and_keeps_the_papers_figures_apart(config, layout):
    rows, markdown, _ = written("table1_init", config, layout)
    assert [(row["w_xh"], row["w_hh"]) for row in rows] == [
        ("random", "random"),
        ("random", "identity"),
        ("stills", "random"),
        ("stills", "identity"),
    ]
    for row in rows:
        runs = [Run.parse(name) for name in row["runs"].split()]
        assert [run.seed for run in runs] == [0, 1]
        tables = [pd.read_csv(layout.predictions(run)) for run in runs]
        video = np.mean([(table["predicted"] == table["label"]).mean() for table in tables])
        clip = np.mean([table["clips_correct"].mean() / CLIPS for table in tables])
        assert float(row["video acc %"]) == pytest.approx(100 * video)
        assert float(row["clip acc %"]) == pytest.approx(100 * clip)
        assert float(row["video 95 % low"]) < 100 * video < float(row["video 95 % high"])
        assert (row["videos"], row["skipped"], row["seeds"]) == ("40", "3", "0 1")
    assert [float(row["paper video acc %"]) for row in rows] == [video for _, video in paper.TABLE1.values()]
    assert "stills of the embedded data set" in markdown
    assert "97.5 % on 250 held-out stills" in markdown


def test_every_row_links_to_its_runs(config, layout):
    _, markdown, _ = written("table1_init", config, layout)
    for run in table_runs(config):
        if run.model == "rcn18" and run.frames == 8:
            assert f"[{run.name}](../runs/{run.name}/eval.json)" in markdown


def test_table2_has_a_row_for_what_cannot_be_pretrained(config, layout):
    rows, markdown, latex = written("table2_architectures", config, layout)
    (row,) = [row for row in rows if (row["model"], row["w_xh"]) == ("r2plus1d18", "stills")]
    assert row["video acc %"] == row["runs"] == ""
    assert "n/a" in next(line for line in markdown.splitlines() if "r2plus1d18" in line and "stills" in line)
    assert "n/a" in latex
    assert {row["parameters"] for row in rows} == {"1234567"}


def test_whole_numbers_stay_whole_beside_missing_ones(config, layout):
    # r2plus1d18 from stills has no videos to count: a column of floats would show all others as 40.0.
    rows, markdown, latex = written("table2_architectures", config, layout)
    assert {(row["videos"], row["skipped"]) for row in rows} == {("40", "3"), ("", "")}
    for text in (markdown, latex):
        *others, last = shown(text)
        assert {(row["videos"], row["skipped"], row["parameters"]) for row in others} == {("40", "3", "1,234,567")}
        assert (last["model"], last["w_xh"]) == ("r2plus1d18", "stills")
        assert (last["videos"], last["skipped"], last["parameters"]) == ("n/a", "n/a", "1,234,567")


def test_table3_gives_memory_and_time_per_clip(config, layout):
    rows, markdown, latex = written("table3_clip_length", config, layout)
    assert [(row["model"], row["frames"]) for row in rows] == [("rcn18", "8"), ("rcn18", "16")]
    assert [float(row["training MiB/clip"]) for row in rows] == [128.0, 256.0]  # 2 GiB over 16 clips, over 8
    assert {float(row["training ms/clip"]) for row in rows} == {25.0}
    assert {row["memory"] for row in rows} == {"estimated"}
    for text in (markdown, latex):
        assert [row["training MiB/clip"] for row in shown(text)] == ["128.0", "256.0"]
        assert {row["memory"] for row in shown(text)} == {"estimated"}


def test_table3_prefers_measured_memory_and_has_none_of_a_batch_that_is_too_large(config, layout):
    short, long = (profile_row("rcn18", frames, True) for frames in (8, 16))
    write_profile(layout, "rcn18", [measured(short, 4 * GIB, 100), measured(long, None, 5)], "a card")
    rows, markdown, latex = written("table3_clip_length", config, layout)
    assert [row["training MiB/clip"] for row in rows] == ["256.0", ""]
    assert {row["memory"] for row in rows} == {"measured"}
    for text in (markdown, latex):
        assert [row["training MiB/clip"] for row in shown(text)] == ["256.0", "n/a"]
        assert {row["memory"] for row in shown(text)} == {"measured"}


def test_table4_has_both_stems_and_every_clip_length_and_names_the_input(config, layout):
    config["tables"]["table4"]["frames"] = [16, 8]
    rows, markdown, _ = written("table4_cost", config, layout)
    rcn = [(row["stem pool"], row["frames"], row["input"]) for row in rows if row["model"] == "rcn18"]
    assert rcn == [(stem, frames, f"3x{frames}x112x112") for frames in ("8", "16") for stem in ("True", "False")]
    assert "a processor, 2 threads" in markdown


def test_table4_leaves_out_clip_lengths_that_only_other_tables_ask_for(config, layout):
    rows, _, _ = written("table4_cost", config, layout)
    assert 16 in profiled_clips(config)["rcn18"]
    assert {row["frames"] for row in rows} == {"8"}
    assert list(dict.fromkeys(row["model"] for row in rows)) == config["tables"]["table4"]["models"]


def test_table4_compares_live_cost_with_table1s_model(config, layout):
    rows, markdown, latex = written("table4_cost", config, layout)
    live = {
        row["model"]: (row["live by"], float(row["live frames/s"]), float(row["live cost"]))
        for row in rows
        if row["stem pool"] != "False"
    }
    by_state, by_window = ("state", 200.0, 1.0), ("window", 25.0, 8.0)
    assert live == {
        "c2d18": by_state,
        "rcn18": by_state,
        "i3d18": by_window,
        "i3d18_causal": by_window,
        "r2plus1d18": by_window,
    }
    gmacs = {row["model"]: float(row["live GMACs/frame"]) for row in rows if row["stem pool"] == "True"}
    assert gmacs["rcn18"] == pytest.approx(4.268 / 8)
    assert gmacs["i3d18"] == 4.268
    assert "multiple of rcn18 at 8 frames" in markdown
    for text in (markdown, latex):
        live = {(row["model"], row["stem pool"]): list(row.values())[-4:] for row in shown(text)}
        assert live["rcn18", "True"] == ["state", "0.533", "200.0", "1"]
        assert live["i3d18", "False"] == ["window", "17.1", "25", "8"]


def test_table4_needs_no_other_table_to_time_table1s_model(config, tmp_path):
    config["tables"]["table3"]["models"] = config["tables"]["table4"]["models"] = ["i3d18"]
    check_config(config, "config")
    rows, _, _ = written("table4_cost", config, result_files(config, Layout(tmp_path / "results")))
    assert {float(row["live cost"]) for row in rows} == {8.0}


def test_model_without_a_stem_option_has_one_row(config, layout):
    for name in ("table4_cost", "table6_memory"):
        rows, markdown, latex = written(name, config, layout)
        for found in (rows, shown(markdown), shown(latex)):
            (row,) = [row for row in found if row["model"] == "i3d18_causal"]
            assert row["stem pool"] == ("" if found is rows else "n/a")


def test_table5_shows_the_certificates(config, layout):
    rows, markdown, latex = written("table5_causality", config, layout)
    assert [list(row.values()) for row in rows] == [
        ["rcn18", "yes", "0.0", "15", "0", "16", "16"],
        ["i3d18", "no", "0.123456", "13", "14", "16", "2"],
    ]
    assert list(rows[0]) == [
        "model",
        "causal",
        "change by later frames",
        "earlier frames seen",
        "later frames seen",
        "of frames",
        "outputs in time",
    ]
    for text in (markdown, latex):
        assert [list(row.values()) for row in shown(text)] == [
            ["rcn18", "yes", "0", "15", "0", "16", "16"],
            ["i3d18", "no", "0.123", "13", "14", "16", "2"],
        ]


def test_table6_without_a_gpu_is_all_estimated(config, layout):
    rows, markdown, latex = written("table6_memory", config, layout)
    assert {row["memory"] for row in rows} == {"estimated"}
    row = next(row for row in rows if row["model"] == "rcn18")
    assert (row["frames"], row["batch"], row["checkpointing"]) == ("8", "16", "False")
    assert [float(row[f"{kind} GiB"]) for kind in ("activations", "training", "inference")] == [1.0, 2.0, 0.25]
    assert row["largest batch in 11 GiB"] == "150"
    assert row["estimate's error %"] == row["of the largest batch %"] == ""
    assert "none here" in markdown
    assert "card of 11 GiB" in markdown
    for text in (markdown, latex):
        row = next(row for row in shown(text) if row["model"] == "rcn18")
        assert list(row.values())[-7:] == ["1", "2", "0.25", "150", "estimated", "n/a", "n/a"]


def test_table6_with_a_gpu_gives_the_estimates_error_and_nothing_for_a_batch_that_is_too_large(config, layout):
    pool, no_pool = (profile_row("rcn18", 8, stem_pool) for stem_pool in (True, False))
    write_profile(layout, "rcn18", [measured(pool, 4 * GIB, 120), measured(no_pool, None, 0)], "a card")
    write_profile(layout, "c2d18", [measured(profile_row("c2d18", 8, True), GIB, 1500)], "a card")
    config["tables"]["table4"]["models"] = ["c2d18", "rcn18"]
    rows, markdown, latex = written("table6_memory", config, layout)
    assert {row["memory"] for row in rows} == {"measured"}
    c2d, fits, too_large = rows
    assert [float(fits[f"{kind} GiB"]) for kind in ("activations", "training", "inference")] == [2.0, 4.0, 1.0]
    assert float(fits["estimate's error %"]) == pytest.approx(-50)  # 2 GiB estimated, 4 measured
    assert float(fits["of the largest batch %"]) == pytest.approx(25)  # 150 estimated, 120 measured
    assert float(c2d["estimate's error %"]) == pytest.approx(100)
    assert too_large["training GiB"] == too_large["estimate's error %"] == too_large["of the largest batch %"] == ""
    assert [row["largest batch in 11 GiB"] for row in rows] == ["1500", "120", "0"]
    assert "on a card, where" in markdown
    assert "none here" not in markdown
    for text in (markdown, latex):
        assert [list(row.values())[-7:] for row in shown(text)] == [
            ["0.5", "1", "0.25", "1,500", "measured", "100.0", "-90.0"],
            ["2", "4", "1", "120", "measured", "-50.0", "25.0"],
            ["n/a", "n/a", "n/a", "0", "measured", "n/a", "n/a"],
        ]


def test_table6_says_what_was_checkpointed(config, layout):
    write_profile(layout, "rcn18", [profile_row("rcn18", 8, True) | {"activation_checkpointing": True}])
    rows, _, _ = written("table6_memory", config, layout)
    assert {row["model"] for row in rows if row["checkpointing"] == "True"} == {"rcn18"}


def test_one_seed_is_said_to_order_nothing(config, layout):
    _, two_seeds, _ = written("table1_init", config, layout)
    _, one_seed, _ = written("table1_init", config | {"seeds": [0]}, layout)
    assert "One seed" in one_seed
    assert "One seed" not in two_seeds


@pytest.mark.parametrize("name", BUILDERS)
def test_latex_is_a_whole_table_with_escaped_names(config, layout, name):
    _, _, latex = written(name, config, layout)
    assert latex.startswith("\\begin{table}")
    assert latex.rstrip().endswith("\\end{table}")
    assert not re.search(r"(?<!\\)[%_]", latex.replace(f"tab:{name}", ""))


def test_unknown_table_is_refused(config, layout):
    with pytest.raises(InputError, match="table9"):
        write_table("table9", config, layout)

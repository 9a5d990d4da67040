import csv
import json
import re

import numpy as np
import pandas as pd
import pytest

from rcn_bench.config import load_config
from rcn_bench.errors import InputError
from rcn_bench.experiment import Run, clip_lengths, profiled_models, table_runs, timed_models
from rcn_bench.layout import Layout
from rcn_bench.reporting import paper
from rcn_bench.reporting.tables import BUILDERS, write_table

CLIPS = 10


@pytest.fixture
def config():
    return load_config("config/mini.yaml") | {"seeds": [0, 1]}


@pytest.fixture
def layout(config, tmp_path):
    """Result files of every run with random predictions, as training and profiling would leave them."""
    layout, rng = Layout(tmp_path / "results"), np.random.default_rng(0)
    for run in table_runs(config):
        layout.run(run).mkdir(parents=True)
        write_predictions(layout, run, rng.random(40) < 0.5, rng.integers(0, CLIPS + 1, 40))
    stills = layout.pretrained("resnet18").with_suffix(".json")
    stills.parent.mkdir()
    stills.write_text(json.dumps({"held_out_accuracy": 0.975, "held_out_stills": 250}))
    for model in profiled_models(config):
        rows = [profile_row(model, frames, stem_pool) for frames in clip_lengths(config) for stem_pool in (True, False)]
        layout.profile(model).parent.mkdir(parents=True, exist_ok=True)
        layout.profile(model).write_text(json.dumps({"rows": rows}))
    speeds = [
        throughput_row(model, frames, stem_pool)
        for model in timed_models(config)
        for frames in clip_lengths(config)
        for stem_pool in (True, False)
    ]
    machine = {"device": "cpu", "cpu": "a processor", "threads": 2}
    layout.throughput.write_text(json.dumps({"rows": speeds, "machine": machine}))
    return layout


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


def profile_row(model, frames, stem_pool):
    return {
        "model": model,
        "stem_pool": stem_pool,
        "frames": frames,
        "parameters": 1234567,
        "gmacs": 4.268 * frames / 8 * (1 if stem_pool else 4),
        "input": f"3x{frames}x112x112",
        "memory_batch": 512 // frames,
        "activation_bytes": 2**30,
        "memory_is": "estimated",
    }


def throughput_row(model, frames, stem_pool):
    return {
        "model": model,
        "stem_pool": stem_pool,
        "frames": frames,
        "timing_input": f"3x{frames}x32x32",
        "timing_batch": 64 // frames,
        "training_clips_per_second": 40.0,
        "inference_clips_per_second": 120.0,
    }


def written(name, config, layout):
    write_table(name, config, layout)
    path = layout.table(name)
    with path.with_suffix(".csv").open() as file:
        return list(csv.DictReader(file)), path.with_suffix(".md").read_text(), path.with_suffix(".tex").read_text()


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


def test_table3_gives_memory_and_time_per_clip(config, layout):
    rows, _, _ = written("table3_clip_length", config, layout)
    assert [(row["model"], row["frames"]) for row in rows] == [("rcn18", "8"), ("rcn18", "16")]
    assert [float(row["activations MiB/clip"]) for row in rows] == [16.0, 32.0]
    assert {float(row["training ms/clip"]) for row in rows} == {25.0}
    assert {row["memory"] for row in rows} == {"estimated"}


def test_table4_has_both_stems_and_names_the_input(config, layout):
    rows, markdown, _ = written("table4_cost", config, layout)
    rcn = [(row["stem pool"], row["frames"], row["input"]) for row in rows if row["model"] == "rcn18"]
    assert rcn == [(stem, frames, f"3x{frames}x112x112") for frames in ("8", "16") for stem in ("True", "False")]
    assert "a processor, 2 threads" in markdown


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

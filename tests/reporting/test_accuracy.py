"""Tables 1 to 3."""

from dataclasses import replace

import numpy as np
import pytest
from table_results import CLIPS, GIB, measured, model_costs, write_profile
from written import shown, written_table

from rcn_bench.errors import InputError
from rcn_bench.plan.experiment import Experiment
from rcn_bench.plan.products import find_product
from rcn_bench.plan.run import Run
from rcn_bench.records.costs import Profile
from rcn_bench.records.runs import Evaluation, Pretrained, Trained
from rcn_bench.reporting import paper
from rcn_bench.reporting.write import table_in_part
from results import an_example, own_origin, write_own_run

RUN = Run.parse("rcn18-t8-xh_stills-hh_identity-s1")
RCN34 = {"w_xh": ["random", "stills"], "w_hh": ["random", "identity"]}


def test_table1_averages_seeds_and_keeps_the_papers_figures_apart(experiment):
    rows, markdown, _ = written_table(experiment, "table1_init")
    assert [(row["w_xh"], row["w_hh"]) for row in rows] == [
        ("random", "random"),
        ("random", "identity"),
        ("stills", "random"),
        ("stills", "identity"),
    ]
    for row in rows:
        runs = [Run.parse(name) for name in row["runs"].split()]
        assert [run.seed for run in runs] == [0, 1]
        paths = experiment.paths
        tables = [Evaluation.read(paths.evaluation(run)).predictions(paths.predictions(run)) for run in runs]
        video = np.mean([(table["predicted"] == table["label"]).mean() for table in tables])
        clip = np.mean([table["clips_correct"].mean() / CLIPS for table in tables])
        assert float(row["video acc %"]) == pytest.approx(100 * video)
        assert float(row["clip acc %"]) == pytest.approx(100 * clip)
        assert float(row["video acc 95 % interval low"]) < 100 * video < float(row["video acc 95 % interval high"])
        assert (row["videos"], row["videos skipped"], row["seeds"]) == ("40", "3", "0 1")
    papers = [
        (float(row["paper, on Kinetics: clip acc %"]), float(row["paper, on Kinetics: video acc %"])) for row in rows
    ]
    assert papers == list(paper.TABLE1.values())
    assert "stills of the embedded data set" in markdown
    assert "97.5 % on 250 held-out stills" in markdown


def test_table1_names_both_data_sets_and_says_that_the_papers_set_up_is_an_older_one(experiment):
    _, markdown, latex = written_table(experiment, "table1_init")
    assert markdown.startswith("# Table 1. Inits of rcn18 at 8 frames on moving digits\n")
    for text in (markdown, latex):
        assert {row["paper, on Kinetics: video acc %"] for row in shown(text)} == {"61.2", "61.8", "62.5", "65.1"}
        assert "an older training set-up" in text


@pytest.mark.parametrize("shown_model", [{"model": "rcn34", "frames": 8}, {"model": "rcn18", "frames": 16}])
def test_the_papers_figures_stand_beside_its_own_model_and_clip_length_alone(make, shown_model):
    experiment = make({"tables": {"table1": shown_model}, "models": {"rcn34": RCN34}})
    if shown_model["model"] == "rcn34":
        write_stills_of_resnet34(experiment)
    rows, markdown, _ = written_table(experiment, "table1_init")
    assert len(rows) == 4
    assert not [column for column in rows[0] if "paper" in column.lower()]
    assert "paper" not in markdown.lower()


def write_stills_of_resnet34(experiment):
    record = an_example(Pretrained, network="resnet34", origin=own_origin(experiment, "pretrain", "resnet34"))
    record.write(experiment.paths.pretrained("resnet34").with_suffix(".json"))


def test_without_pretrained_weights_there_are_no_such_rows(make):
    random = {
        model: {"w_xh": ["random"], "w_hh": w_hh}
        for model, w_hh in {"c2d18": None, "rcn18": ["random", "identity"], "i3d18": None}.items()
    }
    experiment = make(
        {"pretrained": None, "pretrain": None, "models": random | {"rcn34": None, "r2plus1d18": None}}
        | {"tables": {"table2": {"models": list(random), "frames": 8}}}
    )
    rows, markdown, _ = written_table(experiment, "table1_init")
    assert [(row["w_xh"], row["w_hh"]) for row in rows] == [("random", "random"), ("random", "identity")]
    assert [float(row["paper, on Kinetics: video acc %"]) for row in rows] == [61.2, 61.8]
    assert "stills" not in markdown
    rows, markdown, _ = written_table(experiment, "table2_architectures")
    assert [(row["model"], row["w_xh"]) for row in rows] == [(model, "random") for model in random]
    assert all(row["video acc %"] for row in rows)


def test_every_row_links_to_its_runs(experiment):
    _, markdown, _ = written_table(experiment, "table1_init")
    runs = find_product(experiment, "table1_init", "table").runs()
    assert len(runs) == 8
    for run in runs:
        assert f"[{run.name}](../runs/{run.name}/eval.json)" in markdown


def test_table2_says_what_it_has_no_row_for(experiment):
    rows, markdown, latex = written_table(experiment, "table2_architectures")
    assert [row["w_xh"] for row in rows if row["model"] == "r2plus1d18"] == ["random"]
    for text in (markdown, latex):
        assert "No row for r2plus1d18 from stills: the config lists no such start." in text
        assert "n/a" not in text
    assert {row["parameters"] for row in rows} == {"1234567"}


def test_counts_and_seeds_of_all_rows_stand_below_the_table(experiment):
    rows, markdown, latex = written_table(experiment, "table2_architectures")
    assert {(row["videos"], row["videos skipped"], row["seeds"]) for row in rows} == {("40", "3", "0 1")}
    for text in (markdown, latex):
        assert "3 videos skipped, 2 seeds, stem pool yes." in text
        assert not {"videos", "videos skipped", "seeds", "stem pool"} & shown(text)[0].keys()
        assert {row["parameters"] for row in shown(text)} == {"1,234,567"}


def test_table3_gives_memory_and_time_per_clip(experiment):
    rows, markdown, latex = written_table(experiment, "table3_clip_length")
    assert [(row["model"], row["frames"]) for row in rows] == [("rcn18", "8"), ("rcn18", "16")]
    assert [float(row["training MiB/clip"]) for row in rows] == [128.0, 256.0]  # 2 GiB over 16 clips, over 8
    assert {float(row["training ms/clip"]) for row in rows} == {25.0}
    assert {row["memory measured or estimated"] for row in rows} == {"estimated"}
    for text in (markdown, latex):
        assert [row["training MiB/clip"] for row in shown(text)] == ["128", "256"]
        assert "memory measured or estimated estimated." in text


def test_table3_prefers_measured_memory_and_has_none_of_a_batch_that_is_too_large(experiment):
    short = model_costs("rcn18", 8, True, measured(4 * GIB, 100))
    write_profile(experiment, "rcn18", [short, model_costs("rcn18", 16, True, measured(None, 5))], "a card")
    rows, markdown, latex = written_table(experiment, "table3_clip_length")
    assert [row["training MiB/clip"] for row in rows] == ["256.0", ""]
    assert {row["memory measured or estimated"] for row in rows} == {"measured"}
    for text in (markdown, latex):
        assert [row["training MiB/clip"] for row in shown(text)] == ["256", "n/a"]
        assert "memory measured or estimated measured." in text
        assert "n/a for training MiB/clip: the batch does not fit." in text


def test_one_seed_is_said_to_order_nothing(make):
    _, two_seeds, _ = written_table(make(), "table1_init")
    _, one_seed, _ = written_table(make({"seeds": [0]}), "table1_init")
    assert "One seed" in one_seed
    assert "One seed" not in two_seeds


# Results of other experiments


def changed(experiment, **sections):
    """The same results read with another config."""
    return Experiment.of(experiment.config | sections, experiment.results)


def test_results_evaluated_with_other_settings_are_refused(experiment):
    clip = experiment.config["clip"] | {"evaluation_clips": 4}
    with pytest.raises(InputError, match=r"eval\.json: .*evaluation_clips was 10, is 4"):
        written_table(changed(experiment, clip=clip), "table1_init")


def test_results_trained_with_other_settings_are_refused_even_if_they_were_evaluated_alike(experiment):
    train = experiment.config["train"] | {"lr": 0.5}
    with pytest.raises(InputError, match=r"provenance\.json: .*lr was 0\.02, is 0\.5"):
        written_table(changed(experiment, train=train), "table1_init")


def test_an_evaluation_of_other_weights_than_were_trained_is_refused(experiment):
    path = experiment.paths.training(RUN)
    origin = own_origin(experiment, "train", RUN.name)
    an_example(Trained, origin=origin, run=RUN.name, weights_sha256="trained anew").write(path)
    with pytest.raises(
        InputError, match=f"other weights than were evaluated; run `rcn-bench evaluate {RUN.name}` again"
    ):
        written_table(experiment, "table1_init")


def test_a_run_evaluated_on_other_videos_than_the_others_is_refused(experiment):
    changes = {"clips_per_video": CLIPS, "data_fingerprint": "other videos"}
    write_own_run(experiment, RUN, [True, False], [1, 2], **changes)
    with pytest.raises(InputError, match=f"{RUN.name}/eval.json: evaluated on other videos"):
        written_table(experiment, "table1_init")


@pytest.mark.parametrize(
    ("key", "change", "table", "file"),
    [
        ("profile", {"size": 64}, "table2_architectures", "c2d18.json"),
        ("profile", {"seconds": 9}, "table3_clip_length", "throughput.json"),
        ("pretrain", {"epochs": 9}, "table1_init", "eval.json"),
    ],
)
def test_costs_and_stills_of_other_settings_are_refused(experiment, key, change, table, file):
    other = changed(experiment, **{key: experiment.config[key] | change})
    with pytest.raises(InputError, match=f"{file}: .*{next(iter(change))} was"):
        written_table(other, table)


def test_predictions_that_are_not_those_evaluated_are_refused(experiment):
    with experiment.paths.predictions(RUN).open("a") as file:
        file.write("v40,g20,walk,walk,0.5,10\n")
    with pytest.raises(InputError, match=f"{RUN.name}/predictions.csv"):
        written_table(experiment, "table1_init")


def test_of_too_few_groups_there_are_no_intervals_and_a_line_says_so(experiment):
    for run in find_product(experiment, "table1_init", "table").runs():
        write_own_run(experiment, run, [True, False] * 7, [1, 2] * 7, clips_per_video=CLIPS)
    rows, markdown, _ = written_table(experiment, "table1_init")
    assert {row["video acc %"] for row in rows} == {"50.0"}
    assert {row["video acc 95 % interval low"] for row in rows} == {""}
    told = "- n/a for clip acc 95 % interval and video acc 95 % interval: it takes 8 groups of videos, and here are 7."
    assert told in markdown
    assert not [column for column in shown(markdown)[0] if "interval" in column]
    assert "Of no row" not in markdown


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        (
            dict.fromkeys(("videos_used", "videos_usable", "videos_listed"), 3),
            "predictions.csv: videos_used of its rows is 2, the record beside it has 3",
        ),
        ({"video_accuracy": 0.987}, "predictions.csv: video_accuracy of its rows is 0.5, "),
        ({"clip_accuracy": 0.5}, "predictions.csv: clip_accuracy of its rows is 0.15, "),
    ],
)
def test_an_evaluation_that_is_not_what_its_predictions_come_to_is_refused(experiment, changes, what):
    for run in find_product(experiment, "table1_init", "table").runs():
        write_own_run(experiment, run, [True, False], [1, 2], clips_per_video=CLIPS)
    written_table(experiment, "table1_init")
    write_own_run(experiment, RUN, [True, False], [1, 2], **{"clips_per_video": CLIPS, **changes})
    with pytest.raises(InputError, match=f"{RUN.name}/{what}.*; run `rcn-bench evaluate {RUN.name}` again"):
        written_table(experiment, "table1_init")


@pytest.mark.parametrize(
    ("kind", "place", "key", "table"),
    [
        (Evaluation, lambda paths: paths.evaluation(RUN), "run", "table1_init"),
        (Trained, lambda paths: paths.training(RUN), "run", "table1_init"),
        (Pretrained, lambda paths: paths.pretrained("resnet18").with_suffix(".json"), "network", "table1_init"),
        (Profile, lambda paths: paths.profile("rcn18"), "model", "table3_clip_length"),
    ],
)
def test_a_record_of_another_run_or_model_is_refused(experiment, kind, place, key, table):
    path = place(experiment.paths)
    own = {"rows": []} if kind is Profile else {}  # its rows say themselves which model they are of
    replace(kind.read(path), **{key: "x"}, **own).write(path)
    with pytest.raises(InputError, match=rf"{path.name}: {key}: 'x' is not .*; run `rcn-bench \w+ [^ ]+` again"):
        written_table(experiment, table)


def test_a_missing_evaluation_says_what_to_run(experiment):
    experiment.paths.evaluation(RUN).unlink()
    with pytest.raises(InputError, match=f"run `rcn-bench evaluate {RUN.name}` first"):
        written_table(experiment, "table1_init")


# Tables in part


def test_a_table_in_part_shows_the_runs_that_are_there_and_names_those_that_are_not(experiment):
    paths = experiment.paths
    runs = find_product(experiment, "table1_init", "table").rows()
    for run in [*runs["random", "random"], RUN]:
        paths.evaluation(run).unlink()
    paths.pretrained("resnet18").with_suffix(".json").unlink()
    made, missing = table_in_part(experiment, "table1_init")
    rows = [(row["w_xh"], row["w_hh"], row["seeds"]) for row in made.rows.to_dict("records")]
    assert rows == [("random", "identity", "0 1"), ("stills", "random", "0 1"), ("stills", "identity", "0")]
    assert [line.partition(": not there")[0] for line in missing] == [
        *(str(paths.evaluation(run)) for run in [*runs["random", "random"], RUN]),
        str(paths.pretrained("resnet18").with_suffix(".json")),
    ]
    assert not paths.table("table1_init").with_suffix(".md").exists()


def test_a_table_in_part_does_without_costs(experiment):
    experiment.paths.profile("rcn18").unlink()
    experiment.paths.throughput.unlink()
    made, missing = table_in_part(experiment, "table3_clip_length")
    assert list(made.rows["frames"]) == [8, 16]
    assert not [column for column in made.rows if "training" in column]
    assert len(missing) == 2
    made, _ = table_in_part(experiment, "table2_architectures")
    assert "n/a for stem pool and parameters" not in made.markdown()
    assert shown(made.markdown())[2]["parameters"] == "n/a"
    assert "n/a for parameters: they are not counted yet." in made.markdown()


def test_nothing_is_missing_of_a_whole_table_and_a_table_of_nothing_is_refused(experiment):
    assert table_in_part(experiment, "table1_init")[1] == []
    for run in find_product(experiment, "table1_init", "table").runs():
        experiment.paths.evaluation(run).unlink()
    with pytest.raises(InputError, match="table1_init: none of its runs has been evaluated"):
        table_in_part(experiment, "table1_init")

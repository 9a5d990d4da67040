"""Tables and figures that show an accuracy say what of the videos is trained on too."""

from dataclasses import replace

import pytest
from table_results import CLIPS, write_online_run
from written import written_table

from rcn_bench.plan.config import check_config, merged
from rcn_bench.plan.products import find_product
from rcn_bench.records.overlap import Some
from rcn_bench.records.runs import Online
from rcn_bench.reporting.accuracy_by_cost import accuracy_by_cost
from rcn_bench.reporting.online import online_accuracy
from results import APART, write_own_run

OVERLAP = replace(APART, trained_on=Some(2, 4, "a (in training b)"))
NOTE = "2 of 4 validation videos are trained on too: a (in training b) first."


def write_runs(experiment, name, overlaps, kind="table"):
    """All runs of a table or figure, with the overlap at their clip length."""
    for run in find_product(experiment, name, kind).runs():
        overlap = overlaps(run.frames)
        write_own_run(experiment, run, [True, False] * 2, [1, 2] * 2, clips_per_video=CLIPS, overlap=overlap)


@pytest.mark.parametrize("name", ["table1_init", "table2_architectures", "table3_clip_length"])
def test_a_table_tells_what_is_trained_on(experiment, name):
    _, markdown, _ = written_table(experiment, name)
    assert "validation videos" not in markdown
    write_runs(experiment, name, lambda frames: OVERLAP)
    _, markdown, latex = written_table(experiment, name)
    assert markdown.count(f"- {NOTE}\n") == 1
    assert NOTE in " ".join(latex.split())


def test_a_table_tells_at_which_clip_lengths(experiment):
    first, *_ = sorted({run.frames for run in find_product(experiment, "table3_clip_length", "table").runs()})
    write_runs(experiment, "table3_clip_length", lambda frames: OVERLAP if frames == first else APART)
    _, markdown, _ = written_table(experiment, "table3_clip_length")
    assert f"- At {first} frames: {NOTE}\n" in markdown


def test_the_online_figure_tells_it(tmp_path):
    config = merged(["config/mini.yaml"]) | {"figures": {"online_accuracy": {"rcn18": [8]}}}
    experiment = check_config(config, "config", tmp_path)
    write_online_run(experiment, "rcn18", 0, carried=["1111111111"] * 4)
    product = find_product(experiment, "online_accuracy", "figure")
    assert NOTE not in foot(online_accuracy(product))
    path = experiment.paths.online(product.runs()[0]).with_suffix(".json")
    replace(Online.read(path), overlap=OVERLAP).write(path)
    assert foot(online_accuracy(product)).endswith(NOTE)


def test_accuracy_by_cost_tells_it(make):
    experiment = make({"figures": {"cost": {"rcn18": [8, 16]}}})
    product = find_product(experiment, "cost", "figure")
    assert NOTE not in foot(accuracy_by_cost(product))
    write_runs(experiment, "cost", lambda frames: OVERLAP if frames == 8 else APART, "figure")
    assert f"At 8 frames: {NOTE}" in foot(accuracy_by_cost(product))


def foot(drawing):
    """What stands below a figure, as it was before its lines were broken."""
    return " ".join(drawing.figure.get_supxlabel().split())


def test_names_of_files_do_not_break_latex(experiment):
    overlap = replace(APART, trained_on=Some(1, 4, r"a#1_{~^\b"))
    write_runs(experiment, "table1_init", lambda frames: overlap)
    _, markdown, latex = written_table(experiment, "table1_init")
    assert r": a#1_{~^\b first." in markdown
    assert r": a\#1\_\{\textasciitilde{}\textasciicircum{}\textbackslash{}b first." in " ".join(latex.split())

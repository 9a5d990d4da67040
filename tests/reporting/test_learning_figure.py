"""Learning curves, from the metrics of runs."""

from dataclasses import replace

import numpy as np
import pytest
from written import drawn_figure

from rcn_bench.errors import InputError
from rcn_bench.plan.config import check_config, merged
from rcn_bench.plan.products import find_product
from rcn_bench.records.runs import Trained, write_metrics
from rcn_bench.reporting.learning import learning_curves
from results import write_training


@pytest.fixture
def experiment(tmp_path):
    """Table 1 and a longer clip with two seeds, for three epochs whose accuracy depends on the seed."""
    config = merged(["config/mini.yaml"]) | {"seeds": [0, 1]}
    config["tables"] = {key: config["tables"][key] for key in ("table1", "table3")}
    config["figures"] = {"learning_curves": {}}
    experiment = check_config(config, "config", tmp_path)
    for run in find_product(experiment, "learning_curves", "figure").runs():
        write_training(experiment, run, [0.25, 0.5 + 0.25 * run.seed, run.frames / 16])
    return experiment


def test_the_numbers_are_those_of_every_run_and_epoch(experiment):
    table = drawn_figure(experiment, "learning_curves")
    assert len(table) == 3 * 2 * 5  # epochs, seeds, starts
    one = table[table["run"] == "rcn18-t16-xh_stills-hh_identity-s1"]
    assert one["epoch"].to_list() == [1, 2, 3]
    assert one["accuracy"].to_list() == [0.25, 0.75, 1]
    assert set(one["loss"]) == {0.5}
    assert (set(one["w_xh"]), set(one["w_hh"]), set(one["frames"])) == ({"stills"}, {"identity"}, {16})


def test_a_panel_a_model_and_clip_length_has_a_line_a_start_with_a_band_over_seeds(experiment):
    drawing = learning_curves(find_product(experiment, "learning_curves", "figure"))
    loss, accuracy, _, longer = drawing.figure.axes
    assert [axis.get_title() for axis in drawing.figure.axes] == ["rcn18, 8 frames", "", "rcn18, 16 frames", ""]
    assert [axis.get_ylabel() for axis in (loss, accuracy)] == ["loss", "accuracy"]
    assert [len(axis.lines) for axis in (loss, accuracy, longer)] == [4, 4, 1]
    (line,), (band,) = longer.lines, longer.collections
    np.testing.assert_allclose(line.get_xydata(), [[1, 0.25], [2, 0.625], [3, 1]])
    assert {(2, 0.5), (2, 0.75)} <= {tuple(map(float, corner)) for corner in band.get_paths()[0].vertices}
    (legend,) = drawing.figure.legends
    names = [text.get_text() for text in legend.get_texts()]
    assert names == [f"w_xh {w_xh}, w_hh {w_hh}" for w_xh in ("random", "stills") for w_hh in ("random", "identity")]
    assert line.get_color() == legend.get_lines()[3].get_color()
    assert "Means over 2 seeds" in drawing.figure.get_supxlabel()


def test_a_run_without_metrics_says_what_to_do(experiment):
    run = find_product(experiment, "learning_curves", "figure").runs()[0]
    experiment.paths.metrics(run).unlink()
    with pytest.raises(InputError, match=rf"metrics\.jsonl: not there; run `rcn-bench train {run.name}` first"):
        drawn_figure(experiment, "learning_curves")


def test_accuracy_on_validation_videos_is_dashed_where_it_was_looked_at(experiment):
    product = find_product(experiment, "learning_curves", "figure")
    run = next(run for run in product.runs() if run.frames == 16 and run.seed == 0)
    write_training(experiment, run, [0.25, 0.5, 1], validation={1: 0.2, 3: 0.4})
    drawing = learning_curves(product)
    *_, longer = drawing.figure.axes
    solid, dashed = longer.lines
    assert (solid.get_linestyle(), dashed.get_linestyle()) == ("-", "--")
    assert solid.get_color() == dashed.get_color()
    np.testing.assert_allclose(dashed.get_xydata(), [[1, 0.2], [3, 0.4]])
    assert "Dashed: accuracy of clips" in drawing.figure.get_supxlabel()
    assert drawing.numbers["validation_accuracy"].count() == 2


def test_without_such_looks_there_is_no_column_of_them(experiment):
    assert "validation_accuracy" not in drawn_figure(experiment, "learning_curves")


def test_there_is_a_column_of_waiting_where_a_training_tells_of_it(experiment):
    assert drawn_figure(experiment, "learning_curves")["waiting_for_clips"].notna().all()
    for run in find_product(experiment, "learning_curves", "figure").runs():
        metrics = experiment.paths.metrics(run)
        record = Trained.read(experiment.paths.training(run))
        before = [replace(epoch, waiting_for_clips=None) for epoch in record.epochs(metrics)]
        replace(record, metrics_sha256=write_metrics(metrics, before)).write(experiment.paths.training(run))
    assert "waiting_for_clips" not in drawn_figure(experiment, "learning_curves")

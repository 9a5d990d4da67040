"""Accuracy against cost, and both against clip length."""

from dataclasses import replace

import numpy as np
import pytest
from table_results import GIB, measured, model_costs, write_profile
from written import drawn_figure

from rcn_bench.plan.products import builder_of, find_product
from rcn_bench.plan.run import Run
from rcn_bench.records.costs import Throughput
from rcn_bench.reporting.accuracies import Accuracies
from rcn_bench.reporting.accuracy_by_cost import accuracy_by_cost
from rcn_bench.reporting.clip_length import clip_length
from results import write_own_run

COST = {"rcn18": [16, 8], "i3d18": [8]}


@pytest.fixture
def experiment(make):
    return make({"figures": {"cost": COST}})


def draw(experiment):
    return accuracy_by_cost(find_product(experiment, "cost", "figure"))


def panels(drawing):
    return {axis.get_xlabel(): axis for axis in drawing.figure.axes}


def test_the_numbers_are_those_of_evaluations_profiles_and_timings(experiment):
    for seed, right in ((0, 30), (1, 10)):
        correct = [True] * right + [False] * (40 - right)
        write_own_run(experiment, Run("i3d18", 8, "stills", None, seed), correct, [1] * 40, clips_per_video=10)
    product, table = find_product(experiment, "cost", "figure"), drawn_figure(experiment, "cost")
    assert list(zip(table["model"], table["frames"], strict=True)) == [("rcn18", 16), ("rcn18", 8), ("i3d18", 8)]
    _, short, i3d = (row for _, row in table.iterrows())
    assert i3d["video acc %"] == 50
    assert (i3d["parameters"], i3d["GMACs"], i3d["inference clips/s"]) == (1234567, 4.268, 120)
    assert i3d["training MiB/clip"] == 2 * 1024 / 16
    for name, value in Accuracies.of(product).cells(product.rows()["rcn18", 8], ["video"]).items():
        assert short[name] == pytest.approx(value, rel=1e-5)


def test_a_panel_a_cost_has_a_bubble_a_length_as_large_as_it_is_long(experiment):
    drawing = draw(experiment)
    found = panels(drawing)
    assert set(found) == {"parameters", "GMACs a clip", "training memory, MiB a clip", "clips/s in inference"}
    for axis in found.values():
        lines, rcn, _, i3d = axis.collections
        short, long = rcn.get_sizes()
        assert long == 2 * short == 2 * i3d.get_sizes()[0]
        assert len(lines.get_segments()) == 2  # an interval each
        assert [text.get_text() for text in axis.texts] == ["8", "16", "8"]
    numbers = drawing.numbers.set_index(["model", "frames"])
    rcn = found["GMACs a clip"].collections[1]
    np.testing.assert_allclose(
        rcn.get_offsets(), [numbers.loc[("rcn18", frames), ["GMACs", "video acc %"]] for frames in (8, 16)]
    )
    (legend,) = drawing.figure.legends
    assert [text.get_text() for text in legend.get_texts()] == list(COST)


def test_memory_is_as_measured_where_it_was_and_no_bubble_where_a_batch_did_not_fit(experiment):
    rows = [
        model_costs("rcn18", 8, True, measured=measured(4 * GIB, 100)),
        model_costs("rcn18", 16, True, measured=measured(None, 7)),
    ]
    write_profile(experiment, "rcn18", rows)
    drawing = draw(experiment)
    table = drawing.numbers.set_index(["model", "frames"])
    assert table.loc[("rcn18", 8), "training MiB/clip"] == 4 * 1024 / 16
    assert np.isnan(table.loc[("rcn18", 16), "training MiB/clip"])
    axis = panels(drawing)["training memory, MiB a clip"]
    assert [text.get_text() for text in axis.texts] == ["8", "8"]
    assert "GMACs and memory, estimated or measured, at 32x32." in " ".join(drawing.figure.get_supxlabel().split())


def test_the_note_says_of_how_many_videos_and_seeds_and_on_which_machine(experiment):
    told = " ".join(draw(experiment).figure.get_supxlabel().split())
    assert "n: 40 videos, 2 seeds. w_xh stills: rcn18, i3d18." in told
    assert "a processor, 2 threads" in told


def test_over_clip_lengths_a_line_a_model_has_its_accuracies_memory_and_time(make):
    experiment = make({"figures": {"clip_length": COST}})
    drawing = clip_length(find_product(experiment, "clip_length", "figure"))
    numbers = drawing.numbers.set_index(["model", "frames"])
    columns = {
        "video accuracy, %": "video acc %",
        "training memory, MiB a clip": "training MiB/clip",
        "clips/s in training": "training clips/s",
    }
    assert [axis.get_title() for axis in drawing.figure.axes] == list(columns)
    for axis, column in zip(drawing.figure.axes, columns.values(), strict=True):
        rcn, i3d = axis.lines
        np.testing.assert_array_equal(rcn.get_xdata(), [8, 16])
        np.testing.assert_allclose(rcn.get_ydata(), [numbers.loc[("rcn18", frames), column] for frames in (8, 16)])
        np.testing.assert_allclose(i3d.get_ydata(), [numbers.loc[("i3d18", 8), column]])
        assert [tick.get_text() for tick in axis.get_xticklabels()] == ["8", "16"]
        assert len(axis.collections) == (2 if column == "video acc %" else 0)  # intervals
    assert "n: 40 videos, 2 seeds. w_xh stills: rcn18, i3d18." in " ".join(drawing.figure.get_supxlabel().split())


@pytest.mark.parametrize("name", ["cost", "clip_length"])
def test_what_was_timed_on_a_busy_machine_is_not_drawn_and_said(make, name):
    experiment = make({"figures": {name: COST}})
    path = experiment.paths.throughput
    timed = Throughput.read(path)
    replace(timed, rows=[replace(row, cores_lacking=1.0) for row in timed.rows]).write(path)
    drawing = builder_of(product := find_product(experiment, name, "figure"))(product)
    assert drawing.numbers[["training clips/s", "inference clips/s", "live frames/s"]].isna().all(axis=None)
    told = " ".join(drawing.figure.get_supxlabel().split())
    assert "No point where the machine was busy as it was timed" in told
    drawing.figure.draw_without_rendering()

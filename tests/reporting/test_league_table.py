"""The league's table and figure, from records alone."""

from dataclasses import replace

import numpy as np
import pytest
from table_results import live_cost, write_league, write_online_run
from written import drawn_figure, shown, written_table

from rcn_bench.errors import InputError
from rcn_bench.plan.config import check_config, merged
from rcn_bench.plan.products import find_product
from rcn_bench.plan.run import Run
from rcn_bench.plan.stages import dependencies
from rcn_bench.records.costs import Causality, Certificate
from rcn_bench.records.league import LeagueCosts
from rcn_bench.reporting.league import accuracy_by_latency
from rcn_bench.reporting.write import table_in_part
from results import own_origin

MODELS = ["rcn18", "i3d18", "tsm18"]  # the last is not trained
LEAGUE = {"models": MODELS, "frames": 8, "videos": [8, 64]}
RUNS = ["rcn18-t8-xh_stills-hh_identity-s0", "i3d18-t8-xh_stills-s0"]


@pytest.fixture
def experiment(tmp_path):
    """Four videos a model: a line a video, a digit a tenth of it, - before it can tell."""
    config = merged(["config/mini.yaml"])
    config["tables"] = {"league": LEAGUE}
    experiment = check_config(config | {"figures": {}}, "config", tmp_path)
    carried = ["0000000001", "0000011111", "0101010101", "1111111111"]
    restarted = ["1111111111"] * 3 + ["0000000000"]
    write_online_run(experiment, "rcn18", 0, carried=carried, restarted=restarted)
    write_online_run(experiment, "i3d18", 0, windows=["--00001111", "-111111111", "---1111111", "-000000000"])
    certificates = [
        Certificate(model, model != "i3d18", 0.0, frames=8, outputs=8, past_frames=7, future_frames=0)
        for model in MODELS
    ]
    Causality(origin=own_origin(experiment, "causality"), rows=certificates).write(experiment.paths.causality)
    write_league(experiment)
    return experiment


def test_a_row_a_model_and_way_has_its_accuracies_and_costs(experiment):
    rows, markdown, latex = written_table(experiment, "league")
    assert [(row["model"], row["way"], row["causal"]) for row in rows] == [
        ("rcn18", "carried", "True"),
        ("rcn18", "restarted", "True"),
        ("i3d18", "windows", "False"),
        ("tsm18", "", "True"),
    ]
    accuracies = [(row["online acc %"], row["end acc %"]) for row in rows]
    assert [tuple(map(float, pair)) for pair in accuracies[:3]] == [(52.5, 100), (75, 75), (50, 75)]
    assert accuracies[3] == ("", "")
    assert [float(row["latency p50 ms"]) for row in rows] == [2, 2, 8, 1]
    assert [float(row["latency p99 ms"]) for row in rows] == [3, 3, 12, 1.5]
    assert [row["answers every"] for row in rows] == ["1", "1", "4", "1"]
    assert [row["frames/s of 64 videos"] for row in rows] == ["4000.0", "4000.0", "", "4000.0"]
    assert [float(row["state KiB"]) for row in rows] == [2, 2, 84, 2]
    assert [row["runs"] for row in rows] == [RUNS[0], RUNS[0], RUNS[1], ""]
    for text in (markdown, latex):
        assert shown(text)[2]["frames/s of 64 videos"] == "n/a"
        assert "frames/s of 64 videos: so many live videos at once do not fit the machine" in text
        assert "does not train tsm18" in " ".join(text.split())
        assert "mJ/frame" not in "".join(shown(text)[0])
        assert "the machine counts no energy" in text
    assert "Measured by turns on a card, 32x32" in markdown
    assert f"[{RUNS[1]}](../runs/{RUNS[1]}/online.json)" in markdown


def test_energy_of_one_and_of_the_most_videos_is_shown_where_it_is_counted(experiment):
    write_league(experiment, joules=0.4)
    rows, markdown, _ = written_table(experiment, "league")
    assert [float(row["mJ/frame of 1 video"]) for row in rows] == [400] * 4
    assert [row["mJ/frame of 64 videos"] for row in rows] == ["50.0", "50.0", "", "50.0"]
    assert "counts no energy" not in markdown


def test_times_of_a_busy_machine_are_left_out_and_counts_stay(experiment):
    write_league(experiment, cores_lacking=1.5)
    rows, markdown, _ = written_table(experiment, "league")
    assert {row["latency p50 ms"] + row["latency p99 ms"] + row["frames/s of 8 videos"] for row in rows} == {""}
    assert {float(row["GMACs/frame"]) for row in rows} == {0.25}
    assert "the machine was busy; run `rcn-bench league` again" in markdown


def test_an_ablation_costs_as_much_as_its_model(experiment):
    config = experiment.config | {"tables": {"league": LEAGUE | {"models": ["rcn18", "rcn18+sum"]}}}
    config["models"] = config["models"] | {"rcn18+sum": {"w_xh": ["stills"], "w_hh": ["identity"]}}
    league = find_product(check_config(config, "config", experiment.results), "league", "table")
    assert list(league.costed) == ["rcn18"]
    assert [run.variant for run in league.runs()] == ["rcn18", "rcn18+sum"]
    assert league.certified() == {"rcn18": [8]}


def test_a_part_of_the_table_is_made_of_what_is_there(experiment):
    experiment.paths.league.unlink()
    experiment.paths.online(Run.parse(RUNS[0])).with_suffix(".json").unlink()
    made, missing = table_in_part(experiment, "league")
    assert [row["model"] for row in shown(made.markdown())] == MODELS
    assert len(missing) == 2
    assert "n/a for way, online acc % and end acc %: this experiment does not train tsm18." in " ".join(made.notes)
    with pytest.raises(InputError, match=r"league\.json: not there; run `rcn-bench league` first"):
        written_table(experiment, "league")


def test_a_model_that_was_not_measured_is_named(experiment):
    costs = LeagueCosts.read(experiment.paths.league)
    replace(costs, rows=costs.rows[:2]).write(experiment.paths.league)
    with pytest.raises(InputError, match=r"league\.json: has no tsm18; run `rcn-bench league` again"):
        written_table(experiment, "league")


def test_the_figure_has_a_point_a_model_and_way_that_is_trained(experiment):
    numbers = drawn_figure(experiment, "accuracy_by_latency")
    assert list(numbers["model"]) == ["rcn18", "rcn18", "i3d18", "tsm18"]
    np.testing.assert_allclose(numbers["end acc %"], [100, 75, 75, np.nan])
    drawing = accuracy_by_latency(find_product(experiment, "accuracy_by_latency", "figure"))
    (axis,) = drawing.figure.axes
    points = [(line.get_xdata()[0], line.get_ydata()[0], line.get_markerfacecolor()) for line in axis.lines]
    assert [point[:2] for point in points] == [(2, 100), (2, 75), (8, 75)]
    assert [face == "white" for _, _, face in points] == [False, False, True]
    slowest = [segment[:, 0].tolist() for part in axis.collections[::2] for segment in part.get_segments()]
    assert slowest == [[2, 3], [2, 3], [8, 12]]
    (legend,) = drawing.figure.legends
    names = [text.get_text() for text in legend.get_texts()]
    assert names == ["rcn18, carried", "rcn18, restarted", "i3d18, windows"]
    told = " ".join(drawing.figure.get_supxlabel().split())
    assert "Not drawn, as its accuracy or time is not known: tsm18." in told


def test_windows_that_bring_one_new_frame_are_hollow_too(experiment):
    """As windows of two or three frames do."""
    costs = LeagueCosts.read(experiment.paths.league)
    replace(costs, rows=[replace(row, frames_per_answer=1) for row in costs.rows]).write(experiment.paths.league)
    drawing = accuracy_by_latency(find_product(experiment, "accuracy_by_latency", "figure"))
    faces = [line.get_markerfacecolor() == "white" for line in drawing.figure.axes[0].lines]
    assert faces == [False, False, True]


def test_a_network_that_keeps_nothing_is_shown_single_frames(experiment):
    config = experiment.config | {"tables": {"league": LEAGUE | {"models": ["c2d18"]}}}
    alone = check_config(config, "config", experiment.results)
    write_online_run(alone, "c2d18", 0, frames=["1111111111"] * 4)
    made, _ = table_in_part(alone, "league")
    assert [row["way"] for row in shown(made.markdown())] == ["frames"]
    assert "does not train" not in " ".join(made.notes)
    LeagueCosts(origin=own_origin(alone, "league"), rows=[live_cost("c2d18", "state", 2.0)]).write(alone.paths.league)
    Causality(origin=own_origin(alone, "causality"), rows=[]).write(alone.paths.causality)
    drawing = accuracy_by_latency(find_product(alone, "accuracy_by_latency", "figure"))
    (legend,) = drawing.figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["c2d18, single frames"]


def test_a_figure_of_a_busy_machine_is_empty_and_says_so(experiment):
    write_league(experiment, cores_lacking=1.5)
    drawing = accuracy_by_latency(find_product(experiment, "accuracy_by_latency", "figure"))
    assert not drawing.figure.axes[0].lines
    assert "not known: rcn18, i3d18, tsm18." in " ".join(drawing.figure.get_supxlabel().split())
    drawing.figure.draw_without_rendering()


def test_a_league_of_untrained_models_is_made_of_costs_alone(tmp_path, experiment):
    config = experiment.config | {"tables": {"league": LEAGUE | {"models": ["tsm18"]}}, "figures": {}}
    alone = check_config(config, "config", experiment.results)
    assert find_product(alone, "league", "table").runs() == []
    write_league(alone)
    Causality(origin=own_origin(alone, "causality"), rows=Causality.read(experiment.paths.causality).rows).write(
        alone.paths.causality
    )
    rows, _, _ = written_table(alone, "league")
    assert [(row["model"], row["end acc %"], float(row["latency p50 ms"])) for row in rows] == [("tsm18", "", 1.0)]


def test_costs_do_not_depend_on_what_is_trained(experiment):
    more = check_config(experiment.config | {"seeds": [0, 1]}, "config", experiment.results)
    hashes = [
        [dependencies(each, *job).hash for each in (experiment, more)] for job in (("league",), ("table", "league"))
    ]
    assert [one == other for one, other in hashes] == [True, False]


def test_an_ablation_must_be_one_that_the_config_trains(experiment):
    config = experiment.config | {"tables": {"league": LEAGUE | {"models": ["rcn18+sum"]}}}
    with pytest.raises(InputError, match=r"tables\.league\.models: rcn18\+sum is not under models"):
        check_config(config, "config", experiment.results)


def test_a_model_that_nothing_registers_is_refused(experiment):
    config = experiment.config | {"tables": {"league": LEAGUE | {"models": ["rcn19"]}}}
    with pytest.raises(InputError, match=r"tables\.league: unknown model 'rcn19'; did you mean"):
        check_config(config, "config", experiment.results)

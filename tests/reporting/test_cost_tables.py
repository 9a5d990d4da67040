"""Tables 4 and 6."""

import json
from dataclasses import replace

import pytest
from table_results import GIB, measured, model_costs, speed, write_profile
from written import shown, written_table

from rcn_bench.errors import InputError
from rcn_bench.plan.products import products_of, profiled
from rcn_bench.plan.stages import dependencies
from rcn_bench.records.costs import Spread, Throughput
from rcn_bench.reporting.write import table_in_part
from results import own_origin


def test_table4_has_both_stems_and_every_clip_length_and_names_the_input(make):
    rows, markdown, _ = written_table(make({"tables": {"table4": {"frames": [16, 8]}}}), "table4_cost")
    rcn = [(row["stem pool"], row["frames"], row["GMACs counted at"]) for row in rows if row["model"] == "rcn18"]
    assert rcn == [(stem, frames, "112x112") for frames in ("8", "16") for stem in ("True", "False")]
    assert {(row["clips/s timed at"], row["frames"], row["clips timed at once"]) for row in rows} == {
        ("32x32", "8", "8"),
        ("32x32", "16", "4"),
    }
    assert "Of each row: GMACs counted at 112x112, clips/s timed at 32x32." in markdown
    assert "a processor, 2 threads" in markdown


def test_table4_leaves_out_clip_lengths_that_only_other_tables_ask_for(experiment):
    rows, _, _ = written_table(experiment, "table4_cost")
    assert 16 in profiled(products_of(experiment).values())["rcn18"]
    assert {row["frames"] for row in rows} == {"8"}
    assert list(dict.fromkeys(row["model"] for row in rows)) == experiment.tables["table4"]["models"]


def test_table4_compares_live_cost_with_table1s_model(experiment):
    rows, markdown, latex = written_table(experiment, "table4_cost")
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
        live = {(row["model"], row["stem pool"]): list(row.values()) for row in shown(text)}
        assert live["rcn18", "yes"][-3:] == ["state", "200.0", "1.00"]
        assert live["i3d18", "no"][-3:] == ["window", "25.0", "8.00"]
        assert {row["live GMACs/frame"] for row in shown(text)} >= {"0.533", "17.072"}


def test_table4_needs_no_other_table_to_time_table1s_model(make):
    experiment = make({"tables": {"table3": {"models": ["i3d18"]}, "table4": {"models": ["i3d18"]}}})
    rows, _, _ = written_table(experiment, "table4_cost")
    assert {float(row["live cost"]) for row in rows} == {8.0}


@pytest.mark.parametrize(
    ("stem_pool", "live_cost"), [(True, {"True": 1, "False": 2}), (False, {"True": 0.5, "False": 1})]
)
def test_table4_compares_with_the_stem_that_the_experiment_trains(make, stem_pool, live_cost):
    experiment = make({"stem_pool": stem_pool, "tables": {"table3": None, "table4": {"models": ["rcn18"]}}})
    fast, slow = speed("rcn18", 8, True), speed("rcn18", 8, False)
    object.__setattr__(slow, "live_frames_per_second", fast.live_frames_per_second / 2)
    origin = own_origin(experiment, "throughput")
    Throughput(origin=origin, rows=[fast, slow]).write(experiment.paths.throughput)
    rows, markdown, _ = written_table(experiment, "table4_cost")
    assert {row["stem pool"]: float(row["live cost"]) for row in rows} == live_cost
    assert f"trains its models {'with' if stem_pool else 'without'} it." in markdown


@pytest.mark.parametrize("name", ["table4_cost", "table6_memory"])
def test_cost_tables_are_stale_once_the_stem_pool_changes(make, name):
    hashes = {dependencies(make({"stem_pool": stem_pool}), "table", name).hash for stem_pool in (True, False)}
    assert len(hashes) == 2


def test_a_model_that_could_not_be_timed_at_a_clip_length_is_named(experiment):
    write_profile(experiment, "i3d18", [model_costs("i3d18", 8, True)])
    origin = own_origin(experiment, "throughput")
    Throughput(origin=origin, rows=[speed("rcn18", 8, True)]).write(experiment.paths.throughput)
    with pytest.raises(InputError, match=r"throughput\.json: has no c2d18 at 8 frames"):
        written_table(experiment, "table4_cost")


def test_model_without_a_stem_option_has_one_row(experiment):
    for name in ("table4_cost", "table6_memory"):
        rows, markdown, latex = written_table(experiment, name)
        for found in (rows, shown(markdown), shown(latex)):
            (row,) = [row for row in found if row["model"] == "i3d18_causal"]
            assert row["stem pool"] == ("" if found is rows else "n/a")


def test_table6_without_a_gpu_is_all_estimated(experiment):
    rows, markdown, latex = written_table(experiment, "table6_memory")
    assert {row["memory measured or estimated"] for row in rows} == {"estimated"}
    row = next(row for row in rows if row["model"] == "rcn18")
    assert (row["frames"], row["clips in the batch"], row["activations recomputed"]) == ("8", "16", "False")
    assert [float(row[f"{kind} GiB"]) for kind in ("activations", "training", "inference")] == [1.0, 2.0, 0.25]
    assert row["largest batch in 11 GiB"] == "150"
    assert row["error of estimated training GiB %"] == row["error of estimated largest batch %"] == ""
    assert "none here" in markdown
    assert "card of 11 GiB" in markdown
    for text in (markdown, latex):
        row = next(row for row in shown(text) if row["model"] == "rcn18")
        assert list(row.values())[-4:] == ["1.00", "2.00", "0.250", "150"]
        assert "memory measured or estimated estimated." in text
        assert "nothing was measured" in text


def test_table6_with_a_gpu_gives_the_estimates_error_and_nothing_for_a_batch_that_is_too_large(make):
    experiment = make({"tables": {"table4": {"models": ["c2d18", "rcn18"]}}})
    fits, too_large = measured(4 * GIB, 120), measured(None, 0)
    rcn = [model_costs("rcn18", 8, True, fits), model_costs("rcn18", 8, False, too_large)]
    write_profile(experiment, "rcn18", rcn, "a card")
    write_profile(experiment, "c2d18", [model_costs("c2d18", 8, True, measured(GIB, 1500))], "a card")
    rows, markdown, latex = written_table(experiment, "table6_memory")
    assert {row["memory measured or estimated"] for row in rows} == {"measured"}
    c2d, fits, too_large = rows
    assert [float(fits[f"{kind} GiB"]) for kind in ("activations", "training", "inference")] == [2.0, 4.0, 1.0]
    training, largest = "error of estimated training GiB %", "error of estimated largest batch %"
    assert float(fits[training]) == pytest.approx(-50)  # 2 GiB estimated, 4 measured
    assert float(fits[largest]) == pytest.approx(25)  # 150 estimated, 120 measured
    assert float(c2d[training]) == pytest.approx(100)
    assert too_large["training GiB"] == too_large[training] == too_large[largest] == ""
    assert [row["largest batch in 11 GiB"] for row in rows] == ["1500", "120", "0"]
    assert "on a card, where" in markdown
    assert "none here" not in markdown
    for text in (markdown, latex):
        assert [list(row.values())[-6:] for row in shown(text)] == [
            ["0.500", "1.00", "0.250", "1,500", "100.0", "-90.0"],
            ["2.000", "4.00", "1.000", "120", "-50.0", "25.0"],
            ["n/a", "n/a", "n/a", "0", "n/a", "n/a"],
        ]
        assert "memory measured or estimated measured." in text
        assert "n/a for activations GiB, training GiB and inference GiB: the batch does not fit." in text


def test_table6_names_every_card_that_measured(experiment):
    write_profile(experiment, "i3d18", [model_costs("i3d18", 8, True, measured(GIB, 9))], "one card")
    write_profile(experiment, "rcn18", [model_costs("rcn18", 8, True, measured(GIB, 9))], "another card")
    _, markdown, _ = written_table(experiment, "table6_memory")
    assert "on another card, one card, where" in markdown


@pytest.mark.parametrize("what", [True, "norms"])
def test_table6_says_what_was_recomputed(experiment, what):
    write_profile(experiment, "rcn18", [model_costs("rcn18", 8, True, recompute_activations=what)])
    rows, _, _ = written_table(experiment, "table6_memory")
    assert {row["model"] for row in rows if row["activations recomputed"] == str(what)} == {"rcn18"}


@pytest.mark.parametrize("name", ["table4_cost", "table6_memory"])
def test_profiles_of_other_settings_are_refused(make, name):
    experiment = make()
    other = make({"profile": {"size": 64}})
    experiment.paths.profile("c2d18").write_bytes(other.paths.profile("c2d18").read_bytes())
    with pytest.raises(InputError, match=r"c2d18\.json: .*profile\.size was 64, is 32.*rcn-bench profile c2d18"):
        written_table(experiment, name)


def timed(experiment, **changes):
    """Table 4 of models that were all timed so."""
    throughput = Throughput.read(experiment.paths.throughput)
    rows = [replace(row, **changes) for row in throughput.rows]
    replace(throughput, rows=rows).write(experiment.paths.throughput)
    return written_table(experiment, "table4_cost")


def test_timings_stand_with_their_spread(experiment):
    rows, markdown, latex = timed(experiment, spread=Spread(0.031, 0.004, 0.2))
    assert {float(row["training clips/s spread %"]) for row in rows} == {3.1}
    for text in (markdown, latex):
        assert {row["training clips/s"] for row in shown(text)} == {"40.0 \N{PLUS-MINUS SIGN}3%"}
        assert "half the range of the middle half of the steps" in text


@pytest.mark.parametrize("changes", [{"spread": Spread(0.21, 0.01, 0.01)}, {"cores_lacking": 0.51}])
def test_what_was_timed_on_a_busy_machine_is_not_shown(experiment, changes):
    rows, markdown, _ = timed(experiment, **changes)
    assert {row["training clips/s"] for row in rows} == {""}
    assert {row["live frames/s"] for row in rows} == ({""} if "cores_lacking" in changes else {"200.0", "25.0"})
    assert "training clips/s" not in shown(markdown)[0]
    assert "the machine was busy as it was timed; run `rcn-bench throughput` again" in markdown


def test_throughput_of_before_spreads_were_kept_can_be_read(experiment):
    kept = json.loads(experiment.paths.throughput.read_text())
    assert not {"spread", "cores_lacking"} & kept["rows"][0].keys()
    assert {row.spread for row in Throughput.read(experiment.paths.throughput).rows} == {None}


def test_a_part_of_tables_4_and_6_is_of_the_models_that_are_profiled(experiment):
    experiment.paths.profile("rcn18").unlink()
    for name in ("table4_cost", "table6_memory"):
        made, missing = table_in_part(experiment, name)
        assert set(made.rows["model"]) == {"c2d18", "i3d18", "i3d18_causal", "r2plus1d18"}
        assert [line for line in missing if "rcn-bench profile rcn18" in line] == missing
    experiment.paths.throughput.unlink()
    made, missing = table_in_part(experiment, "table4_cost")
    assert "GMACs" in made.rows
    assert not [column for column in made.rows if "/s" in column]
    assert len(missing) == 2

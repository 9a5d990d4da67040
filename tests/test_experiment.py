"""Which runs an experiment consists of, and their names."""

import copy
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rcn_bench.config import load_config
from rcn_bench.errors import InputError
from rcn_bench.experiment import (
    OPTION_WORDS,
    Run,
    all_runs,
    base_network,
    figure1_panels,
    figure2_panels,
    figure3_run,
    online_runs,
    pretrained_networks,
    profiled_clips,
    table1_rows,
    table2_rows,
    table3_rows,
    table_runs,
    timed_clips,
)

RUNS = st.builds(
    Run,
    model=st.text("abcxyz0189_", min_size=1),
    frames=st.integers(2, 1000),
    w_xh=st.sampled_from(["random", "stills", "imagenet"]),
    w_hh=st.sampled_from([None, "random", "identity"]),
    seed=st.integers(0, 10**6),
    options=st.lists(st.sampled_from(sorted(OPTION_WORDS)), unique=True).map(tuple),
)


@pytest.fixture
def mini():
    return load_config(Path(__file__).parents[1] / "config" / "mini.yaml")


@pytest.fixture
def two_seeds(mini):
    return mini | {"seeds": [3, 5]}


# Names


@given(RUNS)
def test_name_is_parsed_back_to_the_run(run):
    assert Run.parse(run.name) == run


@given(RUNS, RUNS)
def test_different_runs_have_different_names(first, second):
    assert (first.name == second.name) == (first == second)


@pytest.mark.parametrize(
    ("run", "name"),
    [
        (Run("rcn18", 8, "imagenet", "identity", 0), "rcn18-t8-xh_imagenet-hh_identity-s0"),
        (Run("i3d18", 16, "random", None, 3), "i3d18-t16-xh_random-s3"),
        (Run("rcn18", 8, "random", "identity", 0, ("sum",)), "rcn18+sum-t8-xh_random-hh_identity-s0"),
    ],
)
def test_name_tells_all_that_makes_a_run(run, name):
    assert run.name == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        "rcn18",
        "rcn18-t8",
        "rcn18-t8-xh_random",
        "rcn18-t-xh_random-s0",
        "rcn18-t8-xh_-s0",
        "rcn18-t8-hh_identity-s0",
        "rcn18-t8-xh_random-hh_-s0",
        "rcn18-t8-xh_random-s-1",
        "RCN18-t8-xh_random-s0",
        "rcn18+-t8-xh_random-s0",
        "-t8-xh_random-s0",
        " rcn18-t8-xh_random-s0",
        "rcn18-t8-xh_random-s0\n",
        "runs/rcn18-t8-xh_random-s0",
        "rcn18-t8-xh_random-s0/model.safetensors",
    ],
)
def test_other_text_is_not_a_name(name):
    with pytest.raises(InputError, match="is not a run's name") as error:
        Run.parse(name)
    assert repr(name) in str(error.value)


@pytest.mark.parametrize("name", ["rcn18-t08-xh_random-s0", "rcn18-t8-xh_random-s00", "rcn18-t\u0668-xh_random-s0"])
def test_a_run_has_one_name_only(name):
    with pytest.raises(InputError):
        Run.parse(name)


def test_unknown_option_is_named_with_the_known_ones():
    with pytest.raises(InputError, match=r"\+median.*sum"):
        Run.parse("rcn18+median-t8-xh_random-hh_identity-s0")


# The 2D network beneath


@pytest.mark.parametrize(
    ("model", "network"),
    [
        ("c2d18", "resnet18"),
        ("rcn34", "resnet34"),
        ("rcn50", "resnet50"),
        ("c2d101", "resnet101"),
        ("r2plus1d34", "resnet34"),
        ("i3d18_causal", "resnet18"),
        ("i3d50_nl", "resnet50"),
        ("i3d101_nl", "resnet101"),
        ("inception_i3d", "googlenet"),
    ],
)
def test_models_name_tells_its_2d_network(model, network):
    assert base_network(model) == network


@pytest.mark.parametrize("model", ["s3d", "rcn_regnet", "rcn180", "rcn50nl"])
def test_model_whose_name_tells_no_2d_network_is_named(model):
    with pytest.raises(InputError, match=rf"^{model}: .*18, 34, 50 or 101"):
        base_network(model)


def test_networks_are_pretrained_for_the_runs_that_start_from_stills(mini):
    assert pretrained_networks(mini) == ["resnet18", "resnet34"]
    mini["models"]["inception_i3d"] = {"w_xh": ["stills"]}
    mini["figures"]["online_accuracy"] = {"inception_i3d": [8]}
    assert pretrained_networks(mini) == ["googlenet", "resnet18", "resnet34"]
    mini["figures"]["figure2"]["models"] = ["rcn18"]
    assert pretrained_networks(mini) == ["googlenet", "resnet18"]


# Tables


def test_table1_has_the_four_inits_in_the_papers_order(mini):
    rows = table1_rows(mini)
    assert list(rows) == [
        ("random", "random"),
        ("random", "identity"),
        ("stills", "random"),
        ("stills", "identity"),
    ]
    assert all(runs == [Run("rcn18", 8, *init)] for init, runs in rows.items())


def test_table1_names_imagenet_where_that_is_the_pretraining(mini):
    mini["pretrained"] = "imagenet"
    mini["models"]["rcn18"]["w_xh"] = ["random", "imagenet"]
    assert list(table1_rows(mini))[2:] == [("imagenet", "random"), ("imagenet", "identity")]


def test_table2_has_every_model_from_random_and_from_pretrained_weights(mini):
    rows = table2_rows(mini)
    models = ["c2d18", "rcn18", "i3d18", "r2plus1d18"]
    assert list(rows) == [(model, w_xh) for model in models for w_xh in ("random", "stills")]
    assert rows["rcn18", "stills"] == [Run("rcn18", 8, "stills", "identity")]
    assert rows["i3d18", "random"] == [Run("i3d18", 8, "random", None)]


def test_r2plus1d_has_no_pretrained_run(mini):
    rows = table2_rows(mini)
    assert rows["r2plus1d18", "stills"] == []
    assert [key for key, runs in rows.items() if not runs] == [("r2plus1d18", "stills")]


def test_table3_has_every_clip_length_from_pretrained_weights(mini):
    assert table3_rows(mini) == {
        ("rcn18", 8): [Run("rcn18", 8, "stills", "identity")],
        ("rcn18", 16): [Run("rcn18", 16, "stills", "identity")],
    }


def test_table3_takes_random_weights_where_a_model_has_no_others(mini):
    mini["tables"]["table3"]["models"] = ["r2plus1d18"]
    assert table3_rows(mini)["r2plus1d18", 16] == [Run("r2plus1d18", 16, "random", None)]


@pytest.mark.parametrize("rows", [table1_rows, table2_rows, table3_rows])
def test_every_row_has_a_run_for_every_seed(two_seeds, rows):
    found = [runs for runs in rows(two_seeds).values() if runs]
    assert found
    assert all([run.seed for run in runs] == [3, 5] for runs in found)


def test_clip_lengths_of_a_profile_are_those_of_the_tables_that_show_the_model(mini):
    mini["tables"]["table2"] = {"models": ["c2d18", "rcn18"], "frames": 4}
    mini["tables"]["table3"] = {"models": ["rcn18", "rcn34"], "frames": [16, 8]}
    mini["tables"]["table4"] = {"models": ["rcn18", "s3d"], "frames": [128, 16]}
    assert profiled_clips(mini) == {
        "c2d18": [4],
        "rcn18": [4, 8, 16, 128],
        "rcn34": [8, 16],
        "s3d": [16, 128],
    }
    assert timed_clips(mini) == {"rcn18": [8, 16, 128], "rcn34": [8, 16], "s3d": [16, 128]}


def test_certified_models_are_neither_profiled_nor_trained(mini):
    assert "rcn50" in mini["tables"]["table5"]["models"]
    assert "rcn50" not in profiled_clips(mini)
    assert "rcn50" not in {run.model for run in all_runs(mini)}


# Figures


def test_figure1_shows_the_inits_of_table1_with_the_first_seed(two_seeds):
    panels = figure1_panels(two_seeds)
    assert list(panels) == list("abcd")
    assert [(run.w_xh, run.w_hh) for run in panels.values()] == list(table1_rows(two_seeds))
    assert {run.seed for run in panels.values()} == {3}


def test_figure2_shows_both_readings_of_its_second_caption(mini):
    assert figure2_panels(mini) == {
        "a": Run("rcn18", 16, "random", "identity"),
        "b": Run("rcn34", 16, "random", "identity"),
        "b'": Run("rcn34", 16, "stills", "identity"),
    }


@pytest.mark.parametrize("count", range(1, 9))
def test_figure2_has_a_panel_for_every_model_and_the_last_again_from_pretrained_weights(mini, count):
    models = [f"rcn{index}" for index in range(count)]
    mini["figures"]["figure2"]["models"] = models
    panels = figure2_panels(mini)
    letters = "abcdefgh"[:count]
    assert list(panels) == [*letters, f"{letters[-1]}'"]
    assert [(run.model, run.w_xh) for run in panels.values()] == [
        *((model, "random") for model in models),
        (models[-1], "stills"),
    ]
    assert {(run.frames, run.w_hh) for run in panels.values()} == {(16, "identity")}


def test_figure3_shows_the_pretrained_identity_run(mini):
    assert figure3_run(mini) == Run("rcn18", 8, "stills", "identity")


def test_online_accuracy_is_of_pretrained_weights_where_a_model_has_them_and_of_every_seed(two_seeds):
    two_seeds["figures"]["online_accuracy"] = {"rcn18": [4, 8], "r2plus1d18": [4]}
    assert online_runs(two_seeds) == {
        ("rcn18", 4): [Run("rcn18", 4, "stills", "identity", seed) for seed in (3, 5)],
        ("rcn18", 8): [Run("rcn18", 8, "stills", "identity", seed) for seed in (3, 5)],
        ("r2plus1d18", 4): [Run("r2plus1d18", 4, "random", None, seed) for seed in (3, 5)],
    }


def test_all_runs_hold_every_run_of_every_table_and_figure_once(two_seeds):
    runs = all_runs(two_seeds)
    shown = [*figure1_panels(two_seeds).values(), *figure2_panels(two_seeds).values(), figure3_run(two_seeds)]
    for rows in (table1_rows, table2_rows, table3_rows, online_runs):
        shown += [run for row in rows(two_seeds).values() for run in row]
    assert set(runs) == set(shown)
    assert len(set(runs)) == len(runs)
    assert runs == sorted(runs)


def test_runs_that_only_a_figure_needs_are_not_among_those_of_the_tables(mini):
    mini["figures"]["online_accuracy"] = {"rcn18": [4]}
    only_figures = [*figure2_panels(mini).values(), *(run for runs in online_runs(mini).values() for run in runs)]
    assert set(all_runs(mini)) - set(table_runs(mini)) == set(only_figures)


def test_working_out_the_runs_leaves_the_config_alone(mini):
    before = copy.deepcopy(mini)
    all_runs(mini)
    assert mini == before


# Ablations


def test_an_ablation_is_a_row_of_its_own_at_the_cost_of_its_model(mini):
    mini["models"]["rcn18+sum"] = {"w_xh": ["stills"], "w_hh": ["identity"]}
    mini["tables"]["table2"]["models"].append("rcn18+sum")
    (run,) = table2_rows(mini)["rcn18+sum", "stills"]
    assert run == Run("rcn18", 8, "stills", "identity", 0, ("sum",))
    assert run in all_runs(mini)
    assert "rcn18+sum" not in profiled_clips(mini)
    assert base_network("rcn18+sum") == "resnet18"

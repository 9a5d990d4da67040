"""Tables and figures: the runs of their rows and panels, the files that they read, the models that they cost."""

import copy

import pytest
from experiments import MINI, MISSING, experiment, imagenet

from rcn_bench.errors import InputError
from rcn_bench.plan.products import all_runs, certified, find_product, product_classes, products_of, profiled, timed
from rcn_bench.plan.products.base import merge_costs
from rcn_bench.plan.run import Run


def product(name, **changes):
    """Of mini with changes; a key's dots are written as two underscores."""
    changes = {key.replace("__", "."): value for key, value in changes.items()}
    return products_of(experiment(changes))[name]


def rows(name, **changes):
    return product(name, **changes).rows()


def test_products_stand_in_the_order_of_the_paper():
    assert list(product_classes()) == [
        "table1_init",
        "table2_architectures",
        "table3_clip_length",
        "table4_cost",
        "table5_causality",
        "table6_memory",
        "w_hh",
        "figure1",
        "figure2",
        "figure3",
        "eigenvalues",
        "online_accuracy",
        "lifetime",
        "cost",
        "clip_length",
        "league",
        "accuracy_by_latency",
        "per_class",
        "confusion",
        "trainings",
        "learning_curves",
        "claims",
        "forest",
    ]


def test_product_that_an_experiment_has_not_is_named_with_those_that_it_has():
    with pytest.raises(InputError, match=r"no table 'table3_clip_length' in mini; it has table1_init, "):
        find_product(experiment({"tables.table3": MISSING}), "table3_clip_length", "table")
    with pytest.raises(InputError, match="no figure 'table1_init' in mini; it has figure1, "):
        find_product(experiment(), "table1_init", "figure")


# Tables


def test_table1_has_the_four_inits_in_the_papers_order():
    found = rows("table1_init")
    assert list(found) == [
        ("random", "random"),
        ("random", "identity"),
        ("stills", "random"),
        ("stills", "identity"),
    ]
    assert all(runs == [Run("rcn18", 8, *init)] for init, runs in found.items())


def test_table1_names_imagenet_where_that_is_the_pretraining():
    found = products_of(imagenet())["table1_init"].rows()
    assert list(found)[2:] == [("imagenet", "random"), ("imagenet", "identity")]


def test_without_pretrained_weights_table1_has_two_inits():
    starts = {f"models.{name}.w_xh": ["random"] for name in MINI["models"]}
    products = products_of(experiment({"pretrained": MISSING, **starts}))
    assert list(products["table1_init"].rows()) == [("random", "random"), ("random", "identity")]
    assert list(products["figure1"].rows()) == ["a", "b"]
    assert products["figure3"].runs() == [Run("rcn18", 8, "random", "identity")]
    assert list(products["figure2"].rows()) == ["a", "b"]
    assert not any("stills" in str(path) for each in products.values() for path in each.reads())


def test_table2_has_every_model_from_random_and_from_pretrained_weights():
    found = rows("table2_architectures")
    models = ["c2d18", "rcn18", "i3d18", "r2plus1d18"]
    assert list(found) == [(model, w_xh) for model in models for w_xh in ("random", "stills")]
    assert found["rcn18", "stills"] == [Run("rcn18", 8, "stills", "identity")]
    assert found["i3d18", "random"] == [Run("i3d18", 8, "random", None)]


def test_r2plus1d_has_no_pretrained_run():
    found = rows("table2_architectures")
    assert found["r2plus1d18", "stills"] == []
    assert [key for key, runs in found.items() if not runs] == [("r2plus1d18", "stills")]


def test_table3_has_every_clip_length_from_pretrained_weights():
    assert rows("table3_clip_length") == {
        ("rcn18", 8): [Run("rcn18", 8, "stills", "identity")],
        ("rcn18", 16): [Run("rcn18", 16, "stills", "identity")],
    }


def test_table3_takes_random_weights_where_a_model_has_no_others():
    found = rows("table3_clip_length", tables__table3__models=["r2plus1d18"])
    assert found["r2plus1d18", 16] == [Run("r2plus1d18", 16, "random", None)]


@pytest.mark.parametrize("name", ["table1_init", "table2_architectures", "table3_clip_length"])
def test_every_row_has_a_run_for_every_seed(name):
    found = [runs for runs in rows(name, seeds=[3, 5]).values() if runs]
    assert found
    assert all([run.seed for run in runs] == [3, 5] for runs in found)


def test_clip_lengths_of_a_profile_are_those_of_the_tables_that_show_the_model():
    tables = {
        "tables.table2": {"models": ["c2d18", "rcn18"], "frames": 4},
        "tables.table3": {"models": ["rcn18", "rcn34"], "frames": [16, 8]},
        "tables.table4": {"models": ["rcn18", "s3d"], "frames": [64, 16]},
    }
    products = products_of(experiment(tables)).values()
    assert profiled(products) == {"c2d18": [4], "rcn18": [4, 8, 16, 64], "rcn34": [8, 16], "s3d": [16, 64]}
    assert timed(products) == {"rcn18": [8, 16, 64], "rcn34": [8, 16], "s3d": [16, 64]}


def test_each_table_of_costs_reads_the_profiles_of_its_own_models():
    table = product("table4_cost", tables__table4={"models": ["s3d", "c2d18"], "frames": [16]})
    paths = table.experiment.paths
    assert table.reads() == [paths.profile("s3d"), paths.profile("c2d18"), paths.throughput]
    (table2,) = (each for each in products_of(table.experiment).values() if each.name == "table2_architectures")
    assert paths.profile("s3d") not in table2.reads()


def test_live_video_is_compared_with_the_model_of_table1_if_that_is_made():
    table4 = {"models": ["s3d", "c2d18"], "frames": [16, 8]}
    assert product("table4_cost", tables__table4=table4).reference == ("rcn18", 8)
    assert timed([product("table4_cost", tables__table4=table4)]) == {"c2d18": [8, 16], "rcn18": [8], "s3d": [8, 16]}
    assert product("table4_cost", tables__table4=table4, tables__table1=MISSING).reference == ("s3d", 16)


def test_certified_models_are_neither_profiled_nor_trained():
    products = products_of(experiment())
    assert "rcn50" in products["table5_causality"].certified()
    assert "rcn50" not in profiled(products.values())
    assert "rcn50" not in {run.model for run in all_runs(products.values())}


def test_what_is_certified_is_the_union_over_products():
    tables = [product("table5_causality", tables__table5={"models": ["rcn18", "s3d"], "frames": n}) for n in (16, 8)]
    assert certified([*tables, product("table1_init")]) == {"rcn18": [8, 16], "s3d": [8, 16]}


def test_accuracy_is_read_from_evaluations_and_the_stills_record_of_the_model_of_table1():
    table = product("table1_init")
    paths, run = table.experiment.paths, table.runs()[0]
    assert {paths.evaluation(run), paths.predictions(run)} < set(table.reads())
    assert table.stills == paths.root / "pretrained" / "resnet18-stills.json"
    assert table.stills in table.reads()
    assert not any("pretrained" in str(path) for path in products_of(imagenet())["table1_init"].reads())


# Figures


def test_figure1_shows_the_inits_and_the_seeds_of_table1():
    products = products_of(experiment({"seeds": [3, 5]}))
    panels = products["figure1"].rows()
    assert list(panels) == list("abcd")
    assert list(panels.values()) == list(products["table1_init"].rows().values())


def test_figure2_shows_both_readings_of_its_second_caption():
    assert rows("figure2") == {
        "a": [Run("rcn18", 16, "random", "identity")],
        "b": [Run("rcn34", 16, "random", "identity")],
        "b'": [Run("rcn34", 16, "stills", "identity")],
    }


@pytest.mark.parametrize("count", range(1, 9))
def test_figure2_has_a_panel_for_every_model_and_the_last_again_from_pretrained_weights(count):
    models = ["rcn18", "rcn34", "rcn50", "rcn101", *(f"rcn{n}+sum" for n in (18, 34, 50, 101))][:count]
    starts = {f"models.{model}": {"w_xh": ["random", "stills"], "w_hh": ["random", "identity"]} for model in models[:4]}
    starts |= {f"models.{model}": {"w_xh": ["random", "stills"], "w_hh": ["identity"]} for model in models[4:]}
    panels = products_of(experiment({**starts, "figures.figure2.models": models}))["figure2"].rows()
    letters = "abcdefgh"[:count]
    assert list(panels) == [*letters, f"{letters[-1]}'"]
    assert [(run.variant, run.w_xh) for (run,) in panels.values()] == [
        *((model, "random") for model in models),
        (models[-1], "stills"),
    ]
    assert {(run.frames, run.w_hh) for (run,) in panels.values()} == {(16, "identity")}


def test_figure2_shows_as_many_seeds_as_it_is_told():
    products = products_of(experiment({"seeds": [3, 5, 6], "figures.figure2.seeds": 2}))
    assert {panel: [run.seed for run in runs] for panel, runs in products["figure2"].rows().items()} == {
        "a": [3, 5],
        "b": [3, 5],
        "b'": [3, 5],
    }


def test_figure3_shows_the_pretrained_identity_run():
    assert rows("figure3") == {"": [Run("rcn18", 8, "stills", "identity")]}


def test_figures_of_w_hh_read_its_record_and_neither_weights_nor_evaluations():
    products = products_of(experiment())
    for name, matrices in (("figure1", set()), ("figure2", set()), ("figure3", {"w_hh.safetensors"})):
        assert {path.name for path in products[name].reads()} == {"w_hh.json", "provenance.json"} | matrices


def test_online_accuracy_is_of_pretrained_weights_where_a_model_has_them_and_of_every_seed():
    lengths = {"rcn18": [4, 8], "r2plus1d18": [4]}
    figure = product("online_accuracy", seeds=[3, 5], figures__online_accuracy=lengths)
    assert figure.rows() == {
        ("rcn18", 4): [Run("rcn18", 4, "stills", "identity", seed) for seed in (3, 5)],
        ("rcn18", 8): [Run("rcn18", 8, "stills", "identity", seed) for seed in (3, 5)],
        ("r2plus1d18", 4): [Run("r2plus1d18", 4, "random", None, seed) for seed in (3, 5)],
    }
    assert {"online.csv", "online.json"} <= {path.name for path in figure.reads()}


def test_lifetime_reads_what_was_measured_of_the_same_runs():
    changes = {"figures__lifetime": {"rcn18": [8, 16]}, "lifetime": {"videos": 8, "frames": 16}}
    figure = product("lifetime", **changes)
    assert figure.runs() == [Run("rcn18", frames, "stills", "identity", 0) for frames in (8, 16)]
    assert {path.name for path in figure.reads()} == {"lifetime.csv", "lifetime.json", "provenance.json"}


def test_cost_profiles_and_times_each_model_at_its_own_lengths():
    figure = product("cost", figures__cost={"rcn18": [16, 8], "c2d18": [8]})
    assert figure.profiled() == figure.timed() == {"c2d18": [8], "rcn18": [8, 16]}
    assert {path.name for path in figure.reads()} == {
        *("eval.json", "predictions.csv", "provenance.json", "c2d18.json", "rcn18.json", "throughput.json")
    }


def test_an_ablation_costs_as_much_as_its_model():
    changes = {"models.rcn18+sum": {"w_xh": ["stills"], "w_hh": ["identity"]}}
    changes["figures.cost"] = {"rcn18+sum": [16], "rcn18": [8]}
    assert products_of(experiment(changes))["cost"].profiled() == {"rcn18": [8, 16]}


def test_learning_curves_are_of_the_trainings_that_others_show_and_of_no_more():
    found = experiment({"seeds": [3, 5], "figures.learning_curves": {}, "tables.trainings": {}})
    products = products_of(found)
    curves, table = products.pop("learning_curves"), products.pop("trainings")
    assert curves.runs() == table.runs() == all_runs(products.values())
    assert curves.rows() == table.rows()
    assert curves.reads() == table.reads()
    starts = [row[2:] for row in curves.rows() if row[:2] == ("rcn18", 8)]
    assert starts == [("random", "random"), ("random", "identity"), ("stills", "random"), ("stills", "identity")]
    assert [run.seed for run in curves.rows()["rcn18", 8, "stills", "identity"]] == [3, 5]
    assert list(dict.fromkeys(model for model, *_ in curves.rows())) == list(found.models)
    assert {path.name for path in curves.reads()} == {"metrics.jsonl", "provenance.json"}


def test_trainings_of_an_option_that_changes_nothing_at_8_frames_stand_where_the_config_lists_it():
    batch = {"rcn18+t8_batch": {"w_xh": ["stills"], "w_hh": ["identity"]}, "c2d18": {"w_xh": ["stills"]}}
    config = MINI | {"models": batch, "figures": {"learning_curves": {}}}
    config["tables"] = {"table3": {"models": list(batch), "frames": [8, 16]}, "trainings": {}}
    products = products_of(experiment(config=config))
    shown = [("rcn18", 8), ("rcn18+t8_batch", 16), ("c2d18", 8), ("c2d18", 16)]
    assert [row[:2] for row in products["trainings"].rows()] == shown
    assert products["learning_curves"].runs() == products["table3_clip_length"].runs()


OF_LENGTHS = {f"figures.{name}": {"rcn18": [12]} for name in ("online_accuracy", "lifetime", "cost", "clip_length")}


@pytest.mark.parametrize("section", [*OF_LENGTHS, "tables.league"])
def test_learning_curves_are_of_what_another_alone_shows(section):
    alone = {"figures.learning_curves": {}, "lifetime": {"videos": 4, "frames": 64}}
    alone[section] = OF_LENGTHS.get(section, {"models": ["rcn18"], "frames": 12})
    products = products_of(experiment(alone))
    shown = {run for run in products[section.partition(".")[2]].runs() if run.frames == 12}
    assert shown
    assert shown <= set(products["learning_curves"].runs())


@pytest.mark.parametrize("place", ["figures.learning_curves", "tables.trainings"])
def test_learning_curves_and_a_table_of_no_training_are_refused(place):
    costs_alone = dict.fromkeys(("tables.table1", "tables.table2", "tables.table3"), MISSING)
    figures = {"figures.figure2": MISSING, "figures.online_accuracy": MISSING}
    with pytest.raises(InputError, match=rf"{place}: no table or figure shows a training"):
        experiment(costs_alone | figures | {place: {}})


def test_all_runs_hold_every_run_of_every_table_and_figure_once():
    products = products_of(experiment({"seeds": [3, 5]})).values()
    runs = all_runs(products)
    assert set(runs) == {run for each in products for row in each.rows().values() for run in row}
    assert len(set(runs)) == len(runs)
    assert runs == sorted(runs)


def test_working_out_the_runs_leaves_the_config_alone():
    found = experiment()
    before = copy.deepcopy(found.config)
    all_runs(products_of(found).values())
    assert found.config == before


def test_costs_of_several_products_are_merged_in_the_order_of_names_and_lengths():
    assert merge_costs([{"b": [16, 8]}, {"a": [4], "b": [8, 4]}]) == {"a": [4], "b": [4, 8, 16]}


# Ablations


def test_an_ablation_is_a_row_of_its_own_at_the_cost_of_its_model():
    models = [*MINI["tables"]["table2"]["models"], "rcn18+sum"]
    products = products_of(
        experiment(
            {"models.rcn18+sum": {"w_xh": ["stills"], "w_hh": ["identity"]}, "tables.table2.models": models},
        )
    )
    (run,) = products["table2_architectures"].rows()["rcn18+sum", "stills"]
    assert run == Run("rcn18", 8, "stills", "identity", 0, ("sum",))
    assert run in all_runs(products.values())
    assert "rcn18+sum" not in profiled(products.values())


def test_a_model_with_seeds_of_its_own_has_as_many_runs_in_every_product():
    products = products_of(experiment({"seeds": [0, 1], "models.rcn18.seeds": [3, 4, 5], "models.rcn34.seeds": [7]}))
    rows = products["table2_architectures"].rows()
    assert [run.seed for run in rows["rcn18", "stills"]] == [3, 4, 5]
    assert [run.seed for run in rows["c2d18", "stills"]] == [0, 1]
    assert {run.seed for run in products["figure1"].runs()} == {3, 4, 5}
    assert [(run.model, run.seed) for run in products["figure2"].runs()][-2:] == [("rcn34", 7), ("rcn34", 7)]

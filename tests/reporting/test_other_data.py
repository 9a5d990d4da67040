"""Results of other data, or of other pretraining, stand in no table and no figure of an experiment."""

import numpy as np
import pytest
from table_results import write_online_run

from rcn_bench.errors import InputError
from rcn_bench.plan.config import check_config
from rcn_bench.plan.products import builder_of, find_product
from rcn_bench.plan.run import Run
from rcn_bench.reporting.results import read_evaluation
from results import write_own_hidden_state

DATA = [
    ({"digits": [2, 5]}, "data.digits.digits was [1, 7], is [2, 5]"),
    ({"clutter": 9}, "data.digits.clutter was 2, is 9"),
    ({"seed": 3}, "data.digits.seed was 0, is 3"),
]
STILLS = Run("rcn18", 8, "stills", "identity", 0)


def other(experiment, **sections):
    """The same results under a config with other values in some sections."""
    config = experiment.config
    return check_config({**config, **sections}, "other", experiment.results)


def with_digits(experiment, **digits):
    return other(experiment, data={**experiment.config["data"], "digits": experiment.config["data"]["digits"] | digits})


def refusal(experiment, kind, name):
    product = find_product(experiment, name, kind)
    with pytest.raises(InputError) as error:
        builder_of(product)(product)
    return str(error.value)


@pytest.mark.parametrize("name", ["table1_init", "table2_architectures", "table3_clip_length"])
@pytest.mark.parametrize(("digits", "told"), [*DATA, ({"val_videos": 100}, "data.digits.val_videos was 240, is 100")])
def test_a_table_refuses_results_of_other_data(experiment, name, digits, told):
    assert f"made with other settings: {told}; " in refusal(with_digits(experiment, **digits), "table", name)


@pytest.mark.parametrize("name", ["table1_init", "table2_architectures", "table3_clip_length"])
def test_a_table_refuses_results_of_other_pretraining(experiment, name):
    changed = other(experiment, pretrain=experiment.config["pretrain"] | {"lr": 0.5})
    assert "made with other settings: pretrain.lr was 0.01, is 0.5; " in refusal(changed, "table", name)


@pytest.mark.parametrize(("digits", "told"), DATA)
def test_figures_refuse_results_of_other_data(make, digits, told):
    experiment = make({"figures": {"online_accuracy": {"rcn18": [8]}}})
    for run in find_product(experiment, "figure1", "figure").runs():
        write_own_hidden_state(experiment, run, [np.eye(4)], [2 * np.eye(4)])
    for seed in (0, 1):
        write_online_run(experiment, "rcn18", seed, carried=["0101010101"] * 4)
    for name in ("figure1", "online_accuracy"):
        assert told in refusal(with_digits(experiment, **digits), "figure", name)


def test_an_evaluation_of_other_videos_than_those_of_the_cache_is_refused(experiment):
    evaluation, known = read_evaluation(experiment, STILLS), experiment.paths.fingerprint("val")
    known.parent.mkdir(exist_ok=True)
    known.write_text(evaluation.data_fingerprint + "\n")
    assert read_evaluation(experiment, STILLS) == evaluation
    known.write_text("0123456789ab\n")
    with pytest.raises(InputError, match=r"eval\.json: of other videos than .*val\.fingerprint tells of; run `"):
        read_evaluation(experiment, STILLS)

"""Runs: their names, and the 2D networks that they start from."""

import pytest
from experiments import experiment
from hypothesis import given
from hypothesis import strategies as st

from rcn_bench.errors import InputError
from rcn_bench.plan.run import OPTION_WORDS, Run
from rcn_bench.plan.workflow import Workflow

RUNS = st.builds(
    Run,
    model=st.text("abcxyz0189_", min_size=1),
    frames=st.integers(2, 1000),
    w_xh=st.sampled_from(["random", "stills", "imagenet"]),
    w_hh=st.sampled_from([None, "random", "identity"]),
    seed=st.integers(0, 10**6),
    options=st.lists(st.sampled_from(sorted(OPTION_WORDS)), unique=True).map(tuple),
)


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


@pytest.mark.parametrize(
    ("model", "network"),
    [
        ("c2d18", "resnet18"),
        ("rcn34", "resnet34"),
        ("rcn50", "resnet50"),
        ("c2d101", "resnet101"),
        ("i3d18_causal", "resnet18"),
        ("i3d50_nl", "resnet50"),
        ("i3d101_nl", "resnet101"),
        ("inception_i3d", "googlenet"),
        ("rcn18+sum", "resnet18"),
    ],
)
def test_model_stands_on_a_2d_network(model, network):
    assert experiment().trunk(model) == network


@pytest.mark.parametrize("model", ["s3d", "r2plus1d18", "nowhere"])
def test_model_without_2d_weights_is_named(model):
    with pytest.raises(InputError, match=rf"^{model}: not registered with a trunk"):
        experiment().trunk(model)


def test_networks_are_pretrained_for_the_runs_that_start_from_stills(tmp_path):
    def networks(**changes):
        return Workflow(["config/mini.yaml"], changes).networks

    assert networks() == "resnet18|resnet34"
    models = {"inception_i3d": {"w_xh": ["stills"]}}
    figures = {"online_accuracy": {"inception_i3d": [8]}}
    assert networks(models=models, figures=figures) == "googlenet|resnet18|resnet34"
    figures["figure2"] = {"models": ["rcn18"]}
    assert networks(models=models, figures=figures) == "googlenet|resnet18"
    assert networks(pretrained=None, figures={"figure2": None, "online_accuracy": None}) == "(?!)"

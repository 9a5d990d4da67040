"""What a builder reads of the config is part of its product's identity: else the product is stale after a change."""

import copy
import sys
from dataclasses import is_dataclass

import numpy as np
import pytest
from table_results import write_league, write_lifetime_run, write_online_run, write_results

from rcn_bench.plan.config import check_config, update
from rcn_bench.plan.experiment import Experiment
from rcn_bench.plan.products import builder_of, find_product, product_classes, products_of
from rcn_bench.plan.products.base import Product
from rcn_bench.plan.schema import keys_of
from results import write_own_hidden_state

PRODUCTS = sorted((cls.kind, name) for name, cls in product_classes().items())
OF_MODELS = {"models": ["rcn18"], "frames": 8}
FIGURES = {"figure2": {"models": ["rcn18", "rcn34"], "frames": 16}, "forest": {}, "learning_curves": {}}
FIGURES |= {
    "online_accuracy": {"rcn18": [8]},
    "lifetime": {"rcn18": [8]},
    "confusion": OF_MODELS,
    "cost": {"rcn18": [8]},
    "clip_length": {"rcn18": [8]},
    "eigenvalues": {"model": "rcn18", "frames": 8},
}
OF_W_HH = ("w_hh", "figure1", "figure2", "figure3", "eigenvalues", "claims")
OWN_VIDEOS = {"annotations": {"train": "train.csv", "val": "val.csv"}, "videos": "videos"}
# Of a product itself: what these return stands in depends_on(), or is a file that is read.
DESCRIBED = {"rows", "runs", "reads"}


def recording(section, reads, prefix=""):
    """The same section of a config, which notes every key that a builder reads of it."""
    names = {key.name for key in keys_of(type(section))} | {"dataset", "config"}

    class Recording(type(section)):
        def __getattribute__(self, name):
            value = super().__getattribute__(name)
            if name in names and not is_dataclass(value) and read_by_builder(sys._getframe(1)):
                reads.add(prefix + name)
            return value

    recorder = object.__new__(Recording)
    for name, value in vars(section).items():
        if name in names or name == "results":
            part = recording(value, reads, f"{prefix}{name}.") if is_dataclass(value) else value
            object.__setattr__(recorder, name, part)
    return recorder


def read_by_builder(frame):
    """Whether a frame is a builder's, or one of a product's or the experiment's own that a builder called."""
    passed_on = ("rcn_bench.plan.products", "rcn_bench.plan.experiment", __name__)  # by Recording itself
    while frame and frame.f_globals["__name__"].startswith(passed_on):
        if frame.f_code.co_name in DESCRIBED:
            return False
        frame = frame.f_back
    return frame is not None and frame.f_globals["__name__"].startswith("rcn_bench.reporting")


def keys_read(experiment, kind, name):
    """The keys of the config that the product's builder reads."""
    reads: set[str] = set()
    product = find_product(recording(experiment, reads), name, kind)
    build = builder_of(product)
    build(product)
    return reads


def identity(config, name):
    return products_of(Experiment.of(config))[name].depends_on()


def changed(config, key):
    """The config with another value at this key."""
    config = copy.deepcopy(config)
    if key == "dataset":
        return config | {"data": OWN_VIDEOS}
    if key == "tables":
        config["tables"]["table1"]["frames"] += 1
        return config
    if key == "figures":
        config["figures"]["figure2"]["frames"] += 1
        return config
    *sections, last = key.split(".")
    section = config
    for name in sections:
        section = section[name]
    section[last] = other_value(section.get(last))  # of a key that is left out, its default is None
    return config


def other_value(value):
    if value is None:  # a number that is left out
        return 48
    if isinstance(value, bool):
        return not value
    if isinstance(value, (int, float)):
        return value + 1
    return f"{value}x" if isinstance(value, str) else [*value, *value]


def unknown_to(identity_of, config, keys):
    """The keys whose values an identity does not hold."""
    return sorted(key for key in keys if identity_of(changed(config, key)) == identity_of(config))


@pytest.fixture(scope="module")
def experiment(config, tmp_path_factory):
    tables = {"w_hh": {"model": "rcn18", "frames": 8}, "claims": {}, "trainings": {}}
    tables |= dict.fromkeys(("per_class", "league"), OF_MODELS)
    with_all = copy.deepcopy(config)
    update(with_all, {"figures": FIGURES, "tables": tables, "lifetime": {"videos": 4, "frames": 128}})
    experiment = check_config(with_all, "config", tmp_path_factory.mktemp("results"))
    write_results(experiment)
    write_league(experiment)
    for run in {run for name in OF_W_HH for run in products_of(experiment)[name].runs() if run.w_hh}:
        write_own_hidden_state(experiment, run, [np.eye(4)], [2 * np.eye(4)])
    for seed in (0, 1):
        write_online_run(experiment, "rcn18", seed, carried=["0101010101"] * 4)
        write_lifetime_run(experiment, "rcn18", seed, last=["01010101"] * 4)
    return experiment


@pytest.mark.parametrize(("kind", "name"), PRODUCTS)
def test_an_identity_holds_every_value_that_the_builder_reads(experiment, kind, name):
    reads = keys_read(experiment, kind, name)
    assert "config" not in reads, "read keys by their names, so that this test sees which"
    assert unknown_to(lambda config: identity(config, name), experiment.config, reads) == []


def test_what_builders_read_is_seen(experiment):
    assert {"clip.evaluation_clips", "pretrained", "dataset"} <= keys_read(experiment, "table", "table1_init")
    # The model of the reference is read by a method of the product.
    assert {"stem_pool", "tables"} <= keys_read(experiment, "table", "table4_cost")
    # The size of counts is read by the experiment: the crop, where profile.size is left out.
    assert {"clip.crop", "profile.size"} <= keys_read(experiment, "table", "table3_clip_length")
    assert {"profile.memory_gib", "profile.size", "stem_pool"} <= keys_read(experiment, "table", "table6_memory")


def test_a_value_that_an_identity_lacks_is_named(experiment):
    class Forgetful(Product):
        name, kind, builder = "forgetful", "table", "made_up:build"

    def identity_of(config):
        return Forgetful(Experiment.of(config)).depends_on()

    namespace = {"__name__": "rcn_bench.reporting.made_up"}
    exec("def build(product): return product.experiment.train.lr + product.experiment.clip.crop", namespace)
    reads: set[str] = set()
    namespace["build"](Forgetful(recording(experiment, reads)))
    assert reads == {"train.lr", "clip.crop"}
    assert unknown_to(identity_of, experiment.config, reads) == ["clip.crop", "train.lr"]

"""The jobs of an experiment as Snakemake plans them, and the resources that its rules ask for."""

import re
from collections import Counter
from types import SimpleNamespace

import pytest
from experiments import CONFIGS, experiment
from test_workflow import plan_from_nothing

from rcn_bench.plan.config import load_experiment
from rcn_bench.plan.jobs import ON_A_GPU, SHARD_CORES, Job, all_before, cores_of, gpus_of, jobs_of

RUN = "rcn18-t8-xh_stills-hh_identity-s0"
ONE = {"train": 1, "val": 1}


def test_a_run_from_stills_waits_for_its_cache_and_its_network():
    waits = jobs_of(experiment(), {"train": 2, "val": 1})
    assert waits[Job("evaluate", RUN)] == [Job("cache", "val"), Job("train", RUN)]
    assert waits[Job("train", RUN)] == [Job("cache", "train"), Job("pretrain", "resnet18")]
    assert waits[Job("cache", "train")] == [Job("digits"), Job("shard", "train 0"), Job("shard", "train 1")]
    assert Job("evaluate", RUN) in waits[Job("table", "table1_init")]
    assert {Job("digits"), Job("shard", "val 0")} < all_before(Job("table", "table1_init"), waits)


def test_validation_videos_are_waited_for_where_they_are_looked_at():
    waits = jobs_of(experiment({"train.validate_every": 1}), ONE)
    assert Job("cache", "val") in waits[Job("train", RUN)]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mini", "kinetics", "kinetics_8gpus"])
def test_they_are_those_of_snakemake(name):
    counts = plan_from_nothing("all", "--configfile", f"config/{name}.yaml")
    shards = dict.fromkeys(ONE, counts["shard"] // 2)
    ours = Counter(job.stage for job in jobs_of(load_experiment([CONFIGS / f"{name}.yaml"]), shards))
    ours["make_digits"] = ours.pop("digits", 0)
    assert +ours == Counter({rule: count for rule, count in counts.items() if rule not in ("all", "total")})


def test_gpus_and_cores_are_those_of_the_rules():
    text = "".join(path.read_text() for path in (CONFIGS.parent / "workflows").glob("*.smk"))
    rules = dict(re.findall(r"^(?:    )?rule (\w+):\n(.*?)(?=^(?:    )?rule |\Z)", text, re.DOTALL | re.MULTILINE))
    assert {name for name, body in rules.items() if "gpu=" in body} == ON_A_GPU
    threads = {name: found[1] for name, body in rules.items() if (found := re.search(r"threads: (.*)", body))}
    mini = experiment({"train.threads": 2, "pretrain.threads": 3, "profile.threads": 5})
    plan = SimpleNamespace(experiment=mini, shard_threads=1, digits_threads=1, training_threads=2)
    asked = {name: eval(asks, {"PLAN": plan}) for name, asks in threads.items()}  # as the rules write it
    assert all(cores_of(Job(name, RUN), mini) == cores for name, cores in asked.items() if name != "make_digits")
    assert {name for name in rules if cores_of(Job(name, RUN), mini) > 1} <= set(threads)
    assert cores_of(Job("shard"), load_experiment([CONFIGS / "kinetics.yaml"])) == SHARD_CORES


def test_a_training_takes_the_gpus_of_its_clip_length_and_threads_for_each():
    found = experiment({"train.threads": 3, "train.gpus_by_frames": {"16": 4}})
    for frames, gpus in ((8, 1), (16, 4)):
        name = RUN.replace("t8", f"t{frames}")
        assert (gpus_of(Job("train", name), found), cores_of(Job("train", name), found)) == (gpus, 3 * gpus)
        assert (gpus_of(Job("evaluate", name), found), cores_of(Job("evaluate", name), found)) == (1, 3)

"""What jobs ask of an executor: by model and clip length, more at each attempt, never less than their stage does."""

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from changes import with_changes

from rcn_bench.analysis.needs import A_GMAC, BY_ARITHMETIC, BY_STEPS, LEAST, PROGRAM, Needs
from rcn_bench.analysis.step_times import step_settings
from rcn_bench.plan.config import check_config, load_experiment
from rcn_bench.plan.run import Run
from rcn_bench.plan.work import GPU_RATE
from rcn_bench.records.costs import StepTime, StepTimes
from results import an_origin_on

REPOSITORY = Path(__file__).parents[2]
PROFILES = sorted((REPOSITORY / "results" / "reference").glob("*/profiles/*.json"))
LONG, SHORT = (f"rcn34-t{frames}-xh_random-hh_identity-s0" for frames in (128, 8))


@pytest.fixture
def needs(tmp_path):
    """Of Kinetics with other values, 240,000 and 20,000 videos."""

    def make(changes=None, videos=(240_000, 20_000)):
        config = load_experiment([REPOSITORY / "config" / "kinetics.yaml"]).config
        experiment = check_config(with_changes(config, changes or {}), "own", tmp_path)
        return Needs(experiment, dict(zip(("train", "val"), videos, strict=True)))

    return make


def asked(of, run=LONG, attempt=1):
    return of(SimpleNamespace(run=run), attempt)


def test_no_stage_asks_for_less_than_its_own_and_each_for_more_at_each_attempt(needs):
    for stage, least in LEAST.items():
        memory, runtime = needs().memory(stage), needs().runtime(stage)
        for of, first in ((memory, least.memory), (runtime, least.runtime)):
            assert asked(of, SHORT) >= first
            assert [asked(of, LONG, attempt) for attempt in (2, 3)] == [asked(of) * attempt for attempt in (2, 3)]


def test_a_list_that_is_not_there_yet_leaves_a_stage_with_its_own(needs):
    unknown = needs(videos=(None, None))
    for stage in ("train", "evaluate", "online"):
        assert asked(unknown.runtime(stage)) == LEAST[stage].runtime


def test_long_clips_ask_for_the_time_of_their_operations(needs):
    many = {"train.epochs": 100}
    work = needs(many).work
    for run in (LONG, SHORT):
        minutes = BY_ARITHMETIC * work.operations("train", Run.parse(run)) / GPU_RATE / 60
        assert asked(needs(many).runtime("train"), run) == pytest.approx(max(minutes, LEAST["train"].runtime), abs=1)
    assert asked(needs(many).runtime("train")) > 2 * asked(needs(many).runtime("train"), SHORT)
    crops = {"clip.evaluation_crops": 3}
    minutes = BY_ARITHMETIC * needs(crops).work.operations("evaluate", Run.parse(LONG)) / GPU_RATE / 60
    assert asked(needs(crops).runtime("evaluate")) == pytest.approx(max(minutes, LEAST["evaluate"].runtime), abs=1)


def test_steps_that_were_timed_come_before_arithmetic_if_they_are_of_these_settings(needs):
    own = needs()
    rows = [StepTime("rcn34", 128, 4, 0.36, 0.4, None)]
    times = StepTimes(origin=an_origin_on(device="a card"), settings=step_settings(own.experiment), rows=rows)
    by_arithmetic = asked(own.runtime("train")), asked(own.runtime("evaluate"))
    times.write(own.experiment.paths.step_times)
    clips = own.work.clips("train", Run.parse(LONG))
    assert asked(needs().runtime("train")) == pytest.approx(BY_STEPS * 0.09 * clips / 60, abs=1)
    assert asked(needs().runtime("evaluate")) == pytest.approx(BY_STEPS * 0.1 * 200_000 / 60, abs=1)
    other = needs({"train.autocast": "none"})
    assert (asked(other.runtime("train")), asked(other.runtime("evaluate"))) == by_arithmetic


def test_trainings_of_long_batches_and_wide_models_ask_for_more_memory(needs):
    own = needs({"train.frames_per_batch": 2048})
    gmacs = own.work.gmacs(Run.parse(LONG))
    assert asked(own.memory("train")) == pytest.approx(PROGRAM + A_GMAC * 16 * gmacs, abs=1)
    assert asked(own.memory("train"), SHORT) == pytest.approx(asked(own.memory("train")), rel=0.01)  # as many frames
    assert asked(own.memory("train"), LONG.replace("rcn34", "c2d18")) < asked(own.memory("train"))
    longer = asked(own.memory("train"), LONG.replace("rcn34", "rcn34+t8_batch"))
    assert longer > 10 * asked(own.memory("train"))  # of as many clips as at 8 frames


def test_without_the_pool_of_the_stem_a_training_asks_for_four_times_as_much(needs):
    of, without = ({"train.frames_per_batch": 2048, "stem_pool": pool} for pool in (True, False))
    with_it, without_it = (asked(needs(changes).memory("train")) for changes in (of, without))
    assert without_it - PROGRAM == pytest.approx(4 * (with_it - PROGRAM), abs=4)


def test_processes_that_share_a_training_ask_together(needs):
    wide = {"train.frames_per_batch": 4096}
    alone, four = (needs({**wide, "train.gpus": gpus}).memory("train") for gpus in (1, 4))
    assert asked(four) == pytest.approx(asked(alone) + 3 * PROGRAM, abs=4)
    assert (
        asked(needs({"train.gpus": 4, "train.batch_norm": "synchronised"}).memory("train"), SHORT)
        == 4 * LEAST["train"].memory
    )
    long = {"train.epochs": 1000}
    one, two = (asked(needs({**long, "train.gpus": gpus}).runtime("train")) for gpus in (1, 2))
    assert two == pytest.approx(one / 2, abs=1)


def test_runs_of_one_clip_length_ask_for_their_own_processes(needs):
    wide = {"train.frames_per_batch": 4096, "train.epochs": 1000}
    by_length, alone, two = (
        needs({**wide, **shares}) for shares in ({"train.gpus_by_frames": {"128": 2}}, {}, {"train.gpus": 2})
    )
    for run, same in ((LONG, two), (SHORT, alone)):
        for of in ("memory", "runtime"):
            assert asked(getattr(by_length, of)("train"), run) == asked(getattr(same, of)("train"), run)
    assert asked(by_length.runtime("evaluate")) == asked(alone.runtime("evaluate"))


def test_a_model_that_claims_nothing_leaves_a_stage_with_its_own(needs):
    unknown = LONG.replace("rcn34", "mine")
    assert asked(needs().memory("train"), unknown) == LEAST["train"].memory
    assert asked(needs().runtime("train"), unknown) == LEAST["train"].runtime


@pytest.mark.parametrize("path", PROFILES, ids=lambda path: f"{path.parts[-3]} {path.stem}")
def test_no_kept_profile_has_larger_activations_than_memory_is_asked_for(path):
    for row in json.loads(path.read_text())["rows"]:
        batch = row["estimated"]["activations_bytes"] / 1e6
        assert batch <= A_GMAC * row["gmacs"] * row["memory_batch"]


def test_they_are_told_without_torch_or_numpy():
    code = (
        "import sys\n"
        "import rcn_bench.analysis.needs\n"
        "assert not {'torch', 'pandas', 'numpy', 'snakemake'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)

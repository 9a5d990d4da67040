"""What each stage depends on: which keys of a config change its identity, and which leave it alone."""

import copy
import json
from functools import cache

import pytest
from experiments import IMAGENET, MINI, MISSING, RANDOM, STILLS, experiment, imagenet
from hypothesis import given, settings
from hypothesis import strategies as st

from rcn_bench.code import Code
from rcn_bench.errors import InputError
from rcn_bench.plan import stages
from rcn_bench.plan.experiment import Experiment
from rcn_bench.plan.run import OPTION_WORDS
from rcn_bench.plan.stages import STAGES, dependencies

RUNS = [f"{stage} {run}" for stage in ("train", "evaluate", "online", "lifetime") for run in (RANDOM, STILLS)]
CACHES = ["cache train", "cache val"]
TABLE1, TABLE2, TABLE3, TABLE4, TABLE5, TABLE6 = (
    f"table {name}"
    for name in (
        "table1_init",
        "table2_architectures",
        "table3_clip_length",
        "table4_cost",
        "table5_causality",
        "table6_memory",
    )
)
FIGURES = ["figure figure1", "figure figure2", "figure figure3", "figure online_accuracy"]
TRAIN, EVALUATE, ONLINE, LIFETIME = RUNS[:2], RUNS[2:4], RUNS[4:6], RUNS[6:]
ACCURACY, COSTS = [TABLE1, TABLE2, TABLE3], [TABLE3, TABLE4, TABLE6]
OF_STILLS = [run for run in RUNS if run.endswith(STILLS)]
PRETRAIN, PROFILE, STEPS, CALIBRATE = "pretrain resnet18", "profile rcn18", "steps ", "calibrate r3d_18"
MEASURED = ["throughput ", "league "]
W_HH = [f"w_hh {run}" for run in (RANDOM, STILLS)]
JOBS = [
    *RUNS,
    *W_HH,
    *CACHES,
    *(TABLE1, TABLE2, TABLE3, TABLE4, TABLE5, TABLE6),
    *FIGURES,
    *(PRETRAIN, PROFILE, STEPS, CALIBRATE, "digits ", "throughput ", "league ", "causality "),
]

# A key of mini's config with another value, and all jobs whose identity that changes.
DEPEND = {
    "name": ("other", ACCURACY),
    "seeds": ([0, 1], [*ACCURACY, "figure figure1", "figure online_accuracy"]),
    "stem_pool": (False, [*RUNS, *W_HH, PRETRAIN, STEPS, "league ", TABLE2, *COSTS]),
    "data.max_bad": (0.5, []),
    "data.follow_links": (False, []),
    "data.max_overlap": (0.5, []),
    "data.shard_videos": (100, CACHES),
    "data.digits.digits": ([1, 7, 8], ["digits ", PRETRAIN, CALIBRATE, *CACHES, *RUNS]),
    "data.digits.canvas": (40, ["digits ", PRETRAIN, CALIBRATE, *CACHES, *RUNS]),
    "data.digits.video_frames": (70, ["digits ", CALIBRATE, *CACHES, *RUNS]),
    "data.digits.train_videos": (500, ["digits ", CALIBRATE, *CACHES, *RUNS]),
    "data.digits.val_videos": (250, ["digits ", CALIBRATE, "cache val", *EVALUATE, *ONLINE]),
    "data.digits.stills": (2500, ["digits ", PRETRAIN, *OF_STILLS]),
    "data.digits.clutter": (3, ["digits ", PRETRAIN, CALIBRATE, *CACHES, *RUNS]),
    "data.digits.speed": ([0.02, 0.06], ["digits ", CALIBRATE, *CACHES, *RUNS]),
    "data.digits.seed": (1, ["digits ", PRETRAIN, CALIBRATE, *CACHES, *RUNS]),
    "clip.stride": (3, [*RUNS, CALIBRATE]),
    "clip.crop": (30, [*RUNS, PRETRAIN, STEPS, CALIBRATE, PROFILE, *MEASURED, "causality ", *COSTS]),
    "clip.evaluation_clips": (8, [*EVALUATE, CALIBRATE, *ACCURACY]),
    "clip.evaluation_crops": (3, [*EVALUATE, CALIBRATE, *ACCURACY]),
    "augment.flip": (0.25, [*TRAIN, PRETRAIN, STEPS]),
    "augment.scale": ([0.9, 1.1], [*TRAIN, PRETRAIN, STEPS]),
    "train.epochs": (5, TRAIN),
    "train.lr": (0.5, TRAIN),
    "train.schedule": ("step", TRAIN),
    "train.milestones": ([0.5], TRAIN),
    "train.w_hh_weight_decay": (0.1, TRAIN),
    "train.frames_per_batch": (64, [*TRAIN, STEPS]),
    "train.autocast": ("bfloat16", [*RUNS, STEPS]),
    "train.compile": (True, [STEPS]),
    "train.cuda_graph": (True, [STEPS]),
    "train.deterministic": (True, [*TRAIN, PRETRAIN, STEPS]),
    "train.recompute_activations": (True, [PROFILE, STEPS]),
    "train.gpus": (2, [*TRAIN, STEPS]),
    "train.gpus_by_frames": ({"8": 2}, [*TRAIN, STEPS]),
    "train.threads": (7, []),
    "train.workers": (7, []),
    "train.validate_every": (1, []),
    "pretrain.epochs": (9, [PRETRAIN, *OF_STILLS]),
    "pretrain.lr": (0.5, [PRETRAIN, *OF_STILLS]),
    "pretrain.threads": (7, []),
    "models.rcn34.w_hh": (["random", "identity"], []),
    "weights_files": ({"resnet18": "weights.pth"}, []),
    "tables.table1.frames": (16, [TABLE1, "figure figure1", "figure figure3", TABLE4]),
    "tables.table2.models": (["c2d18", "rcn18"], [TABLE2]),
    "tables.table3.frames": ([4, 8, 16], [TABLE3, PROFILE, "throughput "]),
    "tables.table4.models": (["c2d18", "rcn18"], [TABLE4, TABLE6, "throughput "]),
    "tables.table5.frames": (8, [TABLE5, "causality "]),
    "tables.league": ({"models": ["rcn18"], "frames": 8}, ["league ", "causality "]),
    "lifetime": ({"videos": 8, "frames": 16}, LIFETIME),
    "figures.figure2.frames": (8, ["figure figure2"]),
    "figures.online_accuracy": ({"rcn18": [8]}, ["figure online_accuracy"]),
    "profile.size": (64, [PROFILE, TABLE3, TABLE6]),
    "profile.num_classes": (10, [PROFILE, STEPS, *MEASURED, TABLE2, TABLE6]),
    "profile.memory_frames_per_batch": (64, [PROFILE]),
    "profile.memory_gib": (80, [PROFILE, TABLE6]),
    "profile.timing_frames_per_batch": (64, ["throughput "]),
    "profile.seconds": (9, [*MEASURED, STEPS]),
    "profile.threads": (9, MEASURED),
}


@pytest.fixture
def no_code(monkeypatch):
    """Settings alone, so that hundreds of identities take no time."""
    monkeypatch.setattr(Experiment, "code", lambda self, *modules: Code({}))


def identities(found):
    return {job: dependencies(found, *job.split(" ")).hash for job in JOBS}


@cache
def unchanged():
    return identities(experiment())


def differing(changes):
    before, after = unchanged(), identities(experiment(changes))
    return {job for job in JOBS if before[job] != after[job]}


def milestones(changes):
    """A schedule of steps needs them."""
    return {"train.milestones": [0.5]} | changes if changes.get("train.schedule") == "step" else changes


def test_every_stage_is_looked_at():
    assert {job.split(" ")[0] for job in JOBS} == set(STAGES)


@pytest.mark.usefixtures("no_code")
@pytest.mark.parametrize("key", DEPEND)
def test_a_key_changes_what_depends_on_it_and_nothing_else(key):
    value, expected = DEPEND[key]
    assert differing(milestones({key: value})) == set(expected)


@pytest.mark.usefixtures("no_code")
def test_keys_together_change_what_depends_on_any_of_them():
    @settings(max_examples=15)
    @given(st.sets(st.sampled_from(sorted(DEPEND)), max_size=6))
    def check(keys):
        changes = milestones({key: DEPEND[key][0] for key in keys})
        assert differing(changes) == {job for key in changes for job in DEPEND[key][1]}

    check()


def test_jobs_of_different_stages_and_targets_are_different():
    found = identities(experiment())
    assert len(set(found.values())) == len(JOBS)


def test_asking_leaves_the_experiment_alone():
    found = experiment()
    before = copy.deepcopy(found.config)
    dependencies(found, "train", STILLS).settings["train"]["lr"] = 99
    assert found.config == before


@pytest.mark.usefixtures("no_code")
def test_settings_are_the_same_when_read_back_from_a_record():
    for job in JOBS:
        kept = dependencies(experiment(), *job.split(" ")).settings
        assert json.loads(json.dumps(kept)) == kept


def test_how_many_clips_are_carried_is_part_of_what_carried_runs_alone_depend_on():
    models = {"models.rcn18+carried": {"w_xh": ["random"], "w_hh": ["identity"]}}
    one, other = experiment(models), experiment({**models, "train.carried_clips": 5})
    for name, same in ((RANDOM, True), (RANDOM.replace("rcn18", "rcn18+carried"), False)):
        hashes = [dependencies(found, "train", name).hash for found in (one, other)]
        assert (hashes[0] == hashes[1]) == same


def test_what_an_option_means_is_part_of_what_a_run_depends_on(monkeypatch):
    found = experiment({"models.rcn18+sum": {"w_xh": ["stills"], "w_hh": ["identity"]}})
    name = STILLS.replace("rcn18", "rcn18+sum")
    before = [dependencies(found, stage, name).hash for stage in ("train", "evaluate", "online")]
    monkeypatch.setitem(OPTION_WORDS, "sum", {"mode": "another"})
    after = [dependencies(found, stage, name).hash for stage in ("train", "evaluate", "online")]
    assert not set(before) & set(after)


# Weights files, which no job makes


def with_files(**files):
    return imagenet({"weights_files": {network: str(path) for network, path in files.items()}})


def test_a_run_depends_on_the_bytes_of_its_networks_weights_file_and_not_on_its_name(tmp_path):
    first, second = tmp_path / "first.pth", tmp_path / "second.pth"
    first.write_bytes(b"weights")
    second.write_bytes(b"weights")
    hashes = [dependencies(with_files(resnet18=path), "train", IMAGENET).hash for path in (first, second)]
    assert hashes[0] == hashes[1]
    first.write_bytes(b"others!")
    assert dependencies(with_files(resnet18=first), "train", IMAGENET).hash != hashes[0]
    assert dependencies(with_files(), "train", IMAGENET).hash not in hashes


def test_a_run_does_not_depend_on_the_weights_file_of_another_network(tmp_path):
    own, other = tmp_path / "own.pth", tmp_path / "other.pth"
    own.write_bytes(b"weights")
    before = dependencies(with_files(resnet18=own), "train", IMAGENET).hash
    other.write_bytes(b"of resnet34")
    assert dependencies(with_files(resnet18=own, resnet34=other), "train", IMAGENET).hash == before
    deeper = IMAGENET.replace("rcn18", "rcn34")
    of_deeper = dependencies(with_files(resnet18=own, resnet34=other), "train", deeper).hash
    other.write_bytes(b"of resnet34, again")
    assert dependencies(with_files(resnet18=own, resnet34=other), "train", IMAGENET).hash == before
    assert dependencies(with_files(resnet18=own, resnet34=other), "train", deeper).hash != of_deeper


def test_a_run_from_random_weights_depends_on_no_weights_file(tmp_path):
    path = tmp_path / "weights.pth"
    path.write_bytes(b"weights")
    assert dependencies(with_files(resnet18=path), "train", RANDOM).files == {}


# Data of one's own


def own_videos(**data):
    lists = {"train": "train.csv", "val": "val.csv"}
    starts = {f"models.{name}.w_xh": ["random"] for name in MINI["models"]}
    data = {"annotations": lists, "videos": "videos", **data}
    return experiment({"pretrained": MISSING, "pretrain": MISSING, "data": data, **starts})


@pytest.mark.parametrize(
    ("data", "splits"),
    [
        ({"short_side": 64}, {"train", "val"}),
        ({"frame_rate": 15}, {"train", "val"}),
        ({"jpeg_quality": 90}, {"train", "val"}),
        ({"pictures_per_second": 12}, {"train", "val"}),
        ({"shard_videos": 100}, {"train", "val"}),
        ({"videos": "elsewhere"}, {"train", "val"}),
        (
            {"annotations": {"train": "other.csv", "val": "val.csv"}},
            {"train", "val"},
        ),  # its labels are those of training
        ({"annotations": {"train": "train.csv", "val": "other.csv"}}, {"val"}),
        ({"format": "paths"}, {"train", "val"}),
        ({"max_bad": 0.5}, set()),
        ({"max_overlap": 0.5}, set()),
    ],
)
def test_a_cache_depends_on_its_lists_and_on_how_frames_are_kept(data, splits):
    before, after = (
        {split: dependencies(found, "cache", split).hash for split in ("train", "val")}
        for found in (own_videos(), own_videos(**data))
    )
    assert {split for split in before if before[split] != after[split]} == splits


@pytest.mark.parametrize(
    ("data", "changes"),
    [
        ({"short_side": 64}, True),
        ({"frame_rate": 15}, True),
        ({"jpeg_quality": 90}, True),
        ({"videos": "elsewhere"}, False),
        ({"annotations": {"train": "moved/train.csv", "val": "moved/val.csv"}}, False),
        ({"shard_videos": 100}, False),
    ],
)
@pytest.mark.parametrize("stage", ["train", "evaluate", "online", "lifetime"])
def test_a_run_on_videos_of_ones_own_depends_on_how_their_frames_are_kept_and_not_on_where_they_lie(
    stage, data, changes
):
    before, after = (dependencies(found, stage, RANDOM).hash for found in (own_videos(), own_videos(**data)))
    assert (before != after) == changes


def test_a_cache_depends_on_the_code_of_every_list_format():
    modules = dependencies(own_videos(), "cache", "train").code.modules
    assert {"rcn_bench.lists.kinetics", "rcn_bench.lists.folders", "rcn_bench.lists.table"} <= set(modules)


# Code: modules of models that a stage does not use do not count


@pytest.mark.parametrize(
    ("job", "inside", "outside"),
    [
        (f"train {RANDOM}", {"engine.train", "models.rcn", "ops.recurrent_scan"}, {"models.i3d", "engine.evaluate"}),
        (f"evaluate {RANDOM}", {"engine.evaluate", "models.rcn"}, {"models.i3d", "engine.train"}),
        (f"online {RANDOM}", {"engine.online", "models.rcn"}, {"models.i3d", "engine.train"}),
        (f"w_hh {RANDOM}", {"analysis.hidden_state", "models.rcn"}, {"models.i3d", "engine.train"}),
        (f"lifetime {RANDOM}", {"engine.lifetime", "data.scenes"}, {"data.digits", "data.media.files", "engine.train"}),
        ("profile rcn18", {"analysis.profile", "models.rcn"}, {"models.i3d", "engine.train"}),
        ("throughput ", {"analysis.throughput", "models.rcn", "models.r2plus1d"}, {"models.s3d", "engine.train"}),
        ("causality ", {"analysis.causality", "models.s3d"}, {"engine.train", "analysis.profile"}),
        ("pretrain resnet18", {"engine.pretrain", "models.network2d"}, {"models.rcn", "engine.train"}),
        ("cache train", {"data.cache.build", "data.media.files"}, {"models.rcn", "engine.train"}),
        ("digits ", {"data.digits"}, {"models.rcn", "data.cache.build"}),
        ("table table1_init", {"reporting.accuracy"}, {"reporting.weights", "engine.train", "models.rcn"}),
        ("table table4_cost", {"reporting.cost"}, {"reporting.accuracy", "analysis.profile"}),
        ("table table5_causality", {"reporting.causality"}, {"reporting.accuracy", "analysis.causality"}),
        ("figure figure1", {"reporting.weights"}, {"reporting.accuracy", "analysis.hidden_state", "models.rcn"}),
        ("figure online_accuracy", {"reporting.online"}, {"reporting.accuracy", "engine.train"}),
    ],
)
def test_code_of_a_stage_is_what_it_reaches(job, inside, outside):
    modules = {name.removeprefix("rcn_bench.") for name in dependencies(experiment(), *job.split(" ")).code.modules}
    assert inside <= modules
    assert not outside & modules


def test_no_stage_depends_on_the_plan_itself():
    for job in JOBS:
        modules = dependencies(experiment(), *job.split(" ")).code.modules
        assert not [name for name in modules if name.startswith(("rcn_bench.plan", "rcn_bench.records"))], job


# Messages


def test_a_value_that_was_left_out_is_told_as_that():
    before, after = (dependencies(found, "train", RANDOM) for found in (own_videos(), own_videos(short_side=64)))
    assert after.differences(before.parts()) == ["data.short_side was left out, is 64"]


def test_differences_are_named():
    earlier = dependencies(experiment(), "train", RANDOM).parts()
    later = dependencies(experiment({"train.lr": 0.5, "clip.stride": 3}), "train", RANDOM)
    assert later.differences(earlier) == ["clip.stride was 2, is 3", "train.lr was 0.02, is 0.5"]
    assert dependencies(experiment(), "train", RANDOM).differences(earlier) == []


@pytest.mark.parametrize(
    ("stage", "target", "message"),
    [
        ("tain", "", "unknown stage 'tain'; choose one of digits, "),
        ("train", "rcn18", "'rcn18' is not a run's name"),
        ("train", "rcn19-t8-xh_random-s0", "unknown model 'rcn19'"),
        ("profile", "rcn19", "unknown model 'rcn19'"),
        ("table", "table9", "no table 'table9' in mini"),
    ],
)
def test_unknown_stage_or_target_is_named(stage, target, message):
    with pytest.raises(InputError) as error:
        dependencies(experiment(), stage, target)
    assert str(error.value).startswith(message)


def test_only_stills_are_trained_here():
    with pytest.raises(InputError, match="pretrained: imagenet"):
        dependencies(imagenet(), "pretrain", "resnet18")


def test_what_glyphs_show_is_part_of_the_stills_and_of_nothing_else(monkeypatch):
    glyphs, digits = experiment({"data.digits.stills_of": "glyphs"}), experiment()
    before = [identities(found) for found in (glyphs, digits)]
    monkeypatch.setattr(stages, "TEXTURES", ("rows",))
    after = [identities(found) for found in (glyphs, digits)]
    assert [job for job in JOBS if before[0][job] != after[0][job]] == [PRETRAIN, "digits "]
    assert before[1] == after[1]

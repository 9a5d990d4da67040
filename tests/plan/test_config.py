"""Values and keys of a config: what is refused and how the message names it, and what a key left out means."""

import copy
import math
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import yaml
from experiments import CONFIGS, MINI, MISSING, changed, experiment, refusal, with_changes

from rcn_bench.data.frames import ClipLayout, evaluation_starts
from rcn_bench.plan.config import check_config, config_hash, load_experiment
from rcn_bench.plan.products import all_runs, products_of


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.yaml")), ids=lambda path: path.stem)
def test_shipped_config_loads_and_is_named_after_its_file_or_adds_to_the_results_of_its_base(path):
    own = yaml.safe_load(path.read_text())
    assert load_experiment([path]).name == (path.stem if "name" in own else Path(own["base"]).stem)


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.yaml")), ids=lambda path: path.stem)
def test_shipped_config_evaluates_twins_on_the_same_clips(path):
    # Else a model that is blind to the order of frames could tell twins apart.
    shipped = load_experiment([path])
    frames, clip = shipped.data.digits and shipped.data.digits.video_frames, shipped.clip
    for length in {run.frames for run in all_runs(products_of(shipped).values())} if frames else ():
        room = frames - ClipLayout(length, clip.stride).span
        starts = evaluation_starts(frames, frames - room, clip.evaluation_clips)
        assert starts == [room - start for start in reversed(starts)], f"clips of {length} frames"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("name", "My Run"),
        ("seeds", []),
        ("seeds", [0, 0]),
        ("pretrained", "noise"),
        ("stem_pool", "yes"),
        ("train.lr", 0),
        ("train.lr", "1e-4"),
        ("train.epochs", 0),
        ("train.epochs", True),
        ("train.schedule", "linear"),
        ("train.momentum", 1),
        ("train.autocast", "half"),
        ("train.milestones", 0.5),
        ("train.recompute_activations", 1),
        ("pretrain.batch_size", 1),
        ("clip.crop", 8),
        ("clip.stride", 0),
        ("augment.flip", 1.5),
        ("augment.scale", [1.0]),
        ("data.max_bad", 2),
        ("data.digits.canvas", 35),
        ("data.digits.digits", []),
        ("data.digits.canvas", 100_000),
        ("data.digits.train_videos", 10**6 + 2),
        ("data.digits.video_frames", 10**6),
        ("data.digits.clutter", 10**6),
        ("data.digits.frame_rate", 10**6),
        ("data.digits.stills", 10**9),
        ("models", {}),
        ("models.c2d18", []),
        ("tables.table2.models", "rcn18"),
        ("tables.table4.frames", 8),
        ("tables.table5.frames", [8]),
        ("tables.table5.models", []),
        ("figures.figure2.models", []),
        ("figures.figure2.models", [f"rcn{depth}" for depth in range(9)]),
        ("figures.online_accuracy", {}),
        ("figures.online_accuracy.rcn18", []),
        ("profile.seconds", 0),
        ("profile.memory_gib", 0),
    ],
)
def test_bad_value_is_named_by_its_key(key, value):
    assert refusal(changed(key, value)).startswith(f"{key}: ")


@pytest.mark.parametrize(
    ("key", "value", "place"),
    [
        ("seeds", [-1], "seeds.0"),
        ("augment.scale", [1, 0], "augment.scale.1"),
        ("data.digits.speed", [0.5, 2], "data.digits.speed.1"),
        ("data.digits.digits", [1, 10], "data.digits.digits.1"),
        ("models.rcn18.w_xh", ["random", "zeros"], "models.rcn18.w_xh.1"),
        ("tables.table3.frames", [8, 1], "tables.table3.frames.1"),
        ("tables.table4.frames", [8, 1], "tables.table4.frames.1"),
    ],
)
def test_bad_value_in_a_list_is_named_by_its_place(key, value, place):
    assert refusal(changed(key, value)).startswith(f"{place}: ")


@pytest.mark.parametrize(
    ("key", "value", "place"),
    [
        ("train.lr", 1e30, "train.lr"),
        ("pretrain.lr", 1e30, "pretrain.lr"),
        ("train.weight_decay", 1e30, "train.weight_decay"),
        ("train.threads", 10**6, "train.threads"),
        ("train.workers", 10**6, "train.workers"),
        ("seeds", [2**70], "seeds.0"),
        ("data.digits.seed", 2**64, "data.digits.seed"),
        ("clip.crop", 10**6, "clip.crop"),
        ("augment.scale", [1e-9, 1], "augment.scale.0"),
        ("augment.scale", [1, 1e30], "augment.scale.1"),
        ("tables.table5.frames", 10**9, "tables.table5.frames"),
        ("profile.num_classes", 2**31 - 1, "profile.num_classes"),
        ("profile.seconds", 1e30, "profile.seconds"),
    ],
)
def test_what_no_machine_can_do_is_refused_before_any_job(key, value, place):
    assert refusal(changed(key, value)).startswith(f"{place}: ")


def test_stills_of_a_single_class_are_refused():
    assert refusal(changed("data.digits.digits", [1])).startswith("data.digits.digits: stills of a single digit")


@pytest.mark.parametrize("key", ["train.epochs", "clip.stride", "data.digits.train_videos"])
def test_fraction_is_refused_where_a_whole_number_is_needed(key):
    assert refusal(changed(key, 4.5)).startswith(f"{key}: ")


@pytest.mark.parametrize("key", ["train.epochs", "clip.stride", "data.digits.train_videos"])
def test_whole_number_written_as_a_fraction_is_refused(key):
    # range() and slices do not take 4.0, and a run would fail late.
    assert refusal(changed(key, 4.0)).startswith(f"{key}: ")


@pytest.mark.parametrize("key", ["train.lr", "train.weight_decay", "data.max_bad"])
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_number_that_is_not_finite_is_refused(key, value):
    assert key in refusal(changed(key, value))


@pytest.mark.parametrize("key", ["train.epochs", "train.lr", "clip.crop", "data.digits.seed", "tables.table1.frames"])
@pytest.mark.parametrize("value", [2**31, 10**400])
def test_whole_number_too_large_to_work_with_is_refused(key, value):
    assert refusal(changed(key, value)) == f"{key}: too large; a whole number is at most 2147483647"


def test_largest_seed_works():
    experiment({"seeds": [2**31 - 1], "data.digits.seed": 2**31 - 1})
    assert refusal(changed("seeds", [2**45])).startswith("seeds.0: too large")
    torch.manual_seed((2**31 - 1) * 1_000_003 + 2**31)


def test_plugin_that_is_no_text_is_refused():
    assert refusal(changed("plugins", [1])).startswith("plugins.0: 1 ")


@pytest.mark.parametrize("key", ["augment.scale", "data.digits.speed"])
def test_range_given_backwards_is_refused(key):
    assert key in refusal(changed(key, [1.2, 0.8]))


def test_crop_that_is_larger_than_the_frames_is_refused():
    assert "clip.crop" in refusal(changed("clip.crop", MINI["data"]["digits"]["canvas"] + 4))


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("sedes", "the config: unknown key 'sedes'; did you mean seeds?"),
        ("train.epoch", "train: unknown key 'epoch'; did you mean epochs?"),
        ("data.digits.sped", "data.digits: unknown key 'sped'; did you mean speed?"),
        ("models.rcn18.w_xx", "models.rcn18: unknown key 'w_xx'; did you mean w_xh?"),
        ("augment.zzz", "augment: unknown key 'zzz'; known keys are flip, rotate, translate, scale"),
        ("tables.claims.zzz", "tables.claims: unknown key 'zzz'; known keys are none"),
        ("tables.tabel1", "tables: unknown key 'tabel1'; did you mean table1?"),
    ],
)
def test_unknown_key_is_named_with_the_nearest_known_one(key, message):
    assert refusal(changed(key, 1)) == message


@pytest.mark.parametrize(
    ("key", "place"),
    [
        ("name", "the config"),
        ("data", "the config"),
        ("clip", "the config"),
        ("models", "the config"),
        ("train", "the config"),
        ("train.lr", "train"),
        ("train.epochs", "train"),
        ("clip.crop", "clip"),
        ("pretrain.epochs", "pretrain"),
        ("data.digits.speed", "data.digits"),
        ("models.c2d18.w_xh", "models.c2d18"),
        ("tables.table1.frames", "tables.table1"),
        ("tables.table4.frames", "tables.table4"),
        ("tables.table5.models", "tables.table5"),
        ("figures.figure2.models", "figures.figure2"),
    ],
)
def test_missing_key_is_named(key, place):
    message = refusal(changed(key, MISSING))
    assert message.startswith(f"{place}: ")
    assert repr(key.split(".")[-1]) in message


@pytest.mark.parametrize(
    ("key", "default"),
    [
        ("seeds", [0]),
        ("stem_pool", True),
        ("weights_files", {}),
        ("plugins", []),
        ("data.max_bad", 0),
        ("data.shard_videos", 500),
        ("clip.stride", 1),
        ("clip.evaluation_clips", 10),
        ("augment", {"flip": 0.5, "rotate": 5, "translate": 0.05, "scale": [0.95, 1.05]}),
        ("train.schedule", "cosine"),
        ("train.milestones", []),
        ("train.warmup", 0),
        ("train.momentum", 0.9),
        ("train.weight_decay", 1e-4),
        ("train.w_hh_weight_decay", 0),
        ("train.autocast", "none"),
        ("train.compile", False),
        ("train.cuda_graph", False),
        ("train.recompute_activations", False),
        ("train.threads", 1),
        ("train.workers", 0),
        ("pretrain.momentum", 0.9),
        ("profile.threads", 16),
    ],
)
def test_key_that_is_left_out_has_a_default_that_the_whole_config_shows(key, default):
    *path, last = key.split(".")
    config = copy.deepcopy(MINI)
    part = config
    for name in path:
        part = part[name]
    part.pop(last, None)
    whole = check_config(config, "some/config.yaml").config
    for name in key.split("."):
        whole = whole[name]
    assert whole == default


def test_the_least_config_makes_no_table_or_figure_and_runs_nothing():
    least = {
        "name": "least",
        "data": {"annotations": {"train": "train.csv", "val": "val.csv"}, "videos": "videos"},
        "clip": {"crop": 112},
        "train": {"epochs": 1, "frames_per_batch": 16, "lr": 0.1},
        "models": {"rcn18": {"w_xh": ["random"], "w_hh": ["identity"]}},
    }
    found = check_config(least, "least.yaml")
    assert products_of(found) == {}
    assert (found.pretrained, found.pretrain, found.data.digits) == (None, None, None)


@pytest.mark.parametrize("section", [*(f"tables.{name}" for name in MINI["tables"]), "tables", "figures"])
def test_without_its_section_no_table_or_figure_is_made(section):
    left = experiment({section: MISSING})
    names = {cls.section for cls in products_of(left).values()}
    assert not {place for place in names if ".".join(place).startswith(section)}


def test_whole_config_is_a_config_of_the_same_experiment():
    whole = experiment().config
    assert check_config(yaml.safe_load(yaml.safe_dump(whole)), "again.yaml").config == whole
    assert with_changes(whole, {}) == whole


def test_reading_a_config_leaves_it_alone():
    config = copy.deepcopy(MINI)
    check_config(config, "some/config.yaml").config["train"]["lr"] = 99
    assert config == MINI


def test_sections_are_typed():
    found = experiment()
    assert found.augment.scale == (0.95, 1.05)
    assert found.data.digits.speed == (0.03, 0.06)
    assert found.models["rcn18"].w_hh == ["random", "identity"]
    assert found.models["i3d18"].w_hh is None
    assert math.isclose(found.train.lr, 0.02)


@pytest.mark.parametrize(
    ("config", "place"),
    [
        ({1.5: {"w_xh": ["random"]}}, "models: the key 1.5"),
        ({"rcn18": {"w_xh": ["random"], True: 1}}, "models.rcn18: the key True"),
    ],
)
def test_key_that_is_no_text_is_refused(config, place):
    assert refusal(changed("models", config)).startswith(place)


def test_jsonschema_is_loaded_for_a_check_alone_and_torch_never():
    code = (
        "import sys\n"
        "import rcn_bench.plan.config, rcn_bench.plan.stages, rcn_bench.plan.workflow\n"
        "assert not {'jsonschema', 'torch', 'numpy', 'pandas'} & set(sys.modules), 'at import'\n"
        "from rcn_bench.plan.config import load_experiment\n"
        "load_experiment(['config/mini.yaml'])\n"
        "assert 'jsonschema' in sys.modules\n"
        "assert not {'torch', 'numpy', 'pandas', 'snakemake'} & set(sys.modules), 'after a check'\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=CONFIGS.parent, check=True)


def test_hash_is_short_and_does_not_depend_on_the_order_of_keys():
    first, second = config_hash({"a": [1, 2], "b": {"c": 1}}), config_hash({"b": {"c": 1}, "a": [1, 2]})
    assert first == second
    assert len(first) == 12
    assert config_hash({"a": [2, 1], "b": {"c": 1}}) != first

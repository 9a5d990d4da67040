"""Configs: what is refused and how the message names it, and which settings a trained model depends on."""

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from rcn_bench.config import check_config, config_hash, load_config, training_settings
from rcn_bench.data.clips import ClipLayout, evaluation_starts
from rcn_bench.errors import InputError
from rcn_bench.experiment import Run, all_runs

CONFIGS = Path(__file__).parents[1] / "config"
MINI = yaml.safe_load((CONFIGS / "mini.yaml").read_text())
MISSING = object()


def changed(key: str, value: Any) -> dict:
    """The mini config with another value at a dotted key, or without that key."""
    config = copy.deepcopy(MINI)
    *path, last = key.split(".")
    part = config
    for name in path:
        part = part[name]
    if value is MISSING:
        del part[last]
    else:
        part[last] = value
    return config


def refusal(config: Any) -> str:
    """The message for a bad config, without the name of its file."""
    with pytest.raises(InputError) as error:
        check_config(config, "some/config.yaml")
    message = str(error.value)
    assert message.startswith("some/config.yaml: ")
    assert "\n" not in message
    return message.removeprefix("some/config.yaml: ")


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.yaml")), ids=lambda path: path.stem)
def test_shipped_config_loads_and_is_named_after_its_file(path):
    assert load_config(path)["name"] == path.stem


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.yaml")), ids=lambda path: path.stem)
def test_shipped_config_evaluates_twins_on_the_same_clips(path):
    # Else a model that is blind to the order of frames could tell twins apart.
    config = load_config(path)
    frames = config["data"].get("digits", {}).get("video_frames")
    for length in {run.frames for run in all_runs(config)} if frames else ():
        room = frames - ClipLayout(length, config["clip"]["stride"]).span
        starts = evaluation_starts(frames, frames - room, config["clip"]["evaluation_clips"])
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
        ("train.activation_checkpointing", 1),
        ("pretrain.batch_size", 1),
        ("clip.crop", 8),
        ("clip.stride", 0),
        ("augment.flip", 1.5),
        ("augment.scale", [1.0]),
        ("data.max_bad", 2),
        ("data.digits.canvas", 35),
        ("data.digits.digits", []),
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
        ("data.digits.digits", [1, 10], "data.digits.digits.1"),
        ("models.rcn18.w_xh", ["random", "zeros"], "models.rcn18.w_xh.1"),
        ("tables.table3.frames", [8, 1], "tables.table3.frames.1"),
        ("tables.table4.frames", [8, 1], "tables.table4.frames.1"),
    ],
)
def test_bad_value_in_a_list_is_named_by_its_place(key, value, place):
    assert refusal(changed(key, value)).startswith(f"{place}: ")


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
    ],
)
def test_unknown_key_is_named_with_the_nearest_known_one(key, message):
    assert refusal(changed(key, 1)) == message


@pytest.mark.parametrize(
    ("key", "place"),
    [
        ("seeds", "the config"),
        ("train", "the config"),
        ("train.lr", "train"),
        ("data.max_bad", "data"),
        ("data.digits.speed", "data.digits"),
        ("models.c2d18.w_xh", "models.c2d18"),
        ("tables.table1.frames", "tables.table1"),
        ("tables.table4.frames", "tables.table4"),
        ("tables.table5", "tables"),
        ("train.activation_checkpointing", "train"),
        ("profile.memory_gib", "profile"),
        ("figures.figure2", "figures"),
        ("figures.online_accuracy", "figures"),
    ],
)
def test_missing_key_is_named(key, place):
    message = refusal(changed(key, MISSING))
    assert message.startswith(f"{place}: ")
    assert repr(key.split(".")[-1]) in message


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("tables.table1.model", "rcn81"),
        ("tables.table2.models", ["c2d18", "rcn81"]),
        ("tables.table3.models", ["rcn81"]),
        ("figures.figure2.models", ["rcn81", "rcn34"]),
        ("figures.online_accuracy", {"c2d18": [8], "rcn81": [8]}),
    ],
)
def test_model_that_is_trained_for_a_table_or_figure_must_be_under_models(key, value):
    message = refusal(changed(key, value))
    assert message.startswith(f"{key}: rcn81 ")
    assert "models" in message


def test_ablation_with_an_unknown_option_is_refused():
    config = changed("models.rcn18+max", {"w_xh": ["random"]})
    assert "models.rcn18+max: unknown option +max" in refusal(config)


@pytest.mark.parametrize(
    ("key", "value"),
    [("data.digits.video_frames", 36), ("clip.stride", 5), ("train.frames_per_batch", 31)],
)
def test_clips_that_do_not_fit_are_refused_before_any_job(key, value):
    assert refusal(changed(key, value)).startswith(("data.digits.video_frames: ", "train.frames_per_batch: "))


@pytest.mark.parametrize("table", ["table4", "table5"])
def test_model_that_is_only_profiled_or_certified_need_not_be_under_models(table):
    # Whether it is registered is known where torch is: `rcn-bench check`, before the first job.
    check_config(changed(f"tables.{table}.models", ["rcn101"]), "some/config.yaml")


@pytest.mark.parametrize(
    ("key", "start", "place"),
    [
        ("tables.table3.models", {"w_xh": ["imagenet"]}, "tables.table3: i3d34"),
        ("figures.online_accuracy", {"w_xh": ["imagenet"]}, "figures.online_accuracy: i3d34"),
        ("figures.online_accuracy", {"w_xh": ["random"], "w_hh": ["random"]}, "figures.online_accuracy: i3d34"),
    ],
)
def test_model_without_a_start_that_is_shown_is_named(key, start, place):
    config = changed(key, {"i3d34": [8]} if key == "figures.online_accuracy" else ["i3d34"])
    config["models"]["i3d34"] = start
    assert refusal(config).startswith(f"{place} lists no start")


@pytest.mark.parametrize(
    ("key", "value", "lacking"),
    [
        ("models.rcn18.w_xh", ["stills"], "random"),
        ("models.rcn18.w_xh", ["random"], "stills"),
        ("models.rcn18.w_hh", ["identity"], "random"),
        ("models.rcn18.w_hh", ["random"], "identity"),
        ("models.rcn34.w_hh", ["random"], "identity"),
        ("models.rcn34.w_hh", MISSING, "identity"),
        ("models.rcn34.w_xh", ["stills"], "random"),
        ("models.rcn34.w_xh", ["random"], "stills"),
    ],
)
def test_init_that_a_table_or_figure_is_made_of_must_be_listed(key, value, lacking):
    assert refusal(changed(key, value)).startswith(f"{key} lacks {lacking}")


def test_figure2_needs_random_weights_of_each_model_and_pretrained_ones_of_the_last():
    config = changed("figures.figure2.models", ["rcn34", "rcn18"])
    config["models"]["rcn34"]["w_xh"] = ["random"]
    check_config(config, "some/config.yaml")
    config["models"]["rcn34"]["w_xh"] = ["stills"]
    assert refusal(config).startswith("models.rcn34.w_xh lacks random")


def test_table1_needs_a_recurrent_model():
    assert refusal(changed("tables.table1.model", "c2d18")).startswith("models.c2d18.w_hh lacks")


def test_stills_need_settings_of_their_training_and_the_embedded_data():
    assert "pretrain" in refusal(changed("pretrain", MISSING))
    folders = {"annotations": {"train": "train.csv", "val": "val.csv"}, "videos": "videos", "max_bad": 0}
    assert "stills" in refusal(changed("data", folders))


def test_a_batch_of_more_stills_than_there_are_is_refused():
    assert refusal(changed("data.digits.stills", 31)).startswith("pretrain.batch_size: 32 is more than the 31 stills")


def test_a_model_whose_name_holds_no_depth_cannot_start_from_stills():
    config = changed("models.regnet", {"w_xh": ["stills"]})
    config["tables"]["table2"]["models"].append("regnet")
    assert refusal(config).startswith("models.regnet: its name does not hold a ResNet's depth")


def test_data_are_either_embedded_or_given():
    folders = {"annotations": {"train": "train.csv", "val": "val.csv"}, "videos": "videos"}
    assert refusal(changed("data", {"max_bad": 0})).startswith("data: ")
    assert refusal(changed("data", MINI["data"] | folders)).startswith("data: ")


@pytest.mark.parametrize("network", ["resnet18", "resnet34", "resnet50", "resnet101", "googlenet"])
def test_weights_files_are_named_by_the_2d_network(network):
    check_config(changed("weights_files", {network: "weights.pth"}), "some/config.yaml")
    assert refusal(changed("weights_files", {network: 1})).startswith(f"weights_files.{network}: ")


def test_weights_file_of_another_network_is_refused():
    assert refusal(changed("weights_files", {"resnet51": "weights.pth"})).endswith("did you mean resnet50?")


def test_name_of_a_model_must_fit_into_the_name_of_a_run():
    assert "My-Model" in refusal(changed("models.My-Model", {"w_xh": ["random"]}))


@pytest.mark.parametrize(
    "content", [b"", b"- a\n- b\n", b"seeds: [0\n", b"a: b: c\n", b"\xff\xfe\x00", b"just text"], ids=repr
)
def test_file_that_holds_no_config_is_named(tmp_path, content):
    path = tmp_path / "bad.yaml"
    path.write_bytes(content)
    with pytest.raises(InputError) as error:
        load_config(path)
    assert str(error.value).startswith(f"{path}: ")
    assert "\n" not in str(error.value)


def test_bad_value_in_a_file_is_named_with_the_file(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(changed("train.lr", -1)))
    with pytest.raises(InputError, match=r"mine\.yaml: train\.lr: "):
        load_config(path)


def test_missing_file_and_folder_are_named(tmp_path):
    for path in (tmp_path / "nowhere.yaml", tmp_path):
        with pytest.raises(InputError, match="cannot read") as error:
            load_config(path)
        assert str(path) in str(error.value)


# What a trained model depends on


RANDOM, STILLS, IMAGENET = (Run("rcn18", 8, w_xh, "identity") for w_xh in ("random", "stills", "imagenet"))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("train.lr", 0.5),
        ("train.epochs", 5),
        ("train.w_hh_weight_decay", 0.1),
        ("train.milestones", [0.5]),
        ("clip.stride", 3),
        ("augment.flip", 0.0),
        ("augment.scale", [0.9, 1.1]),
        ("stem_pool", False),
    ],
)
def test_training_settings_notice(key, value):
    for run in (RANDOM, STILLS, IMAGENET):
        assert config_hash(training_settings(changed(key, value), run)) != config_hash(training_settings(MINI, run))


@pytest.mark.parametrize(
    ("key", "value", "run"),
    [("pretrain.epochs", 9, STILLS), ("weights_files", {"resnet18": "weights.pth"}, IMAGENET)],
)
def test_training_settings_notice_where_the_weights_come_from(key, value, run):
    before, after = (config_hash(training_settings(config, run)) for config in (MINI, changed(key, value)))
    assert before != after
    before, after = (config_hash(training_settings(config, RANDOM)) for config in (MINI, changed(key, value)))
    assert before == after


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("train.activation_checkpointing", True),
        ("train.threads", 7),
        ("train.workers", 7),
        ("pretrain.threads", 7),
        ("name", "other"),
        ("seeds", [0, 1, 2]),
        ("clip.evaluation_clips", 4),
        ("tables.table3.models", ["c2d18"]),
        ("tables.table4.frames", [4]),
        ("profile.memory_gib", 80),
        ("profile.seconds", 9),
    ],
)
def test_training_settings_ignore(key, value):
    for run in (RANDOM, STILLS):
        assert config_hash(training_settings(changed(key, value), run)) == config_hash(training_settings(MINI, run))


def test_training_settings_leave_the_config_alone():
    config = copy.deepcopy(MINI)
    training_settings(config, STILLS)["train"]["lr"] = 99
    assert config == MINI


def test_hash_is_short_and_does_not_depend_on_the_order_of_keys():
    first, second = config_hash({"a": [1, 2], "b": {"c": 1}}), config_hash({"b": {"c": 1}, "a": [1, 2]})
    assert first == second
    assert len(first) == 12
    assert config_hash({"a": [2, 1], "b": {"c": 1}}) != first

"""What a schema cannot say of a config: keys that go together, models that can start so, clips that fit, leftovers."""

import pytest
from experiments import CONFIGS, MINI, MISSING, changed, experiment, imagenet, refusal, with_changes

from rcn_bench.plan.checks import leftovers
from rcn_bench.plan.config import load_experiment
from rcn_bench.plan.products import all_runs, products_of


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


@pytest.mark.parametrize(
    ("gpus", "statistics", "message"),
    [
        (3, "synchronised", "train.gpus: 3 do not share a batch evenly; train.frames_per_batch: 256 makes batches of "),
        (16, "per_gpu", "train.gpus: 16 have a single clip each, which batch norm should not see alone; "),
        (16, "synchronised", ""),
        (8, "per_gpu", ""),
    ],
)
def test_gpus_must_share_a_batch_evenly(gpus, statistics, message):
    changes = {
        "train.gpus": gpus,
        "train.batch_norm": statistics,
        "train.frames_per_batch": 256,
        "tables.table3.frames": [16],
    }
    config = with_changes(MINI, changes)
    if message:
        assert refusal(config).startswith(message)
    else:
        experiment(changes)


@pytest.mark.parametrize(
    ("shares", "message"),
    [
        (
            {"16": 3},
            "train.gpus_by_frames.16: 3 do not share a batch evenly; train.frames_per_batch: 256 makes batches",
        ),
        ({"16": 16}, "train.gpus_by_frames.16: 16 have a single clip each, which batch norm should not see alone; "),
        ({"8": 3}, "train.gpus_by_frames.8: 3 do not share a batch evenly; "),
        (
            {"16": 8, "8": 1},
            "train.gpus: 3 do not share a batch evenly; train.frames_per_batch: 256 makes batches of 64",
        ),
        ({"16": 0}, "train.gpus_by_frames.16: 0 is less than"),
        ({"long": 2}, "train.gpus_by_frames: 'long' is no number of frames; give such as 128: 2"),
        ({"08": 2}, "train.gpus_by_frames: '08' is no number of frames"),
        ({"0": 2}, "train.gpus_by_frames: '0' is no number of frames"),
        ({"\uff18": 2}, "train.gpus_by_frames: '\uff18' is no number of frames"),
    ],
)
def test_gpus_of_a_clip_length_must_share_its_batches_and_are_named_by_their_key(shares, message):
    changes = {"train.frames_per_batch": 256, "tables.table3.frames": [4, 16], "train.gpus_by_frames": shares}
    assert refusal(with_changes(MINI, changes | ({"train.gpus": 3} if len(shares) > 1 else {}))).startswith(message)


def test_gpus_of_a_clip_length_that_no_run_has_are_left_over():
    found = experiment({"train.gpus_by_frames": {"8": 2, "64": 4}})
    assert list(leftovers(found)) == ["train.gpus_by_frames.64: nothing uses it; no run has clips of 64 frames"]


@pytest.mark.parametrize("table", ["table4", "table5"])
def test_model_that_is_only_profiled_or_certified_need_not_be_under_models(table):
    experiment({f"tables.{table}.models": ["rcn101"]})


@pytest.mark.parametrize("table", ["table4", "table5"])
def test_unknown_model_is_named_with_the_nearest_known_one(table):
    message = refusal(changed(f"tables.{table}.models", ["rcn18", "rcn19"]))
    assert message == f"tables.{table}: unknown model 'rcn19'; did you mean rcn18?"


def test_unknown_model_under_models_is_named():
    assert refusal(changed("models.rcn19", {"w_xh": ["random"]})).startswith("models.rcn19: unknown model 'rcn19'; did")
    assert "`rcn-bench models` lists them" in refusal(changed("models.zzz", {"w_xh": ["random"]}))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("tables.table1.model", "rcn18+sum"),
        ("tables.table4.models", ["c2d18", "rcn18+sum"]),
        ("tables.table5.models", ["c2d18", "rcn18+sum"]),
    ],
)
def test_ablation_is_refused_where_models_are_shown_as_they_are(key, value):
    config = changed("models.rcn18+sum", {"w_xh": ["random", "stills"], "w_hh": ["identity"]})
    message = refusal(changed(key, value, config))
    assert message.startswith(f"{key}: rcn18+sum is an ablation")
    assert "name rcn18 here" in message


def test_ablation_that_is_its_model_from_random_weights_is_refused():
    config = changed("models.i3d18+centre", {"w_xh": ["random", "stills"]})
    assert refusal(config).startswith("models.i3d18+centre.w_xh: ")
    experiment({"models.i3d18+centre": {"w_xh": ["stills"]}})


def test_a_model_without_a_hidden_state_has_none_to_carry():
    config = changed("models.i3d18+carried", {"w_xh": ["random"]})
    assert refusal(config).startswith("models.i3d18+carried.w_hh: missing; +carried is for models with a hidden state")
    experiment({"models.rcn18+carried": {"w_xh": ["random"], "w_hh": ["identity"]}})


def test_frozen_batch_norm_goes_with_pretrained_weights():
    config = changed("models.i3d18+frozen_bn", {"w_xh": ["random", "stills"]})
    assert refusal(config).startswith("models.i3d18+frozen_bn.w_xh: ")
    experiment({"models.i3d18+frozen_bn": {"w_xh": ["stills"]}})


def test_sum_from_a_random_w_hh_is_refused():
    config = changed("models.rcn18+sum", {"w_xh": ["stills"], "w_hh": ["random", "identity"]})
    assert refusal(config).startswith("models.rcn18+sum.w_hh: ")
    experiment({"models.rcn18+sum": {"w_xh": ["stills"], "w_hh": ["identity"]}})


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
    experiment(config=config)
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


def test_a_model_without_a_trunk_cannot_start_from_stills():
    config = changed("models.s3d", {"w_xh": ["stills"]})
    config["tables"]["table2"]["models"].append("s3d")
    assert refusal(config).startswith("models.s3d: not registered with a trunk")


def test_data_are_either_embedded_or_given():
    folders = {"annotations": {"train": "train.csv", "val": "val.csv"}, "videos": "videos"}
    assert refusal(changed("data", {"max_bad": 0})) == "data: needs annotations and videos, or digits"
    message = "data.annotations: does not go with data.digits; leave one of the two out"
    assert refusal(changed("data", MINI["data"] | folders)) == message
    for one in ("annotations", "videos"):
        assert refusal(changed("data", {one: folders[one]})) == "data: needs annotations and videos, or digits"


@pytest.mark.parametrize("key", ["short_side", "frame_rate", "pictures_per_second", "jpeg_quality"])
def test_key_that_would_part_twins_is_refused_beside_the_digits(key):
    assert refusal(changed(f"data.{key}", 30)).startswith(f"data.{key}: does not go with data.digits")


def test_schedule_of_steps_needs_milestones():
    assert refusal(changed("train.schedule", "step")).startswith("train.milestones: ")
    experiment({"train.schedule": "step", "train.milestones": [0.5]})


def test_twins_need_an_even_number_of_evaluation_clips():
    assert refusal(changed("clip.evaluation_clips", 5)).startswith("clip.evaluation_clips: must be even")


def test_three_crops_of_the_embedded_frames_must_differ():
    experiment({"clip.evaluation_crops": 3, "clip.crop": 34})
    what = "3 different crops of 35 need 37 pixels, data.digits.canvas has 36; lower clip.crop, or take 1"
    assert refusal(changed("clip.crop", 35, changed("clip.evaluation_crops", 3))) == f"clip.evaluation_crops: {what}"
    assert refusal(changed("clip.evaluation_crops", 2)).startswith("clip.evaluation_crops: 2 is not one of 1, 3")


@pytest.mark.parametrize("network", ["resnet18", "resnet34", "resnet50", "resnet101", "googlenet"])
def test_weights_files_are_named_by_the_2d_network(network):
    experiment({"weights_files": {network: "weights.pth"}})
    assert refusal(changed("weights_files", {network: 1})).startswith(f"weights_files.{network}: ")


# Parts of a config that nothing uses: they may come from a base, so each is a line and no error


def test_shipped_configs_hold_nothing_that_is_not_used():
    for path in CONFIGS.glob("*.yaml"):
        assert list(leftovers(load_experiment([path]))) == []


def test_weights_file_of_another_network_is_left_over():
    files = {"resnet18": "weights.pth", "resnet51": "weights.pth", "googlenet": "weights.pth"}
    assert list(leftovers(imagenet({"weights_files": files}))) == [
        "weights_files.resnet51: nothing uses it; did you mean resnet18?",
        "weights_files.googlenet: nothing uses it; no run starts from ImageNet weights of googlenet",
    ]


def test_weights_file_is_left_over_where_nothing_starts_from_imagenet():
    (line,) = leftovers(experiment({"weights_files": {"resnet18": "weights.pth"}}))
    assert line.startswith("weights_files.resnet18: nothing uses it")


def test_pretraining_is_left_over_beside_imagenet():
    (line,) = leftovers(imagenet({"pretrain": MINI["pretrain"]}))
    assert line == "pretrain: nothing uses it, since pretrained is imagenet"


def test_random_weights_alone_need_neither_imagenet_nor_stills():
    starts = {f"models.{name}.w_xh": ["random"] for name in MINI["models"]}
    random = experiment({"pretrained": MISSING, **starts})
    assert {run.w_xh for run in all_runs(products_of(random).values())} == {"random"}
    assert list(leftovers(random)) == ["pretrain: nothing uses it, since pretrained is left out"]


def test_model_that_no_product_shows_is_left_over():
    (line,) = leftovers(experiment({"models.i3d34": {"w_xh": ["stills"]}}))
    assert line == "models.i3d34: nothing uses it; no table or figure shows it"


def test_milestones_are_left_over_without_the_schedule_that_has_them():
    (line,) = leftovers(experiment({"train.milestones": [0.5]}))
    assert line == "train.milestones: nothing uses them, since train.schedule is cosine"


def test_name_of_a_model_must_fit_into_the_name_of_a_run():
    assert "My-Model" in refusal(changed("models.My-Model", {"w_xh": ["random"]}))


@pytest.mark.parametrize("milestones", [[0.9, 0.5], [0.5, 0.5]])
def test_milestones_that_do_not_rise_are_refused(milestones):
    config = changed("train.milestones", milestones, changed("train.schedule", "step"))
    assert refusal(config) == f"train.milestones: {milestones} must rise"


def test_option_that_stands_twice_is_refused():
    config = changed("models.rcn18+sum+sum", {"w_xh": ["stills"], "w_hh": ["identity"]})
    assert refusal(config) == "models.rcn18+sum+sum: +sum stands there 2 times; once is enough"


def test_batch_of_more_clips_than_there_are_embedded_videos_is_refused():
    experiment({"train.frames_per_batch": 450 * 8})
    message = refusal(changed("train.frames_per_batch", 451 * 8))
    assert message.startswith("train.frames_per_batch: 3608 makes batches of 451 clips of 8 frames; there are 450 ")


def test_embedded_training_videos_must_show_the_classes_of_validation():
    digits = {"data.digits.train_videos": 6, "train.frames_per_batch": 32}
    message = refusal(with_changes(MINI, digits))
    assert message.startswith(
        "data.digits.train_videos: 6 do not show all classes that validation does; give at least 8"
    )


def test_model_of_table_2_without_any_run_is_refused():
    message = refusal(changed("models.c2d18.w_xh", ["imagenet"]))
    assert message.startswith("tables.table2: c2d18 lists no start from random or pretrained w_xh")


@pytest.mark.parametrize(("pretrained", "told"), [("stills", "stills"), (MISSING, "left out")])
def test_start_that_can_never_be_used_is_a_leftover(pretrained, told):
    starts = {f"models.{name}.w_xh": ["random"] for name in MINI["models"]} if pretrained is MISSING else {}
    found = experiment({**starts, "pretrained": pretrained, "models.c2d18.w_xh": ["random", "imagenet"]})
    assert f"models.c2d18.w_xh: imagenet: nothing uses it, since pretrained is {told}" in list(leftovers(found))

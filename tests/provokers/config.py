"""Configs that are none, or whose keys and values cannot be."""

from changes import MISSING

from provokers.user import OWN, Met, User, provoker


@provoker
def no_such_config(user: User) -> Met:
    return user.runs("show", "--config", "none.yaml").naming("none.yaml")


@provoker
def no_yaml(user: User) -> Met:
    return user.runs("show", "--config", user.file("own.yaml", "name: [own\n")).naming("own.yaml", "line 2")


@provoker
def key_twice(user: User) -> Met:
    return user.runs("show", "--config", user.file("own.yaml", "name: a\nname: b\n")).naming(
        "own.yaml", "line 2", "name"
    )


@provoker
def no_config(user: User) -> Met:
    return user.runs("show", "--config", user.file("own.yaml", "a text\n")).naming("own.yaml")


@provoker
def key_that_is_no_text(user: User) -> Met:
    return user.runs("show", "--config", user.file("own.yaml", "name: own\ndata: {on: 1}\n")).naming("data", "True")


@provoker
def base_that_is_no_name(user: User) -> Met:
    return user.runs("show", "--config", user.file("own.yaml", "base: [a.yaml]\n")).naming("own.yaml", "base")


@provoker
def no_such_base(user: User) -> Met:
    return user.runs("show", "--config", user.file("own.yaml", "base: none.yaml\n")).naming("own.yaml", "none.yaml")


@provoker
def base_of_itself(user: User) -> Met:
    return user.runs("show", "--config", user.file("own.yaml", "base: own.yaml\n")).naming("own.yaml", "base")


@provoker
def misspelt_key(user: User) -> Met:
    return user.shows({"sedes": [1]}).naming("sedes", "seeds")


@provoker
def unknown_key(user: User) -> Met:
    return user.shows({"train.zzz": 1}).naming("train", "zzz")


@provoker
def missing_key(user: User) -> Met:
    return user.shows({"train.lr": MISSING}).naming("train", "lr")


@provoker
def value_of_another_type(user: User) -> Met:
    return user.shows({"train.lr": "fast"}).naming("train.lr", "fast")


@provoker
def value_too_small(user: User) -> Met:
    return user.shows({"train.epochs": 0}).naming("train.epochs", 0)


@provoker
def value_too_large(user: User) -> Met:
    return user.shows({"augment.flip": 2}).naming("augment.flip", 2)


@provoker
def whole_number_too_large(user: User) -> Met:
    return user.shows({"seeds": [2**40]}).naming("seeds.0")


@provoker
def value_of_a_choice(user: User) -> Met:
    return user.shows({"train.schedule": "linear"}).naming("train.schedule", "linear")


@provoker
def name_of_the_experiment(user: User) -> Met:
    return user.shows({"name": "My Experiment"}).naming("name", "My Experiment")


@provoker
def no_data(user: User) -> Met:
    return user.shows({"data": {"videos": "videos"}}).naming("data")


@provoker
def videos_and_digits(user: User) -> Met:
    return user.shows({"data.videos": "videos"}).naming("data.videos", "data.digits")


@provoker
def digits_stored_otherwise(user: User) -> Met:
    return user.shows({"data.short_side": 32}).naming("data.short_side", "data.digits")


@provoker
def crop_beyond_the_frame(user: User) -> Met:
    return user.shows({"clip.crop": 64}).naming("clip.crop", 64, 36)


@provoker
def digits_beyond_the_frame(user: User) -> Met:
    return user.shows({"data.digits.size": 2}).naming("data.digits.size", 56, 36)


@provoker
def bounds_that_fall(user: User) -> Met:
    return user.shows({"augment.scale": [1.2, 0.8]}).naming("augment.scale", 1.2)


@provoker
def milestones_missing(user: User) -> Met:
    return user.shows({"train.schedule": "step"}).naming("train.milestones")


@provoker
def milestones_that_fall(user: User) -> Met:
    return user.shows({"train.milestones": [0.5, 0.2]}).naming("train.milestones", 0.5)


@provoker
def clips_without_twins(user: User) -> Met:
    return user.shows({"clip.evaluation_clips": 3}).naming("clip.evaluation_clips")


@provoker
def state_that_a_model_lacks(user: User) -> Met:
    return user.shows({"models.i3d18+carried": {"w_xh": ["stills"]}}).naming("models.i3d18+carried", "i3d18")


@provoker
def long_videos_without_digits(user: User) -> Met:
    lifetime = {"videos": 8, "frames": 16}
    return user.runs("show", "--config", user.config({"lifetime": lifetime}, OWN)).naming("lifetime", "data.digits")


@provoker
def no_long_videos(user: User) -> Met:
    return user.shows({"figures.lifetime": {"rcn18": [8]}}).naming("lifetime")


@provoker
def long_videos_shorter_than_a_clip(user: User) -> Met:
    changes = {"figures.lifetime": {"rcn18": [8]}, "lifetime": {"videos": 8, "frames": 7}}
    return user.shows(changes).naming("lifetime.frames", 7, "rcn18-t8")


@provoker
def crops_that_are_alike(user: User) -> Met:
    return user.shows({"clip.evaluation_crops": 3, "clip.crop": 36}).naming("clip.evaluation_crops", 36, 38)


@provoker
def digits_of_too_few_videos(user: User) -> Met:
    return user.shows({"data.digits.train_videos": 4}).naming("data.digits.train_videos", 4)


@provoker
def digits_of_too_few_frames(user: User) -> Met:
    return user.shows({"data.digits.video_frames": 16}).naming("data.digits.video_frames", 16)


@provoker
def stills_without_pretraining(user: User) -> Met:
    return user.shows({"pretrain": MISSING}).naming("pretrained", "pretrain")


@provoker
def too_few_stills(user: User) -> Met:
    return user.shows({"pretrain.batch_size": 100}).naming("pretrain.batch_size", 100)


@provoker
def batch_of_one_clip(user: User) -> Met:
    return user.shows({"train.frames_per_batch": 8}).naming("train.frames_per_batch", 8)


@provoker
def gpus_that_share_no_batch(user: User) -> Met:
    return user.shows({"train.gpus": 3}).naming("train.gpus: 3", "train.frames_per_batch")


@provoker
def gpus_of_no_clip_length(user: User) -> Met:
    return user.shows({"train.gpus_by_frames": {"t8": 2}}).naming("train.gpus_by_frames", "t8")


@provoker
def gpus_with_one_clip(user: User) -> Met:
    return user.shows({"train.gpus": 2, "train.frames_per_batch": 16}).naming("train.gpus: 2", 16)


@provoker
def batch_of_more_than_the_videos(user: User) -> Met:
    return user.shows({"train.frames_per_batch": 512}).naming("train.frames_per_batch", 512)


@provoker
def unknown_model(user: User) -> Met:
    return user.shows({"models.rnc18": {"w_xh": ["random"]}}).naming("models.rnc18", "rcn18")


@provoker
def unknown_option_of_a_model(user: User) -> Met:
    return user.shows({"models.rcn18+half": {"w_xh": ["random"]}}).naming("models.rcn18+half", "+half")


@provoker
def option_twice(user: User) -> Met:
    return user.shows({"models.rcn18+sum+sum": {"w_xh": ["random"]}}).naming("models.rcn18+sum+sum", "+sum")


@provoker
def centre_of_random_weights(user: User) -> Met:
    return user.shows({"models.i3d18+centre": {"w_xh": ["random"]}}).naming("models.i3d18+centre.w_xh")


@provoker
def frozen_batch_norm_of_random_weights(user: User) -> Met:
    return user.shows({"models.i3d18+frozen_bn": {"w_xh": ["random"]}}).naming("models.i3d18+frozen_bn.w_xh")


@provoker
def sum_of_random_weights(user: User) -> Met:
    changes = {"models.rcn18+sum": {"w_xh": ["random"], "w_hh": ["random"]}}
    return user.shows(changes).naming("models.rcn18+sum.w_hh")


@provoker
def pretrained_without_a_trunk(user: User) -> Met:
    changes = {"models.s3d": {"w_xh": ["stills"]}, "tables.table2.models": ["rcn18", "s3d"]}
    return user.shows(changes).naming("models.s3d")


@provoker
def model_that_is_not_listed(user: User) -> Met:
    return user.shows({"tables.table3.models": ["c2d18"]}).naming("tables.table3.models", "c2d18")


@provoker
def learning_curves_of_nothing(user: User) -> Met:
    return user.shows({"tables": {}, "figures": {"learning_curves": {}}}).naming("figures.learning_curves")


@provoker
def ablation_where_models_stand(user: User) -> Met:
    changes = {"models.rcn18+sum": {"w_xh": ["random"], "w_hh": ["identity"]}, "tables.table4.models": ["rcn18+sum"]}
    return user.shows(changes).naming("tables.table4.models", "rcn18+sum")


@provoker
def start_that_a_table_needs(user: User) -> Met:
    return user.shows({"models.rcn18.w_hh": ["identity"]}).naming("models.rcn18.w_hh", "random", "tables.table1")


@provoker
def row_without_a_run(user: User) -> Met:
    return user.shows({"models.i3d18.w_xh": ["imagenet"]}).naming("tables.table2", "i3d18")


@provoker
def option_that_a_model_lacks(user: User) -> Met:
    return user.checks({"models.i3d18+sum": {"w_xh": ["stills"]}}).naming("models.i3d18+sum", "+sum")


@provoker
def model_without_recurrence(user: User) -> Met:
    return user.checks({"models.i3d18": {"w_xh": ["stills"], "w_hh": ["identity"]}}).naming("models.i3d18.w_hh")


@provoker
def model_without_2d_weights(user: User) -> Met:
    return user.checks({"models.s3d": {"w_xh": ["imagenet"]}}).naming("models.s3d.w_xh")


@provoker
def clips_too_short_for_a_model(user: User) -> Met:
    changes = {"models.s3d": {"w_xh": ["random"]}, "tables.table3": {"models": ["s3d"], "frames": [4]}}
    return user.checks(changes).naming("models.s3d", 4)


@provoker
def nothing_to_recompute(user: User) -> Met:
    user.has_videos()
    config = user.config({"train.recompute_activations": True}, OWN)
    return user.runs("check", "--config", config).naming("own.yaml", "train.recompute_activations", "pocket")


@provoker
def no_norms_to_recompute(user: User) -> Met:
    changes = {"models.r2plus1d18": {"w_xh": ["random"]}, "tables.table2": {"models": ["r2plus1d18"], "frames": 8}}
    changes |= {"train.recompute_activations": "norms"}
    return user.checks(changes).naming("train.recompute_activations", "r2plus1d18")


IMAGENET = {
    "pretrained": "imagenet",
    "models": {"rcn18": {"w_xh": ["random", "imagenet"], "w_hh": ["random", "identity"]}},
}
OF_RCN = {"tables": {"table1": {"model": "rcn18", "frames": 8}}, "figures": {}}


@provoker
def no_imagenet_weights(user: User) -> Met:
    user.file("my_models.py", MY_MODEL)
    models = {"mine": {"w_xh": ["imagenet"]}}
    changes = {**OF_RCN, "plugins": ["my_models"], "pretrained": "imagenet", "models": models}
    tables = {"table2": {"models": ["mine"], "frames": 8}}
    return user.checks({**changes, "tables": tables}).naming("models.mine.w_xh", "weights_files.my_trunk")


MY_MODEL = """
from torch import nn

from rcn_bench.models import register
from rcn_bench.models.network2d import network2d, register_trunk


@register_trunk
def my_trunk(num_classes):
    return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, num_classes))


@register(trunk="my_trunk")
def mine(num_classes, **weights):
    return network2d("my_trunk", num_classes, **weights)
"""


@provoker
def no_such_weights_of_a_trunk(user: User) -> Met:
    changes = {**IMAGENET, **OF_RCN, "weights_files": {"resnet18": "none.pth"}}
    return user.checks(changes).naming("weights_files.resnet18", "none.pth")


@provoker
def no_such_list_in_a_config(user: User) -> Met:
    config = user.has_videos()
    user.folder.joinpath("val.csv").unlink()
    return user.runs("check", "--config", config).naming("data.annotations.val", "val.csv")


@provoker
def no_such_folder_in_a_config(user: User) -> Met:
    config = user.has_videos()
    user.folder.joinpath("videos").rename("elsewhere")
    return user.runs("check", "--config", config).naming("data.videos", "videos")


@provoker
def bases_without_an_end(user: User) -> Met:
    for number in range(100):
        user.file(f"{number}.yaml", f"base: {number + 1}.yaml\n")
    return user.runs("show", "--config", "0.yaml").naming("base", ".yaml")


@provoker
def config_that_is_too_long(user: User) -> Met:
    return user.runs("show", "--config", user.file("own.yaml", "# \n" * 10**6)).naming("own.yaml")


@provoker
def name_with_nul(user: User) -> Met:
    return user.shows({"weights_files": {"resnet18": "a\0.pth"}}).naming("weights_files.resnet18")


@provoker
def stills_of_one_digit(user: User) -> Met:
    return user.shows({"data.digits.digits": [1]}).naming("data.digits.digits")

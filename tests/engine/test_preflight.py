"""What would stop a later job is found before the first one."""

import re
import socket

import pytest
import torch
from tiny import changed

from rcn_bench.engine.preflight import check_runs
from rcn_bench.errors import InputError
from rcn_bench.plan.config import check_config

RANDOM = ["random"]


@pytest.fixture
def experiment(tmp_path):
    """Of videos that are there, from random weights alone."""
    for split in ("train", "val"):
        rows = (f"{number}.mp4,{'up' if number % 2 else 'down'}\n" for number in range(8))
        (tmp_path / f"{split}.csv").write_text("".join(["path,label\n", *rows]))
    (tmp_path / "videos").mkdir()
    config = {
        "name": "own",
        "data": {
            "annotations": {split: str(tmp_path / f"{split}.csv") for split in ("train", "val")},
            "videos": str(tmp_path / "videos"),
        },
        "clip": {"crop": 32},
        "train": {"epochs": 1, "frames_per_batch": 64, "lr": 0.1},
        "models": {"rcn18": {"w_xh": RANDOM, "w_hh": ["identity"]}, "s3d": {"w_xh": RANDOM}},
        "tables": {"table2": {"models": ["rcn18", "s3d"], "frames": 8}},
    }
    return check_config(config, "own", tmp_path / "results")


def refusal(experiment, changes):
    with pytest.raises(InputError) as error:
        check_runs(changed(experiment, changes))
    assert "\n" not in str(error.value)
    return str(error.value)


def test_an_experiment_from_random_weights_needs_no_imagenet(experiment, monkeypatch):
    def refuse(*args, **options):
        raise AssertionError("no connection is needed")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", refuse)
    check_runs(experiment)


RECURRENT = {"w_xh": RANDOM, "w_hh": ["identity"]}


@pytest.mark.parametrize(
    ("variant", "starts", "line"),
    [
        ("c2d18+sum", {"w_xh": RANDOM}, "models.c2d18+sum: c2d18 has no option mode, so there is no +sum of it"),
        ("rcn18+centre", {"w_xh": ["imagenet"]}, "models.rcn18+centre: rcn18 has no option inflation, so there is no"),
        ("i3d18", RECURRENT, "models.i3d18.w_hh: i3d18 has no w_hh to choose; leave it out"),
        ("rcn18_lstm", RECURRENT, "models.rcn18_lstm.w_hh: rcn18_lstm has no w_hh to choose; leave it out"),
    ],
    ids=lambda value: value if isinstance(value, str) and " " not in value else "",
)
def test_options_and_inits_that_a_model_has_not_are_named(experiment, variant, starts, line):
    assert refusal(experiment, {f"models.{variant}": starts}).startswith(line)


@pytest.mark.parametrize(
    ("rows", "line"),
    [
        ("a.mp4,up\n" * 8, "data.annotations.train: its videos are of 1 class, which teaches nothing"),
        (
            "a.mp4,up\nb.mp4,down\n",
            "train.frames_per_batch: 64 makes batches of 8 clips of 8 frames; data.annotations.train lists 2 videos",
        ),
    ],
    ids=["one class", "fewer videos than a batch"],
)
def test_lists_that_nothing_can_be_trained_on_are_named(experiment, tmp_path, rows, line):
    unique = (f"{number}{row}\n" for number, row in enumerate(rows.splitlines()))
    (tmp_path / "train.csv").write_text("".join(["path,label\n", *unique]))
    assert refusal(experiment, {}) == line


@pytest.mark.parametrize(
    "changes",
    [
        {"clip.crop": 8192, "train.frames_per_batch": 10**5},
        {"augment": {"scale": [0.1, 1]}, "clip.crop": 2000, "train.frames_per_batch": 64, "train.workers": 1000},
    ],
    ids=["crop", "augmentation"],
)
def test_batches_that_no_machine_holds_are_named(experiment, changes):
    line = refusal(experiment, changes)
    assert line.startswith("train.frames_per_batch: ")
    assert re.search(r"take \d+\.\d TB for the batches alone; this machine has \d+\.\d GB; lower it", line)


def test_pretrained_weights_of_a_model_without_any_are_named(experiment):
    changes = {"models.r2plus1d18": {"w_xh": ["random", "imagenet"]}}
    assert refusal(experiment, changes).startswith("models.r2plus1d18.w_xh: r2plus1d18 has no 2D weights to start from")


def test_clips_that_are_too_short_for_a_model_are_named(experiment):
    tables = {"table2": {"models": ["rcn18", "s3d"], "frames": 4}}
    assert refusal(experiment, {"tables": tables}) == "models.s3d: s3d needs clips of 5 frames or more, not 4"
    costs = {"table4": {"models": ["s3d"], "frames": [8, 4]}}
    assert refusal(experiment, {"tables": costs}) == "tables.table4: s3d needs clips of 5 frames or more, not 4"
    causality = {"table5": {"models": ["rcn18", "s3d"], "frames": 3}}
    assert refusal(experiment, {"tables": causality}) == "tables.table5: s3d needs clips of 5 frames or more, not 3"


def test_only_the_weights_files_of_runs_must_be_there(experiment, tmp_path):
    weights = {"resnet18": str(tmp_path / "18.pth"), "resnet34": str(tmp_path / "34.pth")}
    changes = {"weights_files": weights, "pretrained": "imagenet", "models.rcn18.w_xh": ["random", "imagenet"]}
    assert refusal(experiment, changes) == f"weights_files.resnet18: {tmp_path / '18.pth'}: no such weights file"
    (tmp_path / "18.pth").touch()
    check_runs(changed(experiment, changes))


def test_lists_and_videos_that_are_not_there_are_named(experiment, tmp_path):
    for key, name in {"annotations.train": "train.csv", "annotations.val": "val.csv", "videos": "videos"}.items():
        (tmp_path / name).rename(tmp_path / "away")
        assert refusal(experiment, {}) == f"data.{key}: {tmp_path / name}: no such file or folder"
        (tmp_path / "away").rename(tmp_path / name)


BARE = """
    from torch import nn

    from rcn_bench.models import register
    from rcn_bench.models.network2d import register_trunk


    @register_trunk
    def bare2d(num_classes):
        return nn.Linear(3, num_classes)


    @register
    def bare3d(num_classes):
        {first}
        return nn.Sequential(nn.AdaptiveAvgPool3d(1), nn.Flatten(), nn.Linear(3, num_classes))


    @register(trunk="bare2d")
    def on_bare(num_classes, *, w_xh="random", weights_file=None):
        return nn.Linear(3, num_classes)
"""


@pytest.fixture
def with_bare_models(experiment, plugin):
    def make(first="pass", **models):
        name = plugin("bare_models", BARE.format(first=first))
        shown = {"table2": {"models": list(models), "frames": 8}}
        return changed(experiment, {"plugins": [name], "models": models, "tables": shown})

    return make


@pytest.mark.parametrize("first", ["pass", "import torch; torch.zeros(1).item()"], ids=["on meta", "not on meta"])
def test_recomputing_is_refused_for_a_model_without_blocks(with_bare_models, first):
    experiment = with_bare_models(first, bare3d={"w_xh": RANDOM})
    check_runs(experiment)
    line = refusal(experiment, {"train.recompute_activations": True})
    assert line.startswith("train.recompute_activations: bare3d has none of the blocks that can be run twice")

    line = refusal(experiment, {"train.recompute_activations": "norms"})
    assert line == (
        "train.recompute_activations: bare3d has none of the residual blocks whose norms can be computed again; "
        "set it to false"
    )


def test_recomputing_is_fine_for_models_with_blocks(experiment):
    check_runs(changed(experiment, {"train.recompute_activations": True}))


def test_a_trunk_whose_imagenet_weights_nobody_knows_needs_a_file(with_bare_models, tmp_path):
    experiment = with_bare_models(on_bare={"w_xh": ["random", "imagenet"]})
    changes = {"pretrained": "imagenet"}
    line = refusal(experiment, changes)
    assert re.match(r"models\.on_bare\.w_xh: no ImageNet weights are known for bare2d; .* weights_files\.bare2d", line)
    (tmp_path / "bare.pth").touch()
    check_runs(changed(experiment, {**changes, "weights_files": {"bare2d": str(tmp_path / "bare.pth")}}))


@pytest.mark.parametrize(
    ("builder", "why"),
    [
        ("(): return nn.Flatten()", "failed (TypeError: odd3d() takes 0 positional arguments but 1 was given)"),
        ("(num_classes): nn.Flatten()", "must return a torch.nn.Module, not NoneType"),
        ("(num_classes): return nn.Linear(3, {}['x'])", "failed (KeyError: 'x'; odd_models.py, line 4)"),
        ("(num_classes): raise SystemExit(0)", "failed (SystemExit: 0; odd_models.py, line 4)"),
    ],
)
def test_a_plugins_model_that_cannot_be_built_is_named(experiment, plugin, builder, why):
    register = "from torch import nn\nfrom rcn_bench.models import register\n@register\n"
    name = plugin("odd_models", f"{register}def odd3d{builder}")
    changes = {"plugins": [name], "models": {"odd3d": {"w_xh": RANDOM}}, "tables": {}}
    assert refusal(experiment, changes) == f"models.odd3d: the builder of odd3d {why}"


def test_a_builder_of_a_plugins_table_that_is_not_there_is_found_before_the_first_job(experiment, plugin):
    name = plugin(
        "odd_tables",
        """
        from dataclasses import dataclass
        from rcn_bench.plan.products.base import Product, product

        @product
        @dataclass(frozen=True)
        class Odd(Product):
            kind, name, section, builder = "table", "odd", ("tables", "odd"), "odd_tables:biuld"
        """,
    )
    assert refusal(experiment, {"plugins": [name], "tables": {"odd": {}}}) == (
        "odd: cannot load its builder odd_tables:biuld (AttributeError: module 'odd_tables' has no attribute 'biuld')"
    )


def test_messages_start_with_the_config_where_it_is_known(experiment, tmp_path):
    (tmp_path / "train.csv").unlink()
    with pytest.raises(InputError, match=r"^own\.yaml: data\.annotations\.train: "):
        check_runs(experiment, "own.yaml")

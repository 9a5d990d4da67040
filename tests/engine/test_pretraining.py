"""Pretraining of 2D networks on the tiny stills."""

import pytest
import torch
from safetensors.torch import load_file
from tiny import changed, tiny_experiment

from rcn_bench.engine.pretrain import pretrain
from rcn_bench.errors import InputError
from rcn_bench.files import file_hash
from rcn_bench.models import create_model
from rcn_bench.models.network2d import network2d
from rcn_bench.records.runs import Pretrained


def test_pretraining_writes_weights_that_a_resnet_loads(tiny):
    state = load_file(tiny.paths.pretrained("resnet18"))
    network = create_model("c2d18", 2).trunk
    network.load_state_dict(state)
    assert all(torch.isfinite(value).all() for value in state.values())
    assert state["bn1.num_batches_tracked"] == 64 // 32


def test_pretraining_records_its_accuracy_and_origin(tiny):
    weights = tiny.paths.pretrained("resnet18")
    record = Pretrained.read(weights.with_suffix(".json"))
    assert record.network == "resnet18"
    assert record.task == "2 digits on stills"
    assert 0 <= record.held_out_accuracy <= 1
    assert record.held_out_stills == 10
    assert record.weights_sha256 == file_hash(weights)
    assert (record.origin.stage, record.origin.settings["network"]) == ("pretrain", "resnet18")
    assert record.origin.settings["pretrain"]["lr"] == tiny.pretrain.lr
    assert record.origin.inputs == {"tiny/data/stills.npz": file_hash(tiny.paths.stills)}
    (start,) = record.origin.starts
    assert start.machine.threads == 1


def test_pretraining_without_stills_names_them(tmp_path):
    experiment = tiny_experiment(tmp_path)
    with pytest.raises(InputError, match="make-digits") as error:
        pretrain("resnet18", experiment)
    assert str(experiment.paths.stills) in str(error.value)


def test_an_experiment_that_trains_none_says_what_is_missing(noise):
    with pytest.raises(InputError, match=r"needs the settings pretrain and data\.digits"):
        pretrain("resnet18", noise)


def test_an_unknown_trunk_is_named(fresh):
    with pytest.raises(InputError, match="unknown 2D network 'resnet19'; did you mean resnet1"):
        pretrain("resnet19", fresh)


OWN_TRUNK = """
    from torch import nn

    from rcn_bench.models.network2d import register_trunk


    @register_trunk
    def small2d(num_classes):
        return nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, num_classes))
"""


def test_a_trunk_of_a_users_own_is_pretrained_whether_it_has_a_pool_or_not(tiny, fresh, plugin):
    (fresh.paths.root / "pretrained").unlink()
    experiment = changed(fresh, {"plugins": [plugin("own_trunks", OWN_TRUNK)], "stem_pool": False})
    pretrain("small2d", experiment)
    weights = experiment.paths.pretrained("small2d")
    assert Pretrained.read(weights.with_suffix(".json")).network == "small2d"
    network = network2d("small2d", 7, w_xh="stills", weights_file=weights)
    assert torch.equal(network[0].weight, load_file(weights)["0.weight"])

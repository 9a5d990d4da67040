"""Batch norm that stays as the initial weights have it."""

import pytest
import torch
import torchvision
from lively import lively
from torch import nn

from rcn_bench.engine.optimisation import parameter_groups
from rcn_bench.errors import InputError
from rcn_bench.models import create_model, list_models, model_options
from rcn_bench.models.frozen import FrozenBatchNorm, freeze_batch_norm

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "resnet18.pth"
    torch.save(lively(torchvision.models.resnet18()).state_dict(), path)
    return {"w_xh": "imagenet", "weights_file": path}


@pytest.mark.parametrize("name", ["rcn18", "c2d18", "i3d18", "i3d18_causal"])
def test_frozen_layers_stay_and_all_others_learn(weights, name):
    net = create_model(name, 5, frozen_batch_norm=True, **weights).train()
    before = {key: value.clone() for key, value in net.state_dict().items()}
    clips = torch.randn(2, 3, 4, 32, 32, generator=torch.Generator().manual_seed(0))
    nn.functional.cross_entropy(net(clips), torch.arange(2)).backward()
    torch.optim.SGD(parameter_groups(net, 1e-4, 0.0), lr=0.1).step()
    frozen = [path for path, layer in net.named_modules() if isinstance(layer, FrozenBatchNorm)]
    assert len(frozen) == 20
    for key, value in net.state_dict().items():
        assert torch.equal(value, before[key]) == (key.rpartition(".")[0] in frozen), key


@pytest.mark.parametrize("name", ["rcn18", "i3d18"])
def test_a_frozen_network_computes_the_same_in_training_as_the_plain_one_in_evaluation(weights, name):
    clips = torch.randn(2, 3, 4, 32, 32, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    nets = [create_model(name, 5, frozen_batch_norm=frozen, **weights).double() for frozen in (True, False)]
    nets[1].load_state_dict(nets[0].state_dict())
    with torch.no_grad():
        torch.testing.assert_close(nets[0].train()(clips), nets[1].eval()(clips))
        assert not torch.allclose(nets[0](clips), nets[1].train()(clips))


def test_images_of_another_kind_are_refused():
    net = nn.Sequential(nn.BatchNorm2d(3))
    freeze_batch_norm(net)
    with pytest.raises(ValueError, match=r"are wanted, not \(2, 3\)"):
        net(torch.zeros(2, 3))


def test_models_without_initial_weights_have_no_such_option():
    without = [name for name in list_models() if "frozen_batch_norm" not in model_options(name)]
    assert without == ["inception_i3d", "r2plus1d18", "r2plus1d34", "rcn18_gru", "rcn18_lstm", "s3d"]
    with pytest.raises(InputError, match="r2plus1d18 has no option 'frozen_batch_norm'"):
        create_model("r2plus1d18", 5, frozen_batch_norm=True)

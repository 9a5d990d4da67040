"""Published weights: files with torchvision's and the authors' keys make the same networks here."""

import pytest
import torch
from authors import AuthorsUnit
from safetensors.torch import save_file
from torch import nn
from torchvision.models import get_model

from rcn_bench.errors import InputError
from rcn_bench.models import create_model
from rcn_bench.models.inflate import ONE_FRAME, inflate
from rcn_bench.models.network2d import network2d
from rcn_bench.models.published import TORCHVISION, authors_model, kinetics400_weights, torchvision_model
from rcn_bench.models.rcn import BOTTLENECK_BLOCKS

pytestmark = pytest.mark.usefixtures("fixed_seed_and_one_thread")
CLIPS = {"r3d_18": (2, 3, 8, 32, 32), "r2plus1d_18": (2, 3, 8, 32, 32), "s3d": (1, 3, 16, 224, 224)}


def lively(net: nn.Module) -> nn.Module:
    """With statistics of batch norm that matter."""
    for module in net.modules():
        if isinstance(module, (nn.BatchNorm2d, nn.BatchNorm3d)):
            nn.init.normal_(module.running_mean, std=0.1)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
            nn.init.uniform_(module.weight, 0.5, 1.5)
    return net.eval()


@pytest.mark.slow
@pytest.mark.parametrize("name", TORCHVISION)
def test_a_file_of_torchvisions_gives_torchvisions_logits(tmp_path, name):
    theirs = lively(get_model(name))
    torch.save(dict(reversed(theirs.state_dict().items())), tmp_path / "weights.pth")  # the order of keys is no promise
    ours = torchvision_model(name, tmp_path / "weights.pth").eval()
    clip = torch.randn(CLIPS[name])
    with torch.no_grad():
        torch.testing.assert_close(ours(clip), theirs(clip), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(("name", "accuracy"), [("r3d_18", 63.2), ("r2plus1d_18", 67.5), ("s3d", 68.4)])
def test_torchvision_says_which_accuracy_its_weights_have(name, accuracy):
    weights = kinetics400_weights(name)
    assert round(weights.meta["_metrics"]["Kinetics-400"]["acc@1"], 1) == accuracy
    assert len(weights.meta["categories"]) == 400


def test_weights_without_a_network_are_one_line(monkeypatch):
    def refuse(self, **options):
        raise OSError("no network")

    monkeypatch.setattr(type(kinetics400_weights("r3d_18")), "get_state_dict", refuse)
    with pytest.raises(InputError, match=r"r3d_18-b3b3357e\.pth could not be loaded \(no network\)") as error:
        torchvision_model("r3d_18")
    assert "\n" not in str(error.value)


@pytest.mark.slow
def test_weights_of_another_network_are_named(tmp_path):
    save_file(get_model("r3d_18").state_dict(), tmp_path / "other.safetensors")
    with pytest.raises(InputError, match=r"other\.safetensors: weights of another network"):
        torchvision_model("r2plus1d_18", tmp_path / "other.safetensors")
    state = get_model("r3d_18", num_classes=5).state_dict()
    save_file(state, tmp_path / "five.safetensors")
    with pytest.raises(InputError, match=r"fc\.weight is \(5, 512\), \(400, 512\) is needed"):
        torchvision_model("r3d_18", tmp_path / "five.safetensors")


def authors_network() -> nn.Module:
    """RCN-50 in the authors' form: 3D layers of one frame, the recurrence as a module after conv1."""
    net = inflate(network2d("resnet50", 400), lambda name, layer: ONE_FRAME)
    for stage, blocks in enumerate(BOTTLENECK_BLOCKS["resnet50"], start=1):
        for block in blocks:
            name = f"layer{stage}.{block}.conv1"
            net.set_submodule(name, AuthorsUnit(net.get_submodule(name)))
    return lively(net)


def authors_state(net: nn.Module) -> dict[str, torch.Tensor]:
    """With the names of their files, as parallel training leaves them."""
    return {
        f"module.{name.replace('conv1.w_hh.weight', 'rcu.conv_whh.weight').replace('.w_xh.', '.')}": value
        for name, value in net.state_dict().items()
    }


@pytest.mark.slow
def test_a_file_of_the_authors_gives_the_logits_of_their_form(tmp_path):
    theirs = authors_network()
    state = authors_state(theirs)
    assert state["module.layer1.0.rcu.conv_whh.weight"].shape == (64, 64, 1, 1, 1)
    assert state["module.layer1.0.conv1.weight"].shape == (64, 64, 1, 1, 1)
    torch.save(state, tmp_path / "rcn50.pth")
    ours = authors_model(tmp_path / "rcn50.pth").eval()
    clip = torch.randn(2, 3, 4, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(ours(clip), theirs(clip), rtol=1e-3, atol=1e-3)
        assert not torch.allclose(ours(clip), create_model("rcn50", 400).eval()(clip))


@pytest.mark.slow
def test_a_file_without_the_recurrence_or_the_classifier_is_named(tmp_path):
    state = authors_state(authors_network())
    torch.save({k: v for k, v in state.items() if "layer3.2.rcu" not in k}, tmp_path / "a.pth")
    with pytest.raises(InputError, match=r"a\.pth: weights of another network: no layer3\.2\.rcu\.conv_whh\.weight"):
        authors_model(tmp_path / "a.pth")
    torch.save({k: v for k, v in state.items() if ".fc." not in k}, tmp_path / "b.pth")
    with pytest.raises(InputError, match=r"b\.pth: no classifier in it"):
        authors_model(tmp_path / "b.pth")
    torch.save({"epoch": 3, "state_dict": state}, tmp_path / "c.pth")
    with pytest.raises(InputError, match=r"c\.pth: not a plain state dict"):
        authors_model(tmp_path / "c.pth")

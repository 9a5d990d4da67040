"""Trunks: torchvision's classifiers and a user's own, from random and from pretrained weights."""

import pytest
import torch
import torchvision
from safetensors.torch import save_file
from torch import nn
from torchvision.models import WeightsEnum, get_model

from rcn_bench.errors import InputError
from rcn_bench.models import create_model
from rcn_bench.models.network2d import (
    has_imagenet_weights,
    has_stem_pool,
    network2d,
    register_trunk,
    require_trunk,
)

pytestmark = pytest.mark.usefixtures("fixed_seed_and_one_thread")

# Of every build: where its classifier is, and whether torchvision makes it of something else than one linear layer.
CLASSIFIERS = {
    "resnet18": "fc",
    "googlenet": "fc",
    "regnet_y_400mf": "fc",
    "densenet121": "classifier",
    "mobilenet_v3_small": "classifier.3",
    "convnext_tiny": "classifier.2",
    "squeezenet1_1": "classifier.1",  # a convolution
    "mnasnet0_5": "classifier.1",
    "swin_t": "head",
}
SLOW_CLASSIFIERS = {"inception_v3": "fc", "maxvit_t": "classifier.5", "vit_b_32": "heads.head"}


def redrawn(net):
    """A state dict with the network's names and other values."""
    return {
        key: torch.randn_like(value) if value.is_floating_point() else value + 1
        for key, value in net.state_dict().items()
    }


@pytest.mark.slow
@pytest.mark.parametrize("w_xh", ["stills", "imagenet"])
@pytest.mark.parametrize(
    ("name", "classifier"),
    [*CLASSIFIERS.items(), *(pytest.param(*item, marks=pytest.mark.slow) for item in SLOW_CLASSIFIERS.items())],
)
def test_a_file_fills_all_but_the_classifier(name, classifier, w_xh, tmp_path):
    classes = 5 if w_xh == "stills" else 1000
    file = redrawn(network2d(name, classes))
    save_file(file, tmp_path / "w.safetensors")
    torch.manual_seed(1)
    random, random_numbers = network2d(name, 5).state_dict(), torch.get_rng_state()
    torch.manual_seed(1)
    loaded = network2d(name, 5, w_xh=w_xh, weights_file=tmp_path / "w.safetensors").state_dict()
    new = {key for key in loaded if not torch.equal(loaded[key], file[key])}
    assert new == {key for key in loaded if key.rpartition(".")[0] == classifier}
    assert all(torch.equal(loaded[key], random[key]) for key in new)
    assert torch.equal(torch.get_rng_state(), random_numbers)  # what is drawn next is the same from every start


@pytest.mark.parametrize("name", ["resnet18", "regnet_y_400mf", "densenet121", "mobilenet_v3_small"])
def test_random_weights_are_torchvisions_own(name):
    torch.manual_seed(1)
    theirs = get_model(name, num_classes=5).state_dict()
    torch.manual_seed(1)
    ours = network2d(name, 5).state_dict()
    assert list(ours) == list(theirs)
    assert all(torch.equal(ours[key], theirs[key]) for key in theirs)


@pytest.mark.parametrize("name", ["googlenet", pytest.param("inception_v3", marks=pytest.mark.slow)])
def test_auxiliary_classifiers_are_left_out(name, tmp_path):
    net = network2d(name, 5).train()
    assert net(torch.randn(2, 3, 96, 96)).shape == (2, 5)
    assert net.transform_input
    torch.save(get_model(name, init_weights=False).state_dict(), tmp_path / "w.pth")  # with them, as ImageNet's
    assert network2d(name, 5, w_xh="imagenet", weights_file=tmp_path / "w.pth")


@pytest.mark.parametrize("name", ["densenet121", "mnasnet0_5", "regnet_y_400mf"])
def test_imagenet_weights_come_by_name(name, monkeypatch):
    state, asked = redrawn(get_model(name)), []

    def get_state_dict(weights, **options):
        asked.append(weights.name)
        return state

    monkeypatch.setattr(WeightsEnum, "get_state_dict", get_state_dict)
    net = network2d(name, 5, w_xh="imagenet")
    first = next(key for key in state if key.endswith("weight"))
    assert torch.equal(net.state_dict()[first], state[first])
    assert asked == ["IMAGENET1K_V1"]


@pytest.mark.slow
def test_densenet_files_with_the_old_names_of_its_layers(tmp_path):
    state = redrawn(get_model("densenet121"))
    old = {
        key.replace("norm1.", "norm.1.").replace("norm2.", "norm.2.").replace("conv1.", "conv.1.")
        .replace("conv2.", "conv.2.") if "denselayer" in key else key: value
        for key, value in state.items()
    }  # fmt: skip
    assert "features.denseblock1.denselayer1.norm.1.weight" in old
    torch.save(old, tmp_path / "w.pth")
    loaded = network2d("densenet121", 5, w_xh="imagenet", weights_file=tmp_path / "w.pth").state_dict()
    assert all(torch.equal(loaded[key], state[key]) for key in state if not key.startswith("classifier"))


def test_a_network_without_such_imagenet_weights_needs_a_file():
    assert has_imagenet_weights("resnet18")
    assert not has_imagenet_weights("vit_h_14")
    with (
        pytest.raises(InputError, match="no ImageNet weights are known for vit_h_14; name a file"),
        torch.device("meta"),
    ):
        network2d("vit_h_14", 5, w_xh="imagenet")


def test_unknown_networks_are_refused_with_a_suggestion():
    require_trunk("regnet_y_400mf")
    for function in (require_trunk, has_stem_pool, has_imagenet_weights, lambda name: network2d(name, 5)):
        with pytest.raises(InputError, match="unknown 2D network 'resnet19'; did you mean resnet1"):
            function("resnet19")
    with pytest.raises(InputError, match="unknown 2D network 'r3d_18'"):  # torchvision's, but not of images
        require_trunk("r3d_18")
    with pytest.raises(InputError, match="name a torchvision classifier, or register it"):
        require_trunk("zzz")


@pytest.mark.parametrize("name", ["resnet18", "resnext50_32x4d", "wide_resnet50_2"])
def test_every_resnet_can_do_without_its_stem_pool(name):
    assert has_stem_pool(name)
    with torch.device("meta"):
        assert isinstance(network2d(name, 5).maxpool, nn.MaxPool2d)
        assert isinstance(network2d(name, 5, stem_pool=False).maxpool, nn.Identity)


@pytest.mark.parametrize("name", ["googlenet", "densenet121", "regnet_y_400mf"])
def test_a_network_without_a_stem_pool_says_so(name):
    assert not has_stem_pool(name)
    network2d(name, 5, stem_pool=True)
    with pytest.raises(InputError, match=f"^{name} has no pool after its stem that could be left out"):
        network2d(name, 5, stem_pool=False)


OWN = """
    import torch
    from torch import nn
    from rcn_bench.models import register
    from rcn_bench.models.network2d import network2d, register_trunk
    from rcn_bench.models.rcn import make_recurrent

    def small(num_classes):
        return nn.Sequential(
            nn.Identity(),
            nn.Conv2d(3, 5, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(5, num_classes),
        )

    def weights():
        return {"1.weight": torch.ones(5, 3, 3, 3), "1.bias": torch.zeros(5),
                "5.weight": torch.ones(1000, 5), "5.bias": torch.ones(1000)}

    @register_trunk(imagenet=weights)
    def my_trunk(num_classes):
        return small(num_classes)

    @register_trunk
    def my_other_trunk(num_classes):
        return small(num_classes)

    @register(trunk="my_trunk")
    def rcn_mine(num_classes, **kwargs):
        return make_recurrent(network2d("my_trunk", num_classes, **kwargs), lambda name, convolution: True)
    """


def test_one_file_is_enough_for_a_model_with_its_trunk_and_weights(plugin, tmp_path):
    plugin(OWN)
    save_file(redrawn(network2d("my_trunk", 5)), tmp_path / "stills.safetensors")
    for options, first in (({}, None), ({"w_xh": "stills", "weights_file": tmp_path / "stills.safetensors"}, None),
                           ({"w_xh": "imagenet"}, torch.ones(5, 3, 3, 3))):  # fmt: skip
        net = create_model("rcn_mine", 5, **options)
        assert net(torch.randn(2, 3, 4, 8, 8)).shape == (2, 5)
        if first is not None:
            assert torch.equal(net.trunk[1].w_xh.weight, first)
            assert net.trunk[5].weight.shape == (5, 5)
            assert not torch.equal(net.trunk[5].weight, torch.ones(5, 5))


def test_a_classifier_as_wide_as_another_layer_is_the_only_one_left_out(plugin, tmp_path):
    plugin(OWN)  # its convolution has five outputs, as its classifier
    state = redrawn(network2d("my_other_trunk", 5))
    save_file(state, tmp_path / "w.safetensors")
    loaded = network2d("my_other_trunk", 5, w_xh="stills", weights_file=tmp_path / "w.safetensors").state_dict()
    assert [key for key in loaded if torch.equal(loaded[key], state[key])] == ["1.weight", "1.bias"]


def test_a_trunk_without_imagenet_weights_needs_a_file(plugin):
    plugin(OWN)
    assert has_imagenet_weights("my_trunk")
    assert not has_imagenet_weights("my_other_trunk")
    with pytest.raises(InputError, match="no ImageNet weights are known for my_other_trunk; name a file of them"):
        network2d("my_other_trunk", 5, w_xh="imagenet")


@pytest.mark.usefixtures("own_registry")
def test_a_trunks_imagenet_weights_may_be_torchvisions(monkeypatch):
    weights = torchvision.models.ResNet18_Weights.IMAGENET1K_V1
    state = redrawn(get_model("resnet18"))
    monkeypatch.setattr(WeightsEnum, "get_state_dict", lambda self, **options: state)

    @register_trunk(imagenet=weights)
    def resnet18_of_mine(num_classes, *, stem_pool=True):
        return network2d("resnet18", num_classes, stem_pool=stem_pool)

    net = network2d("resnet18_of_mine", 5, stem_pool=False, w_xh="imagenet")
    assert has_stem_pool("resnet18_of_mine")
    assert isinstance(net.maxpool, nn.Identity)
    assert torch.equal(net.layer4[1].conv2.weight, state["layer4.1.conv2.weight"])


@pytest.mark.usefixtures("own_registry")
def test_imagenet_weights_that_cannot_be_had_or_do_not_fit_are_one_line():
    def missing():
        raise FileNotFoundError("no such file: mine.pth")

    @register_trunk(imagenet=missing)
    def without_file(num_classes):
        return nn.Linear(3, num_classes)

    @register_trunk(imagenet=lambda: {"weight": torch.ones(9, 3), "extra": torch.ones(1)})
    def with_more(num_classes):
        return nn.Linear(3, num_classes)

    @register_trunk(imagenet=dict)
    def of_one_size(num_classes):
        return nn.Linear(3, 4)

    with pytest.raises(InputError, match=r"weights of without_file could not be had \(no such file: mine.pth\)"):
        network2d("without_file", 5, w_xh="imagenet")
    with pytest.raises(InputError, match=r"ImageNet weights of with_more: weights of another arch.*unexpected extra"):
        network2d("with_more", 5, w_xh="imagenet")
    with pytest.raises(InputError, match="of_one_size: none of its tensors depends on the number of classes"):
        network2d("of_one_size", 4, w_xh="imagenet")


@pytest.mark.usefixtures("own_registry")
def test_a_taken_name_is_refused():
    def resnet18(num_classes):
        raise AssertionError("must not replace torchvision's")

    def mine(num_classes):
        return nn.Linear(3, num_classes)

    with pytest.raises(InputError, match="test_network2d: a trunk named resnet18 is there already"):
        register_trunk(resnet18)
    assert register_trunk(mine) is mine
    with pytest.raises(InputError, match="a trunk named mine is there already"):
        register_trunk(mine)

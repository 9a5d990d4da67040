"""RCN: what its logits depend on, which layers recur, and the same for any other 2D network."""

import copy

import pytest
import torch
import torchvision
from lively import differs, lively, on_meta, random_clip
from torch import nn

from rcn_bench.models import create_model
from rcn_bench.models.frames import recurrent_layers
from rcn_bench.models.rcn import growth, make_recurrent

pytestmark = pytest.mark.usefixtures("fixed_seed_and_one_thread")


def hidden_weights(net):
    """The w_hh of every recurrent unit, in the network's order."""
    return [net.get_parameter(name) for name in recurrent_layers(net)]


@pytest.mark.parametrize("known", [1, 2, 4])
def test_rcn_sees_no_later_frame(known):
    net = lively(create_model("rcn18", 5, w_hh="random"))
    clip = random_clip(5)
    changed = clip.clone()
    changed[:, :, known:] = random_clip(5 - known)
    with torch.no_grad():
        before, after = net.frame_logits(clip), net.frame_logits(changed)
    torch.testing.assert_close(before[:, :known], after[:, :known], rtol=1e-4, atol=1e-5)
    assert all(differs(before[:, t], after[:, t]) for t in range(known, 5))


def test_rcn_remembers_the_first_frame():
    net = lively(create_model("rcn18", 5, w_hh="random"))
    clip = random_clip(4)
    changed = clip.clone()
    changed[:, :, 0] = random_clip(1)[:, :, 0]
    with torch.no_grad():
        before, after = net.frame_logits(clip), net.frame_logits(changed)
    assert all(differs(before[:, t], after[:, t]) for t in range(4))


def test_identity_rcn_equals_the_2d_network_on_a_static_video():
    rcn = lively(create_model("rcn18", 5, w_hh="identity"))
    c2d = create_model("c2d18", 5).eval()
    c2d.load_state_dict({key.replace(".w_xh", ""): v for key, v in rcn.state_dict().items() if "w_hh" not in key})
    static = random_clip(1).expand(-1, -1, 4, -1, -1)
    with torch.no_grad():
        torch.testing.assert_close(rcn.frame_logits(static), c2d.frame_logits(static), rtol=1e-4, atol=1e-5)
        moving = random_clip(4)
        assert differs(rcn(moving), c2d(moving))


def test_mode_reaches_every_unit():
    mean, total = (lively(create_model("rcn18", 5, mode=mode)) for mode in ("mean", "sum"))
    total.load_state_dict(mean.state_dict())
    clip = random_clip(3)
    with torch.no_grad():
        assert differs(mean(clip), total(clip))
        torch.testing.assert_close(mean(clip[:, :, :1]), total(clip[:, :, :1]))


@pytest.mark.parametrize(("name", "layers"), [("rcn18", [4, 4, 4, 4]), ("rcn34", [6, 8, 12, 6])])
def test_every_3x3_convolution_of_the_residual_blocks_recurs(name, layers):
    matrices = hidden_weights(on_meta(name))
    widths = [width for width, n in zip([64, 128, 256, 512], layers, strict=True) for _ in range(n)]
    assert [tuple(w_hh.shape) for w_hh in matrices] == [(width, width) for width in widths]


@pytest.mark.parametrize(("name", "third_stage"), [("rcn50", [0, 2, 4]), ("rcn101", list(range(0, 23, 2)))])
def test_the_first_convolution_of_every_second_bottleneck_recurs(name, third_stage):
    recurrent = [key.removesuffix(".w_hh") for key in recurrent_layers(on_meta(name))]
    stages = zip((1, 2, 3, 4), ([0, 1, 2], [0, 2], third_stage, [0, 1]), strict=True)
    assert recurrent == [f"trunk.layer{stage}.{block}.conv1" for stage, blocks in stages for block in blocks]


def test_every_unit_is_trained():
    net = create_model("rcn18", 5)
    net(random_clip(3)).square().sum().backward()
    gradients = [p.grad for name, p in net.named_parameters() if name.endswith(("w_hh", "w_xh.weight"))]
    assert len(gradients) == 32
    assert all(gradient.abs().sum() > 0 for gradient in gradients)


def test_one_model_takes_clips_of_any_length_in_turn():
    net = lively(create_model("rcn18", 5))
    clip = random_clip(4)
    with torch.no_grad():
        logits = net.frame_logits(clip)
        torch.testing.assert_close(net.frame_logits(clip[:, :, :2]), logits[:, :2], rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(net.frame_logits(clip), logits)


def test_make_recurrent_on_another_network():
    squeezenet = torchvision.models.squeezenet1_1(num_classes=5).eval()
    net = make_recurrent(copy.deepcopy(squeezenet), lambda name, _: name.endswith("expand3x3")).eval()
    assert [len(w_hh) for w_hh in hidden_weights(net)] == [64, 64, 128, 128, 192, 192, 256, 256]
    moving, static = random_clip(3), random_clip(1).expand(-1, -1, 3, -1, -1)
    with torch.no_grad():
        torch.testing.assert_close(net(static), squeezenet(static[:, :, 0]), rtol=1e-3, atol=1e-5)
        torch.testing.assert_close(net.frame_logits(moving)[:, 0], squeezenet(moving[:, :, 0]), rtol=1e-3, atol=1e-5)
        assert differs(net.frame_logits(moving)[:, 2], squeezenet(moving[:, :, 2]))


def test_make_recurrent_chooses_by_name():
    net = make_recurrent(
        torchvision.models.resnet18(num_classes=5), lambda name, _: name == "layer2.0.conv1", w_hh="random"
    )
    assert recurrent_layers(net) == ["trunk.layer2.0.conv1.w_hh"]
    (w_hh,) = hidden_weights(net)
    assert differs(w_hh, torch.eye(128))


@pytest.mark.slow
def test_make_recurrent_on_a_resnext_with_its_grouped_convolutions():
    resnext = lively(torchvision.models.resnext50_32x4d(num_classes=5))
    net = make_recurrent(copy.deepcopy(resnext), lambda name, convolution: convolution.groups == 32).eval()
    carried = {key.removeprefix("trunk.").replace(".w_xh", ""): v for key, v in net.state_dict().items()}
    assert len(hidden_weights(net)) == 16
    assert all(torch.equal(carried[key], value) for key, value in resnext.state_dict().items())
    moving, static = random_clip(3), random_clip(1).expand(-1, -1, 3, -1, -1)
    with torch.no_grad():
        torch.testing.assert_close(net(static), resnext(static[:, :, 0]), rtol=1e-4, atol=1e-5)
        assert differs(net.frame_logits(moving)[:, 2], resnext(moving[:, :, 2]))


def order_of_running(net):
    """The names of the recurrent units, in the order in which they run."""
    ran = []
    for name in recurrent_layers(net):
        unit = net.get_submodule(name.removesuffix(".w_hh"))
        unit.register_forward_hook(lambda module, inputs, output, name=name: ran.append(name))
    with torch.no_grad():
        net.eval()(random_clip(1, clips=1, size=64))
    return ran


@pytest.mark.parametrize(
    ("trunk", "layers", "last"),
    [("densenet121", 58, "denselayer16.conv2"), ("regnet_y_1_6gf", 27, "block4-1.f.b.0"), ("resnet34", 32, "conv2")],
)
def test_recurrent_layers_come_in_the_networks_order(trunk, layers, last):
    net = make_recurrent(
        torchvision.models.get_model(trunk, num_classes=5),
        lambda name, convolution: convolution.kernel_size == (3, 3) and not name.startswith("stem"),
    )
    names = recurrent_layers(net)
    assert len(names) == layers
    assert names[-1].endswith(f"{last}.w_hh")
    assert order_of_running(net) == names
    assert set(names) == {key for key in net.state_dict() if key.endswith("w_hh")}
    assert (sorted(names) == names) == (trunk == "resnet34")  # as text, 10 comes before 2


def test_a_network_without_recurrence_has_no_recurrent_layers():
    assert recurrent_layers(on_meta("c2d18")) == []
    assert recurrent_layers(nn.Linear(2, 2)) == []


@pytest.mark.parametrize(
    ("w_hh", "mode", "warns"),
    [("random", "sum", True), ("random", "mean", False), ("identity", "sum", False), ("identity", "mean", False)],
)
def test_a_state_that_grows_without_bound_is_said_so(w_hh, mode, warns, capsys):
    assert bool(growth(w_hh, mode)) == warns
    create_model("rcn18", 5, w_hh=w_hh, mode=mode)
    told = capsys.readouterr().err
    assert told == (f"{growth(w_hh, mode)}\n" if warns else "")
    assert ("16-fold in 8 frames" in told) == warns


def test_the_state_grows_as_said():
    net = create_model("rcn18", 5, w_hh="random", mode="sum").train()
    states = []
    net.trunk.layer1[0].conv1.register_forward_hook(lambda unit, inputs, output: states.append(output))
    with torch.no_grad():
        net(random_clip(128))
    h = states[0].unflatten(0, (128, 2)).double().square().mean((1, 2, 3, 4)).sqrt()
    assert 8 < h[8] / h[0] < 32
    assert h[127] > 1e20
    assert not all(buffer.isfinite().all() for buffer in net.buffers())


def test_an_activation_in_place_after_a_recurrence_spares_what_its_backward_pass_reads():
    def net(inplace):
        torch.manual_seed(0)
        layers = nn.Conv2d(3, 4, 3), nn.Sequential(nn.ReLU(inplace)), nn.AdaptiveAvgPool2d(1), nn.Flatten()
        return make_recurrent(nn.Sequential(*layers, nn.Linear(4, 2)), lambda name, convolution: True)

    clip, gradients = random_clip(5), []
    for network in (net(inplace=True), net(inplace=False)):
        network(clip).sum().backward()
        gradients.append([parameter.grad for parameter in network.parameters()])
    torch.testing.assert_close(*gradients)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["alexnet", "vgg11", "squeezenet1_1"])
def test_networks_without_batch_norm_are_trained(name):
    trunk = torchvision.models.get_model(name, num_classes=5)
    net = make_recurrent(trunk, lambda name, convolution: convolution.kernel_size == (3, 3))
    net(torch.randn(1, 3, 3, 64, 64)).sum().backward()
    assert all(parameter.grad is not None for parameter in net.parameters())

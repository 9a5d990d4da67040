import copy

import pytest
import torch
import torchvision
from torch import nn

from rcn_bench.errors import InputError
from rcn_bench.models import create_model
from rcn_bench.models.inflate import TimeAxis, inflate

pytestmark = pytest.mark.usefixtures("fixed_seed_and_one_thread")


def three_frames(name, convolution):
    return TimeAxis(kernel=3)


def static_video(frames=6, size=16):
    return torch.randn(2, 3, 1, size, size).expand(-1, -1, frames, -1, -1)


def small_net():
    """Every kind of 2D layer that ResNets have, with batch norm as after some training."""
    net = nn.Sequential(
        nn.Conv2d(3, 8, 5, stride=2, padding=2, bias=True),
        nn.BatchNorm2d(8, eps=1e-3),
        nn.ReLU(),
        nn.MaxPool2d(3, 2, 1),
        nn.Conv2d(8, 6, 3, padding=2, dilation=2, groups=2, bias=False),
        nn.BatchNorm2d(6),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(6, 4),
    )
    nn.init.normal_(net[1].running_mean)
    nn.init.uniform_(net[1].running_var, 0.01, 1)
    nn.init.normal_(net[5].weight)
    return net.eval()


def close(one, other):
    torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("time", [TimeAxis(1), TimeAxis(3), TimeAxis(5), TimeAxis(3, stride=2)])
def test_centre_inflation_equals_the_2d_network_on_a_static_video(time):
    net = small_net()
    video = static_video()
    inflated = inflate(copy.deepcopy(net), lambda name, convolution: time, "centre").eval()
    with torch.no_grad():
        close(inflated(video), net(video[:, :, 0]))


def test_centre_inflation_of_a_whole_resnet():
    net = torchvision.models.resnet18(num_classes=5).eval()
    video = static_video(size=32)
    inflated = inflate(copy.deepcopy(net), three_frames, "centre").eval()
    with torch.no_grad():
        close(inflated(video), net(video[:, :, 0]))


def one_convolution(how, kernel):
    net = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1))
    video = static_video()
    still = net(video[:, :, 0])
    bias = net[0].bias.detach().view(1, -1, 1, 1)
    return still, bias, inflate(net, lambda name, convolution: TimeAxis(kernel), how)(video)


@pytest.mark.parametrize("kernel", [3, 5])
def test_mean_inflation_keeps_the_still_only_away_from_the_ends(kernel):
    still, bias, frames = one_convolution("mean", kernel)
    end = kernel // 2
    for t in range(end, 6 - end):
        close(frames[:, :, t], still)
    for t in (0, 5):  # there the padding's zeros take the place of end frames
        close(frames[:, :, t] - bias, (still - bias) * (kernel - end) / kernel)


@pytest.mark.parametrize("kernel", [3, 5])
def test_centre_inflation_keeps_the_still_at_every_frame(kernel):
    still, _, frames = one_convolution("centre", kernel)
    for t in range(6):
        close(frames[:, :, t], still)


def test_mean_inflation_reads_every_frame_of_its_kernel_and_centre_one():
    impulse = torch.zeros(1, 3, 7, 4, 4)
    impulse[:, :, 3] = torch.randn(3, 4, 4)
    for how, reached in (("mean", [2, 3, 4]), ("centre", [3])):
        net = inflate(nn.Sequential(nn.Conv2d(3, 2, 1, bias=False)), three_frames, how)
        assert net(impulse).abs().sum(dim=(0, 1, 3, 4)).nonzero().flatten().tolist() == reached


def test_the_plan_is_asked_for_every_convolution():
    asked = {}

    def plan(name, convolution):
        asked[name] = convolution.kernel_size
        return TimeAxis(kernel=5 if name == "0" else 1, stride=2 if name == "4" else 1)

    net = inflate(small_net(), plan)
    assert asked == {"0": (5, 5), "4": (3, 3)}
    assert (net[0].kernel_size, net[0].stride, net[0].padding) == ((5, 5, 5), (1, 2, 2), (2, 2, 2))
    assert (net[4].kernel_size, net[4].stride, net[4].dilation) == ((1, 3, 3), (2, 1, 1), (1, 2, 2))


def test_pooling_stays_spatial():
    net = inflate(nn.Sequential(nn.MaxPool2d(2)), three_frames)
    video = torch.randn(2, 3, 5, 8, 8)
    torch.testing.assert_close(net(video), nn.MaxPool3d((1, 2, 2))(video))


def test_an_inflated_network_keeps_type_and_mode():
    net = inflate(small_net().double(), three_frames)
    assert {parameter.dtype for parameter in net.parameters()} == {torch.float64}
    assert not any(module.training for module in net.modules())


def test_an_unknown_way_is_refused():
    with pytest.raises(InputError, match="unknown inflation 'max'; choose one of mean, centre"):
        inflate(small_net(), three_frames, "max")


def test_an_even_kernel_is_refused():
    with pytest.raises(InputError, match="kernel of 2 frames has no middle"):
        inflate(small_net(), lambda name, convolution: TimeAxis(kernel=2))


def test_padding_given_as_a_word_is_refused():
    with pytest.raises(InputError, match="padding='same'"):
        inflate(nn.Sequential(nn.Conv2d(3, 4, 3, padding="same")), three_frames)


@pytest.fixture
def resnet_file(tmp_path):
    """Weights as torchvision's ImageNet files hold them: 1000 classes, batch norm away from its start."""
    resnet = torchvision.models.resnet18(num_classes=1000)
    for module in resnet.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.running_var, 0.5, 1.5)
            nn.init.normal_(module.bias, std=0.1)
    path = tmp_path / "resnet18.pth"
    torch.save(resnet.state_dict(), path)
    return resnet.eval(), path


def test_i3d_carries_imagenet_weights_to_a_static_video(resnet_file):
    resnet, path = resnet_file
    i3d = create_model("i3d18", 5, w_xh="imagenet", weights_file=path, inflation="centre").eval()
    assert i3d.fc.out_features == 5
    resnet.fc = i3d.fc = nn.Identity()
    video = static_video(size=32)
    with torch.no_grad():
        close(i3d(video), resnet(video[:, :, 0]))


def test_i3d_repeats_imagenet_kernels_over_time(resnet_file):
    resnet, path = resnet_file
    i3d = create_model("i3d18", 5, w_xh="imagenet", weights_file=path)
    for name in ("conv1", "layer1.0.conv1", "layer4.1.conv2"):
        inflated, flat = i3d.get_submodule(name).weight, resnet.get_submodule(name).weight
        torch.testing.assert_close(inflated, flat.unsqueeze(2).expand_as(inflated) / 3)
    torch.testing.assert_close(i3d.layer2[0].downsample[0].weight[:, :, 0], resnet.layer2[0].downsample[0].weight)
    torch.testing.assert_close(i3d.bn1.running_var, resnet.bn1.running_var)


def test_random_i3d_draws_every_frame_of_a_kernel_anew():
    i3d = create_model("i3d18", 5)
    weight = i3d.layer4[1].conv2.weight
    assert not torch.allclose(weight[:, :, 0], weight[:, :, 1])
    assert weight.std().item() == pytest.approx((2 / (512 * 27)) ** 0.5, rel=0.01)  # He normal over the fan-out

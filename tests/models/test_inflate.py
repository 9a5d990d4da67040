import copy
import subprocess
import sys

import pytest
import torch
import torchvision
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from lively import lively
from torch import nn

from rcn_bench.errors import InputError
from rcn_bench.models import create_model
from rcn_bench.models.inflate import ClipConv, InflatedPool, TimeAxis, TimePool, inflate
from rcn_bench.models.init import he_normal_

pytestmark = pytest.mark.usefixtures("fixed_seed_and_one_thread")


def three_frames(name, layer):
    return TimeAxis(kernel=3 if isinstance(layer, nn.Conv2d) else 1)


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
    inflated = inflate(copy.deepcopy(net), lambda name, layer: time, "centre").eval()
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


def test_the_plan_is_asked_for_every_convolution_and_every_pool():
    asked = {}

    def plan(name, layer):
        asked[name] = layer.kernel_size
        return TimeAxis(kernel=5 if name == "0" else 1, stride=2 if name == "4" else 1)

    net = inflate(small_net(), plan)
    assert asked == {"0": (5, 5), "3": 3, "4": (3, 3)}
    assert (net[0].kernel_size, net[0].stride, net[0].padding) == ((5, 5, 5), (1, 2, 2), (2, 2, 2))
    assert (net[4].kernel_size, net[4].stride, net[4].dilation) == ((1, 3, 3), (2, 1, 1), (1, 2, 2))


@pytest.mark.parametrize("pool", [nn.MaxPool2d(2), nn.AvgPool2d(2)])
@pytest.mark.parametrize("time", [TimeAxis(1), TimeAxis(3), TimeAxis(2, stride=2)])
def test_a_pool_goes_over_time_as_planned(pool, time):
    net, video = inflate(nn.Sequential(pool), lambda name, layer: time), torch.randn(2, 3, 5, 8, 8)
    pool3d = IN_3D[type(pool)]((time.kernel, 2, 2), (time.stride, 2, 2))
    torch.testing.assert_close(net(video), pool3d(video))


IN_3D = {nn.MaxPool2d: nn.MaxPool3d, nn.AvgPool2d: nn.AvgPool3d}
small = st.integers(1, 4)


@settings(max_examples=100)
@given(
    kind=st.sampled_from(list(IN_3D)),
    kernel=small,
    stride=small,
    padding=st.integers(0, 2),
    ceil_mode=st.booleans(),
    time=st.builds(TimeAxis, small, small),
    shape=st.tuples(st.integers(1, 2), st.integers(1, 2), st.integers(1, 9), st.integers(4, 9), st.integers(4, 9)),
)
@example(nn.MaxPool2d, 3, 2, 1, False, TimeAxis(3, 2), (1, 2, 5, 7, 8))
@example(nn.MaxPool2d, 3, 2, 0, True, TimeAxis(3, 2), (1, 2, 8, 8, 8))  # GoogLeNet's
@example(nn.MaxPool2d, 3, 1, 1, True, TimeAxis(3, 1), (1, 2, 1, 4, 4))  # Inception's, at the end of a short clip
@example(nn.AvgPool2d, 3, 2, 1, True, TimeAxis(3, 2), (2, 1, 6, 6, 7))
def test_a_pool_equals_torchs_pool_in_3d(kind, kernel, stride, padding, ceil_mode, time, shape):
    """Padded in time where the kernel there is the one in space."""
    time_padding = padding if time.kernel == kernel else 0
    assume(padding <= kernel // 2)
    # torch's average pool in 3D takes no clip shorter than its kernel, padded or not.
    assume(shape[2] + (2 * time_padding if kind is nn.MaxPool2d else 0) >= time.kernel)
    clip = torch.randn(shape, dtype=torch.float64, requires_grad=True)
    theirs = IN_3D[kind](
        (time.kernel, kernel, kernel),
        (time.stride, stride, stride),
        (time_padding, padding, padding),
        ceil_mode=ceil_mode,
    )
    ours = InflatedPool(kind(kernel, stride, padding, ceil_mode=ceil_mode), time)
    expected = theirs(clip)
    torch.testing.assert_close(ours(clip), expected)
    weight = torch.randn_like(expected)
    gradients = [torch.autograd.grad(pool(clip), clip, weight)[0] for pool in (ours, theirs)]
    torch.testing.assert_close(*gradients)


def test_a_pool_that_leaves_its_padding_out_of_the_mean_does_so_in_time():
    clip = torch.randn(2, 3, 5, 6, 7)
    ours = InflatedPool(nn.AvgPool2d(3, 1, 1, count_include_pad=False), TimeAxis(3))
    torch.testing.assert_close(ours(clip), nn.AvgPool3d(3, 1, 1, count_include_pad=False)(clip))


@settings(max_examples=50)
@given(kind=st.sampled_from(list(IN_3D)), time=st.builds(TimeAxis, small, small), frames=st.integers(4, 9))
def test_a_pool_over_time_alone_equals_torchs_pool_in_3d(kind, time, frames):
    clip = torch.randn(2, 3, frames, 2, 5, dtype=torch.float64)
    theirs = IN_3D[kind]((time.kernel, 1, 1), (time.stride, 1, 1))
    torch.testing.assert_close(TimePool(kind, time)(clip), theirs(clip))


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


def test_inflation_of_a_resnext_with_its_grouped_convolutions():
    resnext = lively(torchvision.models.resnext50_32x4d(num_classes=5))
    video = static_video(frames=3, size=32)

    def grouped_alone(name, layer):
        return TimeAxis(kernel=3 if isinstance(layer, nn.Conv2d) and layer.groups > 1 else 1)

    net = inflate(copy.deepcopy(resnext), grouped_alone, "centre")
    assert net.layer4[2].conv2.weight.shape == (1024, 32, 3, 3, 3)
    assert torch.equal(net.layer4[2].conv2.weight[:, :, 1], resnext.layer4[2].conv2.weight)
    with torch.no_grad():
        close(net(video), resnext(video[:, :, 0]))


@pytest.fixture(params=["resnet18"])
def imagenet_like(request, tmp_path):
    """A network and its weights as torchvision's ImageNet files hold them: 1000 classes, auxiliary classifiers."""
    if request.param == "googlenet":
        net = torchvision.models.GoogLeNet(transform_input=True, init_weights=False)
        he_normal_(net)
    else:
        net = torchvision.models.get_model(request.param)
    path = tmp_path / f"{request.param}.pth"
    torch.save(lively(net).state_dict(), path)
    return net, path


def with_weights(name, path, **options):
    return create_model(name, 5, w_xh="imagenet", weights_file=path, **options).eval()


@pytest.mark.parametrize(
    ("imagenet_like", "name"),
    [
        ("resnet18", "i3d18"),
        pytest.param("resnet50", "i3d50", marks=pytest.mark.slow),
        pytest.param("resnet50", "i3d50_nl", marks=pytest.mark.slow),  # its new blocks are the identity at first
        ("googlenet", "inception_i3d"),
    ],
    indirect=["imagenet_like"],
)
def test_i3d_carries_imagenet_weights_to_a_static_video(imagenet_like, name):
    flat, path = imagenet_like
    i3d = with_weights(name, path, inflation="centre")
    assert i3d.fc.out_features == 5
    flat.fc = i3d.fc = nn.Identity()
    video = static_video(frames=4, size=32).double()
    with torch.no_grad():
        stills = flat.double()(video[:, :, 0])
        assert not torch.allclose(stills[0], stills[1], rtol=1e-2)
        torch.testing.assert_close(i3d.double()(video), stills)


def test_i3d_repeats_imagenet_kernels_over_time(imagenet_like):
    resnet, path = imagenet_like
    i3d = with_weights("i3d18", path)
    for name in ("conv1", "layer1.0.conv1", "layer4.1.conv2"):
        inflated, flat = i3d.get_submodule(name).weight, resnet.get_submodule(name).weight
        torch.testing.assert_close(inflated, flat.unsqueeze(2).expand_as(inflated) / 3)
    torch.testing.assert_close(i3d.layer2[0].downsample[0].weight[:, :, 0], resnet.layer2[0].downsample[0].weight)
    torch.testing.assert_close(i3d.bn1.running_var, resnet.bn1.running_var)


@pytest.mark.parametrize("imagenet_like", ["googlenet"], indirect=True)
def test_inception_i3d_carries_over_all_but_the_classifiers(imagenet_like):
    googlenet, path = imagenet_like
    i3d, flat = with_weights("inception_i3d", path), googlenet.state_dict()
    assert any(key.startswith("aux1.") for key in flat)
    assert i3d.transform_input
    assert {module.eps for module in i3d.modules() if isinstance(module, nn.BatchNorm3d)} == {1e-3}
    for key, value in i3d.state_dict().items():
        if not key.startswith("fc."):
            torch.testing.assert_close(value.sum(2) if value.dim() == 5 else value, flat[key])
    assert i3d.conv1.conv.weight.shape == (64, 3, 7, 7, 7)
    assert i3d.inception5b.branch2[1].conv.weight.shape == (384, 192, 3, 3, 3)


@pytest.mark.parametrize(
    ("name", "layer", "fan_out"),
    [
        ("i3d18", "layer4.1.conv2", 512 * 27),
        pytest.param("inception_i3d", "inception5b.branch2.1.conv", 384 * 27, marks=pytest.mark.slow),
    ],
)
def test_random_i3d_draws_every_frame_of_a_kernel_anew(name, layer, fan_out):
    weight = create_model(name, 5).get_submodule(layer).weight
    assert not torch.allclose(weight[:, :, 0], weight[:, :, 1])
    assert weight.std().item() == pytest.approx((2 / fan_out) ** 0.5, rel=0.01)  # He normal over the fan-out


def test_i3d50_inflates_every_second_bottleneck():
    with torch.device("meta"):
        net = create_model("i3d50")
    long = {name: m.kernel_size for name, m in net.named_modules() if isinstance(m, nn.Conv3d) and m.kernel_size[0] > 1}
    blocks = [(1, 0), (1, 1), (1, 2), (2, 0), (2, 2), (3, 0), (3, 2), (3, 4), (4, 1)]
    assert long == {"conv1": (5, 7, 7)} | {f"layer{stage}.{block}.conv1": (3, 1, 1) for stage, block in blocks}


@pytest.mark.parametrize("frames", [1, 3, 5, 8])
def test_a_clip_shorter_than_the_kernel_is_convolved_as_by_torch(frames):
    plain, own = (kind(2, 3, (7, 3, 3), (2, 1, 1), (3, 1, 1)).double() for kind in (nn.Conv3d, ClipConv))
    own.load_state_dict(plain.state_dict())
    clip = torch.randn(2, 2, frames, 6, 6, dtype=torch.float64)
    torch.testing.assert_close(own(clip), plain(clip))


@pytest.mark.slow
def test_training_on_clips_shorter_than_the_stems_kernel_keeps_to_its_memory():
    """In a process of its own, which a bug of torch's CPU library once ended."""
    code = """
import torch
from rcn_bench.models import create_model
for name in ("s3d", "inception_i3d"):
    net = create_model(name, 5).train()
    for _ in range(4):
        net(torch.randn(2, 3, 5, 32, 32)).square().sum().backward()
"""
    subprocess.run([sys.executable, "-c", code], check=True)

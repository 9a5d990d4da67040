import copy

import pytest
import torch
import torchvision
from torch import nn

from rcn_bench.errors import InputError
from rcn_bench.models import create_model, list_models, model_options, register, registry
from rcn_bench.models.rcn import make_recurrent

PARAMETERS = {
    "rcn18": 12_774_352,
    "rcn34": 24_004_816,
    "i3d18": 33_371_472,
    "i3d34": 63_681_104,
    "r2plus1d18": 31_505_325,
    "r2plus1d34": 61_831_661,
}
NAMES = ["c2d18", "rcn18", "i3d18", "r2plus1d18"]


pytestmark = pytest.mark.usefixtures("fixed_seed_and_one_thread")


def count(net):
    return sum(parameter.numel() for parameter in net.parameters())


def lively(net):
    """Batch norm as after some training, so that no normalisation is the identity; ready for inference."""
    for module in net.modules():
        if isinstance(module, (nn.BatchNorm2d, nn.BatchNorm3d)):
            nn.init.normal_(module.running_mean, std=0.1)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
            nn.init.uniform_(module.weight, 0.5, 1.0)
            nn.init.normal_(module.bias, std=0.1)
    return net.eval()


def hidden_weights(net):
    """The w_hh of every recurrent unit, in the network's order."""
    return [parameter for name, parameter in net.named_parameters() if name.endswith("w_hh")]


def random_clip(frames, clips=2, size=32):
    return torch.randn(clips, 3, frames, size, size)


def differs(one, other):
    return not torch.allclose(one, other, rtol=1e-2, atol=1e-4)


@pytest.mark.parametrize("stem_pool", [True, False])
@pytest.mark.parametrize("name", PARAMETERS)
def test_parameter_count(name, stem_pool):
    with torch.device("meta"):
        assert count(create_model(name, 400, stem_pool=stem_pool)) == PARAMETERS[name]


@pytest.mark.parametrize("stem_pool", [True, False])
@pytest.mark.parametrize("depth", [18, 34])
def test_c2d_has_the_parameters_of_torchvisions_resnet(depth, stem_pool):
    with torch.device("meta"):
        resnet = torchvision.models.get_model(f"resnet{depth}", num_classes=400)
        assert count(create_model(f"c2d{depth}", 400, stem_pool=stem_pool)) == count(resnet)


@pytest.mark.parametrize("name", NAMES)
def test_stem_pool_halves_what_the_first_stage_sees(name):
    sizes = []
    for stem_pool in (True, False):
        net = create_model(name, 5, stem_pool=stem_pool).eval()
        stage = getattr(net, "trunk", net).layer1
        stage.register_forward_pre_hook(lambda module, inputs: sizes.append(inputs[0].shape[-2:]))
        net(random_clip(1, clips=1))
    assert sizes == [(8, 8), (16, 16)]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("frames", [1, 8])
def test_clips_to_logits(name, frames):
    assert create_model(name, 7).eval()(random_clip(frames)).shape == (2, 7)


@pytest.mark.parametrize(
    ("name", "options", "torchvision_name"),
    [("i3d18", {"stem_pool": False}, "r3d_18"), ("r2plus1d18", {"stem_pool": False}, "r2plus1d_18")],
)
def test_equals_torchvisions_video_resnet(name, options, torchvision_name):
    theirs = lively(torchvision.models.get_model(torchvision_name, num_classes=9))
    ours = create_model(name, 9, **options).eval()
    ours.load_state_dict(dict(zip(ours.state_dict(), theirs.state_dict().values(), strict=True)))
    clip = random_clip(5)
    with torch.no_grad():
        torch.testing.assert_close(ours(clip), theirs(clip), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["c2d18", "rcn18"])
def test_clip_logits_are_the_mean_of_frame_logits(name):
    net = lively(create_model(name, 5))
    clip = random_clip(3)
    with torch.no_grad():
        frames = net.frame_logits(clip)
        assert frames.shape == (2, 3, 5)
        assert differs(frames[:, 0], frames[:, 1])
        torch.testing.assert_close(net(clip), frames.mean(dim=1))


@pytest.mark.parametrize("name", ["c2d18", "rcn18"])
def test_clips_of_a_batch_do_not_mix(name):
    net = lively(create_model(name, 5))
    clip = random_clip(3)
    with torch.no_grad():
        torch.testing.assert_close(net.frame_logits(clip)[1:], net.frame_logits(clip[1:]), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["c2d18", "rcn18"])
def test_logits_are_float32_under_autocast(name):
    net = create_model(name, 5).eval()
    with torch.autocast("cpu", torch.bfloat16):
        assert net(random_clip(2)).dtype == torch.float32


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


@pytest.mark.parametrize("name", ["i3d18", "r2plus1d18"])
def test_3d_convolutions_see_later_frames(name):
    net = lively(create_model(name, 5))
    first_steps = []
    net.layer1.register_forward_hook(lambda module, inputs, output: first_steps.append(output[:, :, 0]))
    clip = random_clip(4)
    changed = clip.clone()
    changed[:, :, 1:] = random_clip(3)
    with torch.no_grad():
        net(clip), net(changed)
    assert differs(*first_steps)


def test_c2d_frame_logits_depend_on_their_own_frame_alone():
    net = lively(create_model("c2d18", 5))
    clip = random_clip(4)
    changed = random_clip(4)
    changed[:, :, 2] = clip[:, :, 2]
    with torch.no_grad():
        before, after = net.frame_logits(clip), net.frame_logits(changed)
    torch.testing.assert_close(before[:, 2], after[:, 2], rtol=1e-4, atol=1e-5)
    assert all(differs(before[:, t], after[:, t]) for t in (0, 1, 3))


def test_c2d_is_blind_to_the_order_of_frames_and_rcn_is_not():
    clip = random_clip(4)
    c2d, rcn = (lively(create_model(name, 5)) for name in ("c2d18", "rcn18"))
    with torch.no_grad():
        torch.testing.assert_close(c2d(clip), c2d(clip.flip(2)), rtol=1e-4, atol=1e-5)
        assert differs(rcn(clip), rcn(clip.flip(2)))


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
    with torch.device("meta"):
        matrices = hidden_weights(create_model(name, 5))
    widths = [width for width, n in zip([64, 128, 256, 512], layers, strict=True) for _ in range(n)]
    assert [tuple(w_hh.shape) for w_hh in matrices] == [(width, width) for width in widths]


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
    assert [key for key in net.state_dict() if key.endswith("w_hh")] == ["trunk.layer2.0.conv1.w_hh"]
    (w_hh,) = hidden_weights(net)
    assert differs(w_hh, torch.eye(128))


def test_list_models():
    assert set(list_models()) >= {*PARAMETERS, "c2d18", "c2d34"}
    assert list_models() == sorted(list_models())
    assert {"rcn18", "rcn34"} <= set(list_models("rcn*"))
    assert all(name.startswith("rcn") for name in list_models("rcn*"))
    assert set(list_models("*18")) >= set(NAMES)
    assert "rcn34" not in list_models("*18")
    assert list_models("no such*") == []


def test_400_classes_are_the_default():
    with torch.device("meta"):
        assert create_model("c2d18").trunk.fc.out_features == 400


def test_an_unknown_model_is_refused_with_a_suggestion():
    with pytest.raises(InputError, match="unknown model 'rcn81'; did you mean rcn18"):
        create_model("rcn81")
    with pytest.raises(InputError, match=r"unknown model 'zzz'; choose one of .*c2d18.*rcn34"):
        create_model("zzz")


def test_an_unknown_option_is_refused_with_those_there_are():
    with pytest.raises(InputError, match="c2d18 has no option 'w_hh'; it has stem_pool, w_xh, weights_file"):
        create_model("c2d18", w_hh="identity")
    assert model_options("r2plus1d18") == ["stem_pool"]


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("rcn18", {"w_hh": "eye"}),
        ("rcn18", {"w_xh": "zeros"}),
        ("rcn18", {"mode": "median"}),
        ("i3d18", {"inflation": "center"}),
    ],
)
def test_an_unknown_value_is_refused(name, options):
    (value,) = options.values()
    with pytest.raises(InputError, match=f"'{value}'; choose one of"):
        create_model(name, 5, **options)


@pytest.fixture
def own_registry(monkeypatch):
    monkeypatch.setattr(registry, "_BUILDERS", dict(registry._BUILDERS))


@pytest.mark.usefixtures("own_registry")
def test_a_registered_model_can_be_created():
    @register
    def plain3(num_classes, *, width=4):
        return nn.Linear(width, num_classes)

    assert "plain3" in list_models()
    assert create_model("plain3", 6, width=2).weight.shape == (6, 2)


@pytest.mark.usefixtures("own_registry")
def test_a_taken_name_is_refused():
    def rcn18(num_classes):
        raise AssertionError("must not replace the first")

    with pytest.raises(ValueError, match="rcn18 is registered already"):
        register(rcn18)
    assert create_model("rcn18", 5)

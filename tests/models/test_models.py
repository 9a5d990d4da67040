import copy
from functools import cache

import pytest
import torch
import torchvision
from lively import lively
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from rcn_bench.analysis.causality import certify
from rcn_bench.errors import InputError
from rcn_bench.models import (
    Specification,
    create_model,
    list_models,
    model_options,
    register,
    registry,
    shortest_clip,
    specification,
)
from rcn_bench.models.frames import FrameNet
from rcn_bench.models.rcn import make_recurrent

# Figures from outside this project's code: papers, torchvision, plain loops. They do not follow its specifications.
KNOWN_PARAMETERS = {
    "c2d18": 11_381_712,
    "rcn18": 12_774_352,
    "rcn34": 24_004_816,
    "rcn50": 25_093_584,
    "rcn101": 44_675_536,
    "i3d18": 33_371_472,
    "i3d34": 63_681_104,
    "i3d18_causal": 33_371_472,
    "r2plus1d18": 31_505_325,
    "r2plus1d34": 61_831_661,
    "i3d50": 28_043_472,
    "i3d50_nl": 35_401_936,
    "i3d101": 51_754_192,
    "i3d101_nl": 59_112_656,
    "inception_i3d": 12_697_264,
    "s3d": 8_320_048,
}
KNOWN_GMACS = {
    "rcn18": ((8, 112, 112), 4.268),
    "i3d50": ((8, 224, 224), 28.41),
    "i3d50_nl": ((8, 224, 224), 36.54),
    "i3d101": ((8, 224, 224), 46.96),
    "i3d101_nl": ((8, 224, 224), 55.08),
    "inception_i3d": ((64, 224, 224), 111.15),
    "s3d": ((16, 224, 224), 17.979),
}
TO_THE_DIGITS = {"rel": 2e-4}
NAMES = ["c2d18", "rcn18", "i3d18", "r2plus1d18"]


def slow_unless(fast):
    """All models as parameters of a test, those that take longest only with -m slow."""
    return [pytest.param(name, marks=[] if fast(name) else [pytest.mark.slow]) for name in list_models()]


ALL_BUT_DEEP_ONES = slow_unless(lambda name: "34" not in name and "101" not in name)
ONE_OF_EACH_FAMILY = slow_unless(lambda name: name in {*NAMES, "i3d18_causal", "i3d50_nl", "inception_i3d", "s3d"})
QUICK_TO_CERTIFY = slow_unless(lambda name: name in {"c2d18", "rcn18", "i3d18", "inception_i3d", "s3d"})


pytestmark = pytest.mark.usefixtures("fixed_seed_and_one_thread")


@cache
def on_meta(name, **options):
    """A model that has shapes and no values, ready for inference; tests share it."""
    with torch.device("meta"):
        return create_model(name, **options).eval()


def meta_clip(frames, height, width):
    return torch.empty(1, 3, frames, height, width, device="meta")


def count(net):
    return sum(parameter.numel() for parameter in net.parameters())


def gmacs(function):
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        function()
    return counter.get_total_flops() / 2e9


def shapes(net, clip):
    """The number of time steps that a network averages at its end, and the shape of its logits."""
    if isinstance(net, FrameNet):
        frames = net.frame_logits(clip)
        return frames.shape[1], frames[:, 0].shape
    averaged = []
    hook = net.avgpool.register_forward_pre_hook(lambda module, inputs: averaged.append(inputs[0].shape[2]))
    logits = net(clip)
    hook.remove()
    return averaged[0], logits.shape


def hidden_weights(net):
    """The w_hh of every recurrent unit, in the network's order."""
    return [parameter for name, parameter in net.named_parameters() if name.endswith("w_hh")]


def random_clip(frames, clips=2, size=32):
    return torch.randn(clips, 3, frames, size, size)


def differs(one, other):
    return not torch.allclose(one, other, rtol=1e-2, atol=1e-4)


@pytest.mark.parametrize("name", list_models())
def test_parameters_are_those_that_the_model_states(name):
    assert count(on_meta(name)) == specification(name).parameters


@pytest.mark.parametrize("name", ALL_BUT_DEEP_ONES)
def test_gmacs_are_those_that_the_model_states(name):
    net, stated = on_meta(name), specification(name)
    assert gmacs(lambda: net(meta_clip(*stated.clip))) == pytest.approx(stated.gmacs, **TO_THE_DIGITS)


def test_what_models_state_is_what_is_known():
    assert {name: specification(name).parameters for name in KNOWN_PARAMETERS} == KNOWN_PARAMETERS
    stated = {name: (specification(name).clip, specification(name).gmacs) for name in KNOWN_GMACS}
    assert stated == KNOWN_GMACS


@pytest.mark.parametrize(
    ("name", "options", "known"),
    [("rcn18", {}, 8.591), ("i3d18", {"stem_pool": False}, 40.697), ("r2plus1d18", {"stem_pool": False}, 40.519)],
)
def test_gmacs_of_sixteen_frames(name, options, known):
    net = on_meta(name, **options)
    assert gmacs(lambda: net(meta_clip(16, 112, 112))) == pytest.approx(known, **TO_THE_DIGITS)


@pytest.mark.parametrize(("size", "known"), [(112, 0.540), (224, 2.019)])
def test_gmacs_of_a_streamed_frame(size, known):
    net = on_meta("rcn18")
    _, state = net.step(meta_clip(1, size, size)[:, :, 0], net.initial_state(1))
    streamed = gmacs(lambda: net.step(meta_clip(1, size, size)[:, :, 0], state))
    assert streamed == pytest.approx(known, abs=5e-4)


@pytest.mark.parametrize("name", [*NAMES, "rcn50", "i3d50", "i3d18_causal"])
def test_the_stem_pool_holds_no_parameters(name):
    assert count(on_meta(name, stem_pool=False)) == specification(name).parameters


@pytest.mark.parametrize("name", QUICK_TO_CERTIFY)
def test_causality_and_temporal_stride_are_those_that_the_model_states(name):
    stated = specification(name)
    certificate = certify(name, frames=max(4, stated.temporal_stride))
    assert certificate.causal == stated.causal
    assert certificate.temporal_stride == stated.temporal_stride


@pytest.mark.parametrize("name", ONE_OF_EACH_FAMILY)
def test_every_model_takes_clips_of_8_to_128_frames(name):
    for frames in (8, 16, 32, 64, 128):
        steps = frames // specification(name).temporal_stride
        assert shapes(on_meta(name), meta_clip(frames, 64, 64)) == (steps, (1, 400))


@pytest.mark.parametrize("name", ALL_BUT_DEEP_ONES)
def test_the_shortest_clip_is_the_one_that_the_model_states(name):
    net, shortest = on_meta(name), shortest_clip(name)
    for size in (32, 64):
        assert net(meta_clip(shortest, size, size)).shape == (1, 400)
    if shortest > 1:
        too_short = meta_clip(shortest - 1, 64, 64)
        with pytest.raises(InputError, match=f"^{name} needs clips of {shortest} frames or more, got {shortest - 1}$"):
            net(too_short)
        with pytest.raises(RuntimeError):  # what it would be without the check: no clip is refused in vain
            type(net).forward(net, too_short)


@pytest.mark.parametrize("stem_pool", [True, False])
@pytest.mark.parametrize("depth", [18, 34, 50, 101])
def test_c2d_has_the_parameters_of_torchvisions_resnet(depth, stem_pool):
    with torch.device("meta"):
        resnet = torchvision.models.get_model(f"resnet{depth}", num_classes=400)
    assert count(on_meta(f"c2d{depth}", stem_pool=stem_pool)) == count(resnet)


@pytest.mark.parametrize("name", NAMES)
def test_stem_pool_halves_what_the_first_stage_sees(name):
    sizes = []
    for stem_pool in (True, False):
        net = on_meta(name, stem_pool=stem_pool)
        stage = getattr(net, "trunk", net).layer1
        hook = stage.register_forward_pre_hook(lambda module, inputs: sizes.append(inputs[0].shape[-2:]))
        net(meta_clip(1, 32, 32))
        hook.remove()
    assert sizes == [(8, 8), (16, 16)]


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
    matrices = hidden_weights(on_meta(name))
    widths = [width for width, n in zip([64, 128, 256, 512], layers, strict=True) for _ in range(n)]
    assert [tuple(w_hh.shape) for w_hh in matrices] == [(width, width) for width in widths]


@pytest.mark.parametrize(("name", "third_stage"), [("rcn50", [0, 2, 4]), ("rcn101", list(range(0, 23, 2)))])
def test_the_first_convolution_of_every_second_bottleneck_recurs(name, third_stage):
    recurrent = [key.removesuffix(".w_hh") for key in on_meta(name).state_dict() if key.endswith("w_hh")]
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
    assert [key for key in net.state_dict() if key.endswith("w_hh")] == ["trunk.layer2.0.conv1.w_hh"]
    (w_hh,) = hidden_weights(net)
    assert differs(w_hh, torch.eye(128))


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


def test_list_models():
    assert set(list_models()) >= {*KNOWN_PARAMETERS, "c2d34", "c2d50", "c2d101"}
    assert list_models() == sorted(list_models())
    assert {"rcn18", "rcn34"} <= set(list_models("rcn*"))
    assert all(name.startswith("rcn") for name in list_models("rcn*"))
    assert set(list_models("*18")) >= set(NAMES)
    assert "rcn34" not in list_models("*18")
    assert list_models("no such*") == []


def test_400_classes_are_the_default():
    assert on_meta("c2d18").trunk.fc.out_features == 400


def test_an_unknown_model_is_refused_with_a_suggestion():
    with pytest.raises(InputError, match="unknown model 'rcn81'; did you mean rcn18"):
        create_model("rcn81")
    with pytest.raises(InputError, match=r"unknown model 'zzz'; choose one of .*c2d18.*rcn34"):
        create_model("zzz")


def test_an_unknown_option_is_refused_with_those_there_are():
    with pytest.raises(InputError, match="c2d18 has no option 'w_hh'; it has w_xh, weights_file, stem_pool"):
        create_model("c2d18", w_hh="identity")
    with pytest.raises(InputError, match="s3d has no option 'stem_pool'; it has none"):
        create_model("s3d", stem_pool=False)
    assert model_options("r2plus1d18") == ["stem_pool"]
    assert set(model_options("rcn18")) == {"w_xh", "weights_file", "stem_pool", "w_hh", "mode"}
    assert set(model_options("inception_i3d")) == {"w_xh", "weights_file", "inflation"}


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("rcn18", {"w_hh": "eye"}),
        ("rcn18", {"w_xh": "zeros"}),
        ("rcn18", {"mode": "median"}),
        ("i3d18", {"inflation": "center"}),
        ("i3d50", {"inflation": "center"}),
        ("i3d18_causal", {"inflation": "center"}),
    ],
)
def test_an_unknown_value_is_refused(name, options):
    (value,) = options.values()
    with pytest.raises(InputError, match=f"'{value}'; choose one of"):
        on_meta(name, **options)


@pytest.fixture
def own_registry(monkeypatch):
    for table in ("_BUILDERS", "_SPECIFICATIONS"):
        monkeypatch.setattr(registry, table, dict(getattr(registry, table)))


@pytest.mark.usefixtures("own_registry")
def test_a_registered_model_can_be_created():
    @register
    def plain3(num_classes, *, width=4):
        return nn.Linear(width, num_classes)

    assert "plain3" in list_models()
    assert create_model("plain3", 6, width=2).weight.shape == (6, 2)
    assert specification("plain3") is None
    assert shortest_clip("plain3") == 1


@pytest.mark.usefixtures("own_registry")
def test_a_registered_model_may_state_what_it_is():
    stated = Specification(0, 0.0, (8, 4, 4), causal=True, temporal_stride=1, shortest_clip=3)

    @register(specification=stated)
    def plain3(num_classes):
        return nn.Flatten()

    assert specification("plain3") == stated
    assert create_model("plain3")(random_clip(3, size=2)).shape == (2, 36)
    with pytest.raises(InputError, match="plain3 needs clips of 3 frames or more, got 2"):
        create_model("plain3")(random_clip(2, size=2))


@pytest.mark.usefixtures("own_registry")
def test_a_taken_name_is_refused():
    def rcn18(num_classes):
        raise AssertionError("must not replace the first")

    with pytest.raises(ValueError, match="rcn18 is registered already"):
        register(rcn18)
    with torch.device("meta"):
        assert create_model("rcn18")

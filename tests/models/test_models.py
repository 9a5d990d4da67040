"""What models state of themselves is what they are."""

import pytest
import torch
import torchvision
from lively import ALL_BUT_DEEP_ONES, differs, lively, on_meta, random_clip, slow_unless
from torch.utils.flop_counter import FlopCounterMode

from rcn_bench.analysis.causality import certify
from rcn_bench.errors import InputError
from rcn_bench.models import create_model, list_models, shortest_clip, specification
from rcn_bench.models.frames import FrameNet

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
    "tsm18": 11_381_712,  # those of c2d18
    "rcn18_lstm": 49_924_048,
    "rcn18_gru": 37_542_096,
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


ONE_OF_EACH_FAMILY = slow_unless(
    lambda name: name in {*NAMES, "i3d18_causal", "tsm18", "i3d50_nl", "inception_i3d", "s3d"}
)
QUICK_TO_CERTIFY = slow_unless(lambda name: name in {"rcn18", "s3d"})


pytestmark = pytest.mark.usefixtures("fixed_seed_and_one_thread")


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


@pytest.mark.parametrize("name", ALL_BUT_DEEP_ONES)
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
    assert certificate.frames / certificate.outputs == stated.temporal_stride


@pytest.mark.parametrize("frames", [8, 128, *(pytest.param(frames, marks=pytest.mark.slow) for frames in (16, 32, 64))])
@pytest.mark.parametrize("name", ONE_OF_EACH_FAMILY)
def test_every_model_takes_clips_of_8_to_128_frames(name, frames):
    steps = frames // specification(name).temporal_stride
    assert shapes(on_meta(name), meta_clip(frames, 64, 64)) == (steps, (1, 400))


@pytest.mark.slow
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
@pytest.mark.parametrize("depth", [18, 50, *(pytest.param(depth, marks=pytest.mark.slow) for depth in (34, 101))])
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
    with torch.device("meta"):  # whose values are theirs
        ours = create_model(name, 9, **options).eval()
    ours.load_state_dict(dict(zip(ours.state_dict(), theirs.state_dict().values(), strict=True)), assign=True)
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


def test_400_classes_are_the_default():
    assert on_meta("c2d18").trunk.fc.out_features == 400


def test_every_known_model_is_listed():
    assert set(list_models()) >= {*KNOWN_PARAMETERS, "c2d34", "c2d50", "c2d101"}

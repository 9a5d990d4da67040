"""Streaming: frames one at a time or a few, with a state carried between, give what the whole clip gives."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from lively import lively
from torch import nn

from rcn_bench.models import create_model, model_options
from rcn_bench.models.causal import make_causal
from rcn_bench.models.gated import GRUUnit, LSTMUnit, make_gated
from rcn_bench.models.rcn import make_recurrent
from rcn_bench.models.shift import make_shifted
from rcn_bench.ops.reference import reference_scan

NAMES = ["c2d18", "rcn18", "rcn50", "i3d18_causal", "tsm18", "rcn18_lstm", "rcn18_gru"]
FRAMES = 4


pytestmark = pytest.mark.usefixtures("fixed_seed_and_one_thread")


@pytest.fixture(
    scope="module", params=[pytest.param(name, marks=pytest.mark.slow if name == "rcn50" else []) for name in NAMES]
)
def net(request):
    torch.manual_seed(0)
    options = {"w_hh": "random"} if "w_hh" in model_options(request.param) else {}
    return lively(create_model(request.param, 5, **options)).requires_grad_(False)


def small_trunk(width=6):
    return nn.Sequential(
        nn.Conv2d(3, width, 3, padding=1, stride=2),
        nn.BatchNorm2d(width),
        nn.ReLU(),
        nn.Conv2d(width, width, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(width, width, 1, bias=False),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(width, 4),
    )


def all_convolutions(name, convolution):
    return True


SMALL = {
    "rcn mean": lambda: make_recurrent(small_trunk(), all_convolutions, w_hh="random"),
    "rcn sum": lambda: make_recurrent(small_trunk(), all_convolutions, w_hh="random", mode="sum"),
    "causal 3": lambda: make_causal(small_trunk(), all_convolutions),
    "causal 5": lambda: make_causal(small_trunk(), all_convolutions, frames=5),
    "causal 1": lambda: make_causal(small_trunk(), all_convolutions, frames=1),
    "lstm": lambda: make_gated(small_trunk(), all_convolutions, LSTMUnit),
    "gru": lambda: make_gated(small_trunk(), all_convolutions, GRUUnit),
    "shifted": lambda: make_shifted(small_trunk(width=8), lambda name, convolution: name != "0"),
}


@pytest.fixture(params=SMALL)
def small(request):
    """In float64, though logits come in float32."""
    return lively(SMALL[request.param]().double()).requires_grad_(False)


def random_clip(frames=FRAMES, clips=2, size=32):
    return torch.randn(clips, 3, frames, size, size)


def small_clip(frames=FRAMES, clips=2):
    return random_clip(frames, clips, size=8).double()


def stepped(net, clip, state=None):
    """Logits of every frame, one frame at a time, and the state after the last."""
    state, logits = state or net.initial_state(len(clip)), []
    for frame in clip.unbind(2):
        frame_logits, state = net.step(frame, state)
        logits.append(frame_logits)
    return torch.stack(logits, 1), state


def chunked(net, clip, sizes):
    state, logits = net.initial_state(len(clip)), []
    for chunk in clip.split(sizes, 2):
        chunk_logits, state = net.frame_logits(chunk, state)
        logits.append(chunk_logits)
    return torch.cat(logits, 1), state


def assert_near(one, other):
    torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


def differs(one, other):
    return not torch.allclose(one, other, rtol=1e-2, atol=1e-4)


def stored_bytes(state):
    """What the state keeps alive: a view keeps all of the tensor that it looks into."""
    storages = {tensor.untyped_storage().data_ptr(): tensor.untyped_storage() for tensor in state.units.values()}
    return sum(storage.nbytes() for storage in storages.values())


def test_frame_by_frame_gives_the_clips_logits(net):
    clip = random_clip()
    logits, _ = stepped(net, clip)
    whole = net.frame_logits(clip)
    assert_near(logits, whole)
    assert all(differs(whole[:, t - 1], whole[:, t]) for t in range(1, FRAMES))


def test_chunks_of_three_frames_give_the_clips_logits(net):
    clip = random_clip(7)
    logits, _ = chunked(net, clip, 3)
    assert_near(logits, net.frame_logits(clip))


def test_sum_mode_streams_too():
    net = lively(create_model("rcn18", 5, w_hh="random", mode="sum")).requires_grad_(False)
    clip = random_clip()
    whole = net.frame_logits(clip)
    for logits in (stepped(net, clip)[0], chunked(net, clip, 2)[0]):
        torch.testing.assert_close(logits, whole, rtol=1e-4, atol=1e-5 * float(whole.abs().max()))


@pytest.mark.parametrize("kind", SMALL)
@settings(max_examples=25)
@given(sizes=st.lists(st.integers(1, 6), min_size=1, max_size=6), clips=st.integers(1, 3))
def test_any_split_of_a_clip_gives_its_logits(kind, sizes, clips):
    torch.manual_seed(0)
    net = lively(SMALL[kind]().double()).requires_grad_(False)
    clip = small_clip(sum(sizes), clips)
    torch.testing.assert_close(chunked(net, clip, sizes)[0], net.frame_logits(clip))


@pytest.mark.parametrize("mode", ["mean", "sum"])
def test_the_state_of_a_recurrent_unit_is_its_hidden_state(mode):
    trunk = nn.Sequential(nn.Conv2d(3, 4, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    net = make_recurrent(trunk, all_convolutions, w_hh="random", mode=mode).double().requires_grad_(False)
    clip, unit = small_clip(4), net.trunk[0]
    x = torch.einsum("nithw,oi->tnhwo", clip, unit.w_xh.weight[:, :, 0, 0]) + unit.w_xh.bias
    expected = reference_scan(x.flatten(1, 3), unit.w_hh, mode).view(x.shape)
    for t in range(4):
        _, state = stepped(net, clip[:, :, : t + 1])
        torch.testing.assert_close(state.units["0"], expected[t])


def test_the_state_of_a_causal_convolution_is_its_last_input_frames():
    trunk = nn.Sequential(nn.Conv2d(3, 4, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    net, clip = make_causal(trunk, all_convolutions, frames=5).double(), small_clip(6)
    zeros = torch.zeros_like(clip[:, :, :2])
    for frames, expected in ((6, clip[:, :, 2:]), (2, torch.cat([zeros, clip[:, :, :2]], 2))):
        _, state = stepped(net, clip[:, :, :frames])
        assert torch.equal(state.units["0"], expected.transpose(1, 2))


def test_without_its_state_a_temporal_network_gives_other_logits(net):
    clip = random_clip(2)
    whole = net.frame_logits(clip)[:, 1]
    alone, state = net.step(clip[:, :, 1], net.initial_state(2))
    assert differs(alone, whole) == bool(state.units)


def test_c2d_keeps_nothing():
    net = create_model("c2d18", 5).eval()
    _, state = stepped(net, random_clip(2))
    assert state.units == {}
    assert state.nbytes == 0


def test_the_state_does_not_grow_with_the_frames(net):
    clip = random_clip()
    states = [stepped(net, clip[:, :, :frames])[1] for frames in (1, 2, FRAMES)]
    assert len({state.nbytes for state in states}) == 1
    assert len({stored_bytes(state) for state in states}) == 1


def test_the_state_keeps_no_more_alive_than_its_own_bytes(small):
    for sizes in ([1] * 8, [4, 4], [8]):
        _, state = chunked(small, small_clip(8), sizes)
        assert stored_bytes(state) == state.nbytes


def test_state_bytes_by_hand():
    """rcn18 at 32x32: four units in each stage, of 64 channels at 8x8 and on to 512 at 1x1."""
    net = create_model("rcn18", 5).eval()
    assert net.initial_state(3).nbytes == 0
    _, state = net.step(random_clip(1, clips=3)[:, :, 0], net.initial_state(3))
    assert state.nbytes == 3 * 4 * (64 * 64 + 128 * 16 + 256 * 4 + 512) * 4


def test_two_videos_of_a_batch_do_not_mix(net):
    clip = random_clip(3)
    together, _ = stepped(net, clip)
    for video in range(2):
        alone, _ = stepped(net, clip[video : video + 1])
        assert_near(together[video : video + 1], alone)


def test_a_video_that_is_reset_starts_anew_and_the_other_goes_on(net):
    clip, new = random_clip(4), random_clip(2)
    _, state = stepped(net, clip[:, :, :2])
    undisturbed, _ = stepped(net, clip[:, :, 2:], state)
    after = torch.stack([clip[0, :, 2:], new[1]])
    logits, _ = stepped(net, after, net.reset(state, torch.tensor([1])))
    assert_near(logits[0], undisturbed[0])
    assert_near(logits[1], net.frame_logits(new)[1])


@settings(max_examples=25)
@given(kind=st.sampled_from(list(SMALL)), mask=st.lists(st.booleans(), min_size=1, max_size=4))
def test_any_videos_of_a_batch_can_be_reset(kind, mask):
    torch.manual_seed(0)
    net = lively(SMALL[kind]().double()).requires_grad_(False)
    before, after = small_clip(3, len(mask)), small_clip(3, len(mask))
    _, state = stepped(net, before)
    reset = net.reset(state, torch.tensor(mask))
    logits, _ = stepped(net, after, reset)
    indices = torch.tensor(mask).nonzero().flatten()
    assert torch.equal(stepped(net, after, net.reset(state, indices))[0], logits)
    anew, on = net.frame_logits(after), net.frame_logits(torch.cat([before, after], 2))[:, 3:]
    torch.testing.assert_close(logits, torch.where(torch.tensor(mask).view(-1, 1, 1), anew, on))


def test_a_reset_leaves_the_old_state_as_it_was(small):
    clip = small_clip()
    _, state = stepped(small, clip[:, :, :3])
    expected, _ = stepped(small, clip[:, :, 3:], state)
    small.reset(state, torch.tensor([0]))
    assert torch.equal(stepped(small, clip[:, :, 3:], state)[0], expected)


def test_after_a_reset_of_all_the_state_is_the_initial_one(small):
    clip, initial = small_clip(3), small.initial_state(2)
    _, state = stepped(small, small_clip(2))
    reset = small.reset(state, torch.arange(2))
    assert torch.equal(reset.started, initial.started)
    assert torch.equal(stepped(small, clip, reset)[0], stepped(small, clip, initial)[0])


def test_an_initial_state_can_be_reset(small):
    clip, initial = small_clip(3), small.initial_state(2)
    reset = small.reset(initial, torch.tensor([0]))
    assert torch.equal(stepped(small, clip, reset)[0], stepped(small, clip, initial)[0])


def test_a_reset_forgets_a_video_that_had_become_nan(small):
    clip = small_clip(3)
    broken = clip.clone()
    broken[1] = torch.nan
    _, state = stepped(small, broken)
    logits, _ = stepped(small, clip, small.reset(state, torch.tensor([1])))
    torch.testing.assert_close(logits[1], small.frame_logits(clip)[1])


def test_a_state_can_be_gone_on_from_twice(small):
    clip, other = small_clip(4), small_clip(2)
    _, state = stepped(small, clip[:, :, :2])
    first, _ = stepped(small, clip[:, :, 2:], state)
    stepped(small, other, state)
    assert torch.equal(stepped(small, clip[:, :, 2:], state)[0], first)


def test_the_state_is_detached_unless_asked(small):
    small.requires_grad_(True)
    clip = small_clip(2).requires_grad_()
    _, state = small.frame_logits(clip, small.initial_state(2))
    assert not any(tensor.requires_grad for tensor in state.units.values())
    _, state = small.frame_logits(clip, small.initial_state(2), detach=False)
    assert all(tensor.requires_grad for tensor in state.units.values() if tensor.numel())


@pytest.mark.parametrize("kind", [kind for kind in SMALL if kind != "causal 1"])
def test_gradients_through_the_state_are_those_of_the_whole_clip(kind):
    net, clip = lively(SMALL[kind]().double()), small_clip(4)
    parameters = list(net.parameters())
    whole = torch.autograd.grad(net.frame_logits(clip)[:, 3].sum(), parameters)
    state = net.initial_state(2)
    for frame in clip.split(1, 2):
        logits, state = net.frame_logits(frame, state, detach=False)
    for streamed, expected in zip(torch.autograd.grad(logits.sum(), parameters), whole, strict=True):
        torch.testing.assert_close(streamed, expected)


def test_a_clip_without_frames_is_refused(net):
    with pytest.raises(ValueError, match="a clip of 0 frames"):
        net(random_clip(1)[:, :, :0])


def test_a_state_of_another_number_of_videos_is_refused(net):
    _, state = stepped(net, random_clip(1))
    with pytest.raises(ValueError, match="state is of 2 videos, the clip of 3"):
        net.step(random_clip(1, clips=3)[:, :, 0], state)
    with pytest.raises(ValueError, match="state is of 1 videos, the clip of 2"):
        net.frame_logits(random_clip(2), net.initial_state(1))


@pytest.mark.parametrize("chunk", [1, 2])
def test_frames_of_another_size_are_refused_and_leave_the_stream_as_it_was(net, chunk):
    clip = random_clip(4)
    _, state = stepped(net, clip[:, :, :2])
    with pytest.raises(ValueError, match=r"frames of \(32, 64\) pixels after frames of \(32, 32\)"):
        net.frame_logits(torch.randn(2, 3, chunk, 32, 64), state)
    with pytest.raises(ValueError, match="after frames of"):
        net.step(torch.randn(2, 3, 64, 32), net.reset(state, torch.tensor([0, 1])))
    assert_near(stepped(net, clip[:, :, 2:], state)[0], net.frame_logits(clip)[:, 2:])


@pytest.mark.parametrize(
    ("frames", "message"),
    [
        (torch.zeros(2, 3, 32, 32, dtype=torch.uint8), "frames of torch.uint8; give them as floating point"),
        (torch.zeros(2, 32, 32, 3), r"frames of shape \(2, 32, 32, 3\); videos come first, channels second"),
        (torch.zeros(3, 32, 32), r"frames of shape \(3, 32, 32\); videos come first"),
        (torch.zeros(32, 32, 3, dtype=torch.uint8), "frames of torch.uint8"),
    ],
    ids=["bytes", "channels last", "no videos", "an image"],
)
def test_frames_as_a_decoder_gives_them_are_refused_in_words(net, frames, message):
    with pytest.raises(ValueError, match=message):
        net.step(frames, net.initial_state(2))


def test_streaming_leaves_ordinary_calls_undisturbed(net):
    clip = random_clip(3)
    frames, logits = net.frame_logits(clip), net(clip)
    _, state = stepped(net, random_clip(2))
    assert torch.equal(net.frame_logits(clip), frames)
    assert torch.equal(net(clip), logits)
    assert_near(stepped(net, clip, net.reset(state, torch.arange(2)))[0], frames)


def test_ordinary_calls_between_steps_leave_the_stream_undisturbed(small):
    clip = small_clip(3)
    expected, _ = stepped(small, clip)
    _, state = stepped(small, clip[:, :, :2])
    small(small_clip(4, clips=1))
    assert torch.equal(small.step(clip[:, :, 2], state)[0], expected[:, 2])


def test_a_refused_frame_leaves_ordinary_calls_undisturbed(small):
    clip = small_clip()
    logits = small.frame_logits(clip)
    _, state = stepped(small, clip)
    with pytest.raises(RuntimeError):
        small.step(clip[:, :2, 0], state)
    assert torch.equal(small.frame_logits(clip), logits)


@pytest.mark.parametrize("context", [torch.no_grad, torch.inference_mode])
def test_streaming_without_gradients(small, context):
    small.requires_grad_(True)
    clip = small_clip(3)
    expected = small.frame_logits(clip)
    with context():
        _, state = stepped(small, clip[:, :, :2])
        logits, state = small.step(clip[:, :, 2], state)
        state = small.reset(state, torch.tensor([0]))
    assert not logits.requires_grad
    torch.testing.assert_close(logits, expected[:, 2].detach())


def test_a_stream_can_leave_inference_mode(small):
    clip = small_clip(4)
    with torch.inference_mode():
        _, state = stepped(small, clip[:, :, :2])
    torch.testing.assert_close(stepped(small, clip[:, :, 2:], state)[0], small.frame_logits(clip)[:, 2:])


def test_logits_of_a_stream_are_float32_under_autocast(net):
    clip = random_clip(3)
    with torch.autocast("cpu", torch.bfloat16):
        logits, _ = stepped(net, clip)
        assert logits.dtype == torch.float32
        whole = net.frame_logits(clip)
    assert (logits - whole).abs().max() < 0.05 * whole.abs().max()

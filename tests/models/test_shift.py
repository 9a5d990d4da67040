"""Shifted convolutions: an eighth of the channels comes a frame late."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from lively import assert_same_with_gradients, random_clip
from torch import nn

from rcn_bench.errors import InputError
from rcn_bench.models import create_model
from rcn_bench.models.frames import Fold
from rcn_bench.models.shift import ShiftedConv, make_shifted

pytestmark = pytest.mark.usefixtures("fixed_seed_and_one_thread")


def a_frame_late(clip, channels):
    """A clip (N, C, T, H, W) whose first channels come a frame late, zeros in the first."""
    late = nn.functional.pad(clip[:, :channels], (0, 0, 0, 0, 1, 0))[:, :, : clip.shape[2]]
    return torch.cat([late, clip[:, channels:]], dim=1)


@settings(max_examples=40)
@given(
    channels=st.integers(8, 25),
    frames=st.integers(1, 5),
    clips=st.integers(1, 3),
    layout=st.sampled_from([torch.contiguous_format, torch.channels_last]),
)
def test_equals_the_convolution_of_clips_shifted_by_hand(channels, frames, clips, layout):
    convolution = nn.Conv2d(channels, 3, 3, padding=1, dtype=torch.float64)
    unit = ShiftedConv("conv", convolution, Fold(frames))
    clip = torch.randn(clips, channels, frames, 5, 4, dtype=torch.float64, requires_grad=True)
    folded = clip.permute(2, 0, 1, 3, 4).flatten(0, 1).contiguous(memory_format=layout)
    shifted = a_frame_late(clip, channels // 8).permute(2, 0, 1, 3, 4).flatten(0, 1)
    actual, expected = unit(folded), convolution(shifted)
    assert_same_with_gradients(actual, expected, [clip, *convolution.parameters()])


def test_what_goes_into_it_stays_as_it_was():
    frames = torch.randn(4, 8, 3, 3)
    before = frames.clone()
    ShiftedConv("conv", nn.Conv2d(8, 2, 1), Fold(2))(frames)
    assert torch.equal(frames, before)


def test_tsm18_is_c2d18_with_the_first_convolution_of_each_block_shifted():
    net = create_model("tsm18", 5)
    assert [unit.name for unit in net.modules() if isinstance(unit, ShiftedConv)] == [
        f"layer{stage}.{block}.conv1" for stage in range(1, 5) for block in range(2)
    ]
    plain = create_model("c2d18", 5)
    weights = {name.replace(".convolution", ""): value for name, value in net.state_dict().items()}
    plain.load_state_dict(weights)
    clip = random_clip(3)
    with torch.no_grad():
        one, other = net.eval().frame_logits(clip), plain.eval().frame_logits(clip)
    assert not torch.allclose(one, other, rtol=1e-3)


def test_it_sees_as_many_earlier_frames_as_it_has_shifts():
    net, clip = (
        make_shifted(
            nn.Sequential(*(nn.Conv2d(8, 8, 1) for _ in range(2)), nn.AdaptiveAvgPool2d(1), nn.Flatten()),
            lambda *_: True,
        ),
        torch.randn(1, 8, 6, 4, 4),
    )
    changed = clip.clone()
    changed[:, :, 2] += 1
    with torch.no_grad():
        moved = (net.frame_logits(changed) - net.frame_logits(clip)).abs().amax(dim=(0, 2)) > 0
    assert moved.tolist() == [False, False, True, True, True, False]


def test_too_few_channels_are_refused():
    with pytest.raises(InputError, match=r"^0: has 3 input channels, of which none can be shifted"):
        make_shifted(nn.Sequential(nn.Conv2d(3, 4, 3)), lambda *_: True)

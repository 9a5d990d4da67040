"""The recurrence as matrix products, in one piece and in chunks, called as a GPU's clips of many frames call it."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from large_norm import assert_near, growing

from rcn_bench.ops.product_scan import scan_backward, scan_forward
from rcn_bench.ops.reference import reference_scan

pytestmark = pytest.mark.usefixtures("fixed_seed_and_one_thread")


def exact(x, w_hh, grad_h):
    """float64 hidden states and the gradient of x, by autograd through the plain loop."""
    x = x.double().requires_grad_()
    h = reference_scan(x, w_hh)
    h.backward(grad_h.double())
    return h.detach(), x.grad


@settings(max_examples=60)
@given(
    frames=st.integers(1, 150),
    positions=st.integers(1, 4),
    channels=st.integers(1, 6),
    chunk=st.sampled_from([None, 2, 4, 8, 16]),
    seed=st.integers(0, 2**32),
)
def test_any_chunks_give_the_states_and_gradients_of_the_loop(frames, positions, channels, chunk, seed):
    generator = torch.Generator().manual_seed(seed)
    x, grad_h = torch.randn(2, frames, positions, channels, generator=generator, dtype=torch.float64)
    w_hh = torch.randn(channels, channels, generator=generator, dtype=torch.float64) / channels**0.5
    h, grad_x = exact(x, w_hh, grad_h)
    torch.testing.assert_close(scan_forward(x, w_hh, 0.5, chunk), h, rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(scan_backward(grad_h, w_hh, 0.5, chunk), grad_x, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("frames", [40, 140])
def test_chunks_bear_a_recurrence_of_a_large_norm(frames):
    x, w_hh = growing(frames)
    h, grad_x = exact(x, w_hh, x)
    assert_near(scan_forward(x, w_hh, 0.5, 8), h)
    assert_near(scan_backward(x, w_hh, 0.5, 8), grad_x)


@pytest.mark.parametrize(("frames", "chunk"), [(32, 4), (64, 4), (128, 8)])
@pytest.mark.parametrize("noise", [0.0, 0.5])
def test_chunks_are_nearly_as_exact_as_one_piece_in_bfloat16(frames, chunk, noise):
    x, grad_h = torch.randn(2, frames, 16, 128).bfloat16()
    w_hh = (torch.eye(128) + noise * torch.randn(128, 128) / 128**0.5).bfloat16()
    for scan, argument, wanted in zip((scan_forward, scan_backward), (x, grad_h), exact(x, w_hh, grad_h), strict=True):
        whole, in_chunks = ((scan(argument, w_hh, 0.5, size).double() - wanted).norm() for size in (None, chunk))
        assert in_chunks <= 1.3 * whole


def test_the_arguments_are_left_alone():
    x, w_hh = torch.randn(33, 3, 4), torch.randn(4, 4)
    copies = x.clone(), w_hh.clone()
    scan_forward(x, w_hh, 0.5, 4)
    scan_backward(x, w_hh, 0.5, 4)
    assert torch.equal(x, copies[0])
    assert torch.equal(w_hh, copies[1])

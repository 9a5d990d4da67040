"""The recurrence as one operator against the loop of the paper's authors and against a plain copy of its input."""

import pytest
import torch
from torch import nn

from rcn_bench.ops import recurrent_scan

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
# N clips of T frames, C channels on HxW, as in the four stages of an 8-frame run at 32x32 and at 112x112.
SIZES = {
    "C64-8x8": (16, 8, 64, 8, 8),
    "C128-4x4": (16, 8, 128, 4, 4),
    "C256-2x2": (16, 8, 256, 2, 2),
    "C512-1x1": (16, 8, 512, 1, 1),
    "C64-28x28": (8, 8, 64, 28, 28),
}


def authors_loop(clip, w_hh):
    """Their code: clip (N, C, T, H, W); a 1x1 convolution of the state before, frames put side by side with cat."""
    kernel = w_hh[:, :, None, None]
    states = [clip[:, :, 0]]
    for t in range(1, clip.shape[2]):
        states.append((nn.functional.conv2d(states[-1], kernel) + clip[:, :, t]) / 2)
    return torch.cat([state.unsqueeze(2) for state in states], dim=2)


IMPLEMENTATIONS = {
    "copy": lambda x, w_hh: x.clone(),
    "scan": recurrent_scan,
    "authors_loop": authors_loop,
}


def arguments(name, size):
    """The same numbers in each one's own layout: (T, M, C) for the scan, (N, C, T, H, W) for the loop."""
    n, t, c, h, w = SIZES[size]
    torch.manual_seed(0)
    clip = torch.randn(n, c, t, h, w, device=DEVICE)
    w_hh = torch.randn(c, c, device=DEVICE) / c**0.5
    x = clip if name == "authors_loop" else folded(clip)
    return x.detach().requires_grad_(), w_hh.requires_grad_()


def folded(clip):
    return clip.permute(2, 0, 3, 4, 1).flatten(1, 3).contiguous()


def forward(function, x, w_hh):
    with torch.inference_mode():
        function(x, w_hh)
    synchronize()


def forward_and_backward(function, x, w_hh, grad_h):
    torch.autograd.grad(function(x, w_hh), (x, w_hh), grad_h, allow_unused=True)
    synchronize()


def synchronize():
    if DEVICE == "cuda":
        torch.cuda.synchronize()


@pytest.fixture(scope="module", params=SIZES)
def size(request):
    """A size at which the scan and the loop give the same states and gradients."""
    results = []
    for name in ("scan", "authors_loop"):
        x, w_hh = arguments(name, request.param)
        h = IMPLEMENTATIONS[name](x, w_hh)
        gradients = torch.autograd.grad(h.square().sum(), (x, w_hh))
        results.append([h, *gradients])
    (h, grad_x, grad_w), (loop_h, loop_grad_x, loop_grad_w) = results
    torch.testing.assert_close(h, folded(loop_h), rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(grad_x, folded(loop_grad_x), rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(grad_w, loop_grad_w, rtol=1e-3, atol=1e-3 * loop_grad_w.abs().max().item())
    return request.param


@pytest.mark.parametrize("name", IMPLEMENTATIONS)
def test_forward(benchmark, name, size):
    benchmark.group = f"scan forward {size}"
    benchmark.pedantic(
        forward, (IMPLEMENTATIONS[name], *arguments(name, size)), rounds=20, iterations=3, warmup_rounds=2
    )


@pytest.mark.parametrize("name", IMPLEMENTATIONS)
def test_forward_and_backward(benchmark, name, size):
    benchmark.group = f"scan forward and backward {size}"
    x, w_hh = arguments(name, size)
    step = IMPLEMENTATIONS[name], x, w_hh, torch.randn_like(x)
    benchmark.pedantic(forward_and_backward, step, rounds=20, iterations=3, warmup_rounds=2)
